#pragma once
// Counts that all nodes share, in Redis. One script call for each entity of a batch; all calls of a turn leave in one
// write, over one connection. Whatever goes wrong, each batch is answered by its deadline: with no answers, for Redis
// cannot say (store/resilient_store.hpp knows what then).
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
  // Calls that are not answered yet.
  std::size_t outstanding() const { return in_flight_.size(); }

 private:
  // A batch that was asked. Kept and used again.
  struct Ask {
    const Batch* batch = nullptr;
    Completion completion;  // empty: it was answered
    Instant deadline{};
    std::vector<CountAnswer> answers;
    std::vector<std::uint32_t> order;  // of its counts, those of an entity together
    std::size_t calls_left = 0;
    bool can_say = true;
  };

  // One call of the script that Redis has not answered.
  struct Call {
    Ask* ask;
    std::uint32_t first;  // of ask->order
    std::uint32_t size;
    bool with_text;  // EVAL
  };

  Ask& take_ask();
  bool has_time(const Ask& ask, Instant now) const;
  void send_calls(Ask& ask);
  void send_call(const Call& call);
  void call_is_over(const Call& call, bool can_say);
  void answer(Ask& ask);

  void received(const RedisReply& reply) override;
  void turn_ends() override { flush(); }
  void fail_all() override;
  void tell_changes() override;
  void moves() override { told_.clear(); }

  void take_answer(const RedisReply& reply);
  void await_deadline();
  Instant next_deadline() const;

  Options options_;
  RedisNames names_;

  std::vector<std::unique_ptr<Ask>> asks_;
  std::vector<Ask*> unused_;
  std::vector<Ask*> asked_;  // since the last flush()
  bool flushing_ = false;
  std::deque<Call> in_flight_;  // in the order of their replies
  boost::asio::steady_timer deadline_timer_;
  std::optional<Instant> awaited_;    // by deadline_timer_
  Instant soonest_ = Instant::max();  // deadline of what was sent since it was last set

  bool was_up_ = false;
  std::string told_;  // the trouble that was logged last
  log::RepeatedWarning call_failed_;
  Statistics statistics_;
};

}  // namespace mxwarden::store
