#pragma once
// What one sentinel has to say about our master, as a machine without I/O: connect, ask, listen; back off and try
// again.
//
// Whoever has the socket tells it what has happened and does what it says; tests step it by hand. Between wakes_at()
// and the next event it has nothing to do.
//
//   waiting     no connection; until wakes_at() (store/back_off.hpp)
//   connecting  a connection is being made; given up at wakes_at()
//   asking      the question was sent; all replies by wakes_at()
//   listening   subscribed to +switch-master; asks again at wakes_at(), since a sentinel that is gone without a word
//               is noticed only by a question
//
// A connection that is subscribed takes no questions in RESP2. So a question is three commands in one write: end the
// subscription, ask, subscribe. A sentinel works them off without doing anything in between, so no switch is missed.
//
// The back-off begins anew when a question was answered. A sentinel that does not know the master goes on being asked:
// an administrator may yet tell it.
//
// Not supported: sentinels that ask for a password, and those that name the master by the name of a host
// (`sentinel announce-hostnames yes').

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "store/back_off.hpp"
#include "store/redis_address.hpp"
#include "store/redis_wire.hpp"

namespace mxwarden::store {

class RedisSentinel {
 public:
  struct Options {
    std::string master;                                        // what the sentinels call it
    Duration answers_within = std::chrono::milliseconds(500);  // connecting, and then each question
    Duration asked_every = std::chrono::seconds(10);
    bool tls = false;        // which is a part of connecting
    std::uint64_t seed = 0;  // of the jitter
  };

  enum class State : std::uint8_t { waiting, connecting, asking, listening };

  // What is to be done now. Of close: the socket. Of follow: the master has been replaced, and names() is the new one.
  enum class Action : std::uint8_t { none, connect, send_question, close, follow };

  explicit RedisSentinel(const Options& options);

  Action start(Instant now);
  Action connected(Instant now);  // -> send_question
  // While listening: the answer is wanted now.
  Action ask(Instant now);
  // While asking or listening, for each reply in turn.
  Action received(const RedisReply& reply, Instant now);
  // The connection could not be made, has ended, or speaks something else.
  Action lost(std::string_view why, Instant now);
  // wakes_at() has come.
  Action woke(Instant now);

  State state() const { return state_; }
  // It may say something in the next moment.
  bool is_busy() const { return state_ == State::connecting || state_ == State::asking; }
  std::optional<Instant> wakes_at() const { return wakes_at_; }
  // The commands of send_question, as they go over the wire.
  std::string question() const;
  // Where it has last said that the master is; nothing while there is no connection.
  const std::optional<SocketAddress>& names() const { return names_; }
  // What is wrong, in words for an administrator. Empty since a question was answered well.
  const std::string& trouble() const { return trouble_; }

 private:
  // The commands of the question.
  enum class Step : std::uint8_t { unsubscribe, answer, subscribe };

  Action replied(const RedisReply& reply, Instant now);
  Action answer_is(const RedisReply& reply, Instant now);
  Action heard(std::string_view message, Instant now);

  State state_ = State::waiting;
  Step step_ = Step::unsubscribe;  // whose reply is next, while asking
  std::optional<Instant> wakes_at_;
  std::optional<SocketAddress> names_;
  BackOff back_off_;
  std::string trouble_;
  Options options_;
};

}  // namespace mxwarden::store
