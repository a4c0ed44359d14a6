#pragma once
// The control socket: lines in, lines out, for the command mxwarden and whoever else the socket's mode lets in. What a
// line means is server/control_operations.hpp's.
//
// Several requests may be sent at once; they are answered one after the other, in their order. While one waits for its
// answer, or an answer is not yet taken, nothing more is read, so that a connection holds two lines and what one read
// brings, at most. A client that sends no more may go on reading: what it asked is answered before the end.
//
// An operation may go on after its answer, with a stream of lines (server/control_stream.hpp). Then nothing else can be
// asked on this connection: a client that sends anything is told so and closed, and one that closes, or sends no more,
// ends the stream. A stream has no end of its own by time, neither while there is nothing to say nor while its client
// does not read.
//
// Limits: 64 connections, one more is told so and closed; of them 48 streams, so that a question finds a place; lines
// of 64 KiB with their line feed, a longer one is told so and closed; 10 s to finish a line that was begun and to take
// an answer; 10 minutes without a request.
//
// Threads: one. What it is made with must outlive it; an answer that comes when a connection or the server is gone is
// dropped.

#include <chrono>
#include <memory>
#include <unordered_set>

#include "base/clock.hpp"
#include "base/file_descriptor.hpp"
#include "server/control_operations.hpp"
#include "server/socket.hpp"

namespace mxwarden::server {

class ControlConnection;

class ControlServer {
 public:
  static constexpr std::size_t most_connections = 64;
  static constexpr std::size_t most_streams = 48;
  static constexpr std::size_t longest_line = 65536;

  struct Patience {
    Duration with_line = std::chrono::seconds(10);  // and with an answer
    Duration with_silence = std::chrono::minutes(10);
  };

  ControlServer(boost::asio::io_context& context, ControlOperations& operations)
      : ControlServer(context, operations, Patience()) {}
  ControlServer(boost::asio::io_context& context, ControlOperations& operations, Patience patience)
      : context_(context), operations_(operations), patience_(patience) {}
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  ~ControlServer() { close_all(); }

  // `socket` must not block.
  void open(FileDescriptor socket);
  void close_all();
  // Each second.
  void tick();
  std::size_t size() const { return open_.size(); }

 private:
  friend class ControlConnection;

  boost::asio::io_context& context_;
  ControlOperations& operations_;
  Patience patience_;
  std::unordered_set<std::shared_ptr<ControlConnection>> open_;
  std::size_t streams_ = 0;
};

}  // namespace mxwarden::server
