#pragma once
// Counts that all nodes share, in Redis. One question to the script for each entity of a batch, and the questions of a
// turn together in a call, but for looks and those about the same entity; all calls of a turn leave in one write, over
// one connection. Whatever goes wrong, each batch is answered by its deadline: with no answers, for Redis cannot say
// (store/resilient_store.hpp knows what then).
//
// An error is that of a call: all its questions go unanswered for what one of them has met, and those before it may
// have been counted. If it is one that concerns a question alone, each has a call of its own for a while, so that the
// others are answered again and the log can say which it is.
//
// A call is never sent twice if the first may have counted; only one that came to a server that does not know the
// script (NOSCRIPT) is sent again, with its text. When a call is not answered in time the connection is closed, never
// used again: replies have no names, and the next one would be taken for that of another call. While there is no
// connection that has been greeted, nothing waits: batches are answered at the next flush().
//
// Threads: one, that of the io_context, which must outlive it and is not to run after it. Memory: what is
// outstanding, which is bounded by who asks (a policy connection has one question at a time).

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "store/redis_address.hpp"
#include "store/redis_connection.hpp"
#include "store/redis_script.hpp"
#include "store/redis_wire.hpp"
#include "store/store.hpp"

namespace mxwarden::store {

class RedisStore final : public Store, private RedisConnection {
 public:
  struct Options : RedisConnection::Options {
    std::string node;            // of gauges: another one on each node
    bool time_of_batch = false;  // Batch::now instead of the server's time: for tests with a clock of their own
  };

  struct Statistics {
    bool up = false;  // greeted, and able to count
    std::uint64_t questions = 0;
    std::uint64_t calls = 0;
    std::uint64_t connections = 0;  // made
  };

  RedisStore(boost::asio::io_context& context, const Clock& clock, std::unique_ptr<RedisLocator> locator,
             Options options);
  ~RedisStore() override;

  // Connects; until it has, each batch goes unanswered.
  void start();
  // Closes the connection for good: what is outstanding goes unanswered, and nothing holds the io_context any more.
  void stop();

  void execute(const Batch& batch, Instant deadline, Completion completion) override;
  void flush() override;
  void tick(Instant) override {}
  std::string_view name() const override { return "redis"; }

  Statistics statistics() const;
  // Questions that are not answered yet.
  std::size_t outstanding() const { return in_flight_.size(); }

 private:
  // In a call, which is one step of the server's: nobody else is answered meanwhile.
  static constexpr std::size_t keys_most = 64;

  // A batch that was asked. Kept and used again.
  struct Ask {
    const Batch* batch = nullptr;
    Completion completion;  // empty: it was answered
    Instant deadline{};
    std::vector<CountAnswer> answers;
    std::vector<std::uint32_t> order;  // of its counts, those of an entity together
    std::size_t questions_left = 0;
    bool can_say = true;
  };

  // One entity's part of a batch.
  struct Question {
    Ask* ask;
    std::uint32_t first;  // of ask->order
    std::uint32_t size;

    const std::string& entity() const { return ask->batch->counts[ask->order[first]].entity; }
    RedisQuestion asked() const { return {ask->batch, std::span(ask->order).subspan(first, size)}; }
  };

  using Questions = boost::container::small_vector<Question, keys_most>;

  // One call of the script that Redis has not answered.
  struct Call {
    std::size_t questions;
    std::size_t keys;
    bool with_text;  // EVAL
  };

  Ask& take_ask();
  bool has_time(const Ask& ask, Instant now) const;
  void put_questions(Ask& ask);
  void put(const Question& question);
  bool fits(const Question& question) const;
  void send_call(bool with_text);
  void forget_call();
  void is_over(const Question& question, bool can_say);
  void answer(Ask& ask);

  void received(const RedisReply& reply) override;
  void turn_ends() override { flush(); }
  void fail_all() override;
  void tell_changes() override;
  void moves() override { told_.clear(); }

  void take_answer(const Call& call, const RedisReply& reply);
  void take_error(const Call& call, const RedisReply& reply);
  Questions take_questions(const Call& call);
  void await_deadline();
  Instant next_deadline() const;

  Options options_;
  RedisNames names_;

  std::vector<std::unique_ptr<Ask>> asks_;
  std::vector<Ask*> unused_;
  std::vector<Ask*> asked_;  // since the last flush()
  bool flushing_ = false;
  Instant apart_until_{};              // each question has a call of its own
  ScriptCall call_;                    // that is being put together
  std::vector<Question> together_;     // its questions
  std::vector<std::size_t> entities_;  // theirs, by a hash
  // In the order of their replies.
  std::deque<Question> in_flight_;
  std::deque<Call> calls_;
  boost::asio::steady_timer deadline_timer_;
  std::optional<Instant> awaited_;    // by deadline_timer_
  Instant soonest_ = Instant::max();  // deadline of what was sent since it was last set

  bool was_up_ = false;
  std::string told_;  // the trouble that was logged last
  log::RepeatedWarning error_;
  Statistics statistics_;
};

}  // namespace mxwarden::store
