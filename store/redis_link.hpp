#pragma once
// The life of the connection to Redis, as a machine without I/O: connect, greet, ready; rest; back off and try again.
//
// Whoever has the socket tells it what has happened and does what it says; tests step it by hand. Between wakes_at()
// and the next event it has nothing to do.
//
//   waiting     no connection; until wakes_at() (store/back_off.hpp; 30 s when only an administrator can help)
//   connecting  a connection is being made; given up at wakes_at()
//   greeting    AUTH, SELECT, ROLE and SCRIPT LOAD were sent together; all replies by wakes_at()
//   ready       calls may be sent
//   resting     connected, but Redis cannot count now (OOM, MISCONF, ...): no calls until wakes_at(), half a second;
//               the next call then is the probe, and no other is sent until it is answered
//
// The back-off grows each time it is used, and begins anew when a call was answered well, not when a connection was
// made: one that connects only to fail must not come every 50 ms. A server that cannot be greeted since it cannot count
// now is tried each half second. An error in the greeting that is not understood will not go by itself, so it is an
// administrator's.
//
// It does not know which server it is connected to: who does tells it of another one, and is told when this one is
// doubtful.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "store/back_off.hpp"
#include "store/redis_error.hpp"
#include "store/redis_wire.hpp"

namespace mxwarden::store {

class RedisLink {
 public:
  struct Options {
    std::string user;      // empty: the default user
    std::string password;  // empty: no AUTH
    int db = 0;
    std::string_view script;                             // must stay
    Duration greeting_within = std::chrono::seconds(1);  // connecting, and then greeting
    bool tls = false;                                    // which is a part of connecting
    std::uint64_t seed = 0;                              // of the jitter
  };

  enum class State : std::uint8_t { waiting, connecting, greeting, ready, resting };

  // What is to be done now. Of close: the socket, and whatever was sent on it will never be answered.
  enum class Action : std::uint8_t { none, connect, send_greeting, close };

  explicit RedisLink(const Options& options);

  // There is a server to connect to, or another than before: connects at once, whatever the state, and what was known
  // of the one before is forgotten.
  Action moved(Instant now);
  Action connected(Instant now);  // -> send_greeting
  // While greeting, for each reply in turn.
  Action greeted(const RedisReply& reply, Instant now);
  // While ready or resting: a call is sent. The first after a rest is the probe.
  void called();
  // While ready or resting: an error reply to a call, understood.
  Action troubled(const RedisTrouble& trouble, std::string_view error, Instant now);
  // While ready or resting: a call was answered well.
  void answered();
  // The connection could not be made, has ended, did not answer in time, or speaks something else.
  Action lost(std::string_view why, Instant now);
  // wakes_at() has come.
  Action woke(Instant now);

  State state() const { return state_; }
  // Calls may be sent now. While resting only when its end has come: the one that is sent then is the probe.
  bool takes_calls(Instant now) const;
  // The server may be the wrong one: it is a replica, or three connections in a row have come to nothing.
  bool doubts_server() const;
  std::optional<Instant> wakes_at() const { return wakes_at_; }
  // The commands of send_greeting, as they go over the wire.
  std::string greeting() const;
  // Of the script, once ready.
  const std::string& digest() const { return digest_; }
  // The last failure, in words for an administrator; never holds the password. Empty since a call was answered well.
  const std::string& trouble() const { return trouble_; }

 private:
  // The commands of the greeting.
  enum class Step : std::uint8_t { auth, select, role, script };

  bool is_connected() const { return state_ == State::ready || state_ == State::resting; }
  bool needs(Step step) const;
  void advance_to(Step step);
  Action connect(Instant now);
  Action refused(std::string_view error, Instant now);
  Action role_is(const RedisReply& reply, Instant now);
  Action script_is(const RedisReply& reply, Instant now);
  Action close_until(Instant wakes_at);
  Action try_again(Instant now);
  void end_rest();

  State state_ = State::waiting;
  Step step_ = Step::auth;  // whose reply is next, while greeting
  bool probing_ = false;    // while resting
  std::optional<Instant> wakes_at_;
  BackOff back_off_;
  int failures_ = 0;  // connections in a row on which no call was answered well
  std::string digest_;
  std::string trouble_;
  Options options_;
};

}  // namespace mxwarden::store
