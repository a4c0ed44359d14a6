#pragma once
// The life of a connection to a Redis that takes calls: what RedisStore and RedisRecords have in common. It goes where
// the locator says, does what RedisLink wants done, and tells the locator of doubt. What is called, and what becomes of
// the answers, is for the class that derives from it, which takes the replies itself (received()).
//
// When the server is somewhere else than before, the connection is closed at once, however well it works: a master that
// was replaced while it was frozen takes calls for seconds after it has thawed, and they are lost.
//
// Threads: one, that of the io_context, which must outlive it and is not to run after it.

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "store/redis_address.hpp"
#include "store/redis_link.hpp"
#include "store/redis_socket.hpp"
#include "store/redis_wire.hpp"
#include "store/wake_timer.hpp"

namespace mxwarden::store {

class RedisConnection : protected RedisSocket::Owner {
 public:
  struct Options {
    std::string user;
    std::string password;
    int db = 0;
    std::string prefix = "mxw";
    Duration deadline = std::chrono::milliseconds(100);  // of a call
    std::shared_ptr<RedisTls> tls;                       // none: in plain text
    std::uint64_t seed = 0;                              // of the jitter; random in a daemon
  };

  ~RedisConnection() override;

 protected:
  // `script` must stay.
  RedisConnection(boost::asio::io_context& context, const Clock& clock, std::unique_ptr<RedisLocator> locator,
                  const Options& options, std::string_view script);

  void open();
  // For good: calls that are outstanding have failed, and nothing here holds the io_context any more.
  void shut();

  void follow(RedisLink::Action action);
  // True: the reply was one to the greeting, and is dealt with.
  bool takes(const RedisReply& reply) {
    if (link_.state() != RedisLink::State::greeting) return false;
    follow(link_.greeted(reply, clock_.now()));
    return true;
  }

  void lost(std::string_view why) override;

  const Clock& clock_;
  RedisLink link_;
  RedisServerAddress server_;
  RedisSocket socket_;
  std::uint64_t connections_ = 0;  // made
  bool stopped_ = false;

 private:
  // The connection is closed: no call that is outstanding will be answered. May shut it.
  virtual void fail_all() = 0;
  // The link may be in another state, or have another trouble.
  virtual void tell_changes() = 0;
  // The server is another one, to which no connection has been made yet.
  virtual void moves() {}

  void connected() override;
  void moved(const RedisServerAddress& server);
  void woke();
  void close();

  std::unique_ptr<RedisLocator> locator_;
  WakeTimer link_timer_;
};

}  // namespace mxwarden::store
