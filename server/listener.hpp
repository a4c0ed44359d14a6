#pragma once
// Accepts the connections of one listening socket, for as long as the daemon serves: no error of accept() ends it. When
// descriptors run out it pauses, 100 ms at first and then up to 1 s, as accept() would otherwise spin.

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.hpp"
#include "base/file_descriptor.hpp"
#include "base/log.hpp"
#include "server/entrance.hpp"
#include "server/listening_socket.hpp"
#include "server/socket.hpp"

namespace mxwarden::server {

class Listener {
 public:
  // The entrance's name is the listener's own.
  using Accepted = std::function<void(FileDescriptor, const Entrance&)>;

  // `accepted` runs for each connection, which does not block; must outlive the listener with all it refers to. Closing
  // the listener also ends the ListeningSocket.
  Listener(boost::asio::io_context& context, const Clock& clock, ListeningSocket socket, std::string name,
           Accepted accepted);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { close(); }

  void start() { wait(); }
  // Connections that are not yet accepted are refused, or wait for the successor if systemd holds the socket.
  void close();

  const std::string& name() const { return name_; }
  bool is_tcp() const { return is_tcp_; }
  int fd() const { return socket_.fd(); }
  bool pausing() const { return pause_ > Duration::zero(); }

 private:
  void wait();
  void accept_waiting();
  void pause(int error);
  void hand_over(FileDescriptor connection);

  const Clock& clock_;
  ListeningSocket socket_;
  std::string name_;
  Accepted accepted_;
  bool is_tcp_;
  // Watches a duplicate of the descriptor: Asio closes what it watches.
  boost::asio::posix::basic_stream_descriptor<Executor> readable_;
  Timer pause_timer_;
  Duration pause_{};
  log::RepeatedWarning warning_;
};

}  // namespace mxwarden::server
