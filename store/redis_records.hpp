#pragma once
// Records that all nodes share, in Redis. Each node has a copy of all of them in its book, and writes go to Redis
// first: one call of a script each, in the book as soon as Redis has acknowledged it. What is acknowledged survives
// what Redis survives (docs/redis.md).
//
// A change is made of the copy, and Redis writes it only if the copy is right. If it is not, the change is made again
// of what is there, up to 16 times; so nothing that others write meanwhile is lost. Of each record one write is on its
// way at a time; changes that are asked for meanwhile go together in the next. What Redis has forgotten as it is full
// counts as none then, and so does a text that is no record of this release.
//
// While Redis is away the copy stays in use and current() is false. A write fails then, by the deadline at the latest
// (that of each call; another one of the same record may be before it), and nothing is kept locally. When its answer
// was lost, the error says that it may have been done; writes can be repeated. Only one that came to a server that does
// not know the script (NOSCRIPT) is sent again by itself.
//
// The copy is read whole after each connecting, in small pages with short pauses between them, so that no turn of the
// loop is long, no reply large, and decisions get their turns:
//
//   1. the id of the last change in the stream is noted
//   2. the index, page by page (ZSCAN: of a sorted set that changes meanwhile it misses nothing that is there all
//      along; ranks would move), and the texts of each page; all of it goes into the book at once
//   3. the changes since the one noted, in their order: what was erased meanwhile is erased here
//   4. what was not seen in all this leaves the book, some hundred names a turn
//
// From then on the stream is asked for more each 100 ms. Each question begins with the change that was heard last: if
// that is not the first of the answer, the stream was trimmed or lost, or this is another Redis, and all is read again.
// (While there are no changes at all, and so no records, any change means so.) Until 3. is through, followers may be
// told of a state that is already over; they are told of the next one right after. What this node has written itself is
// never undone by an older change that it hears of later.
//
// A name in the index whose text is gone was forgotten by Redis, which is full: the copy of it stays. A text that is no
// record of this release is passed over, with a warning, and what the copy has of its name stays; so does the text.
//
// Ends are wall times, and each node goes by its own clock; the ends of keys in Redis only clean up.
//
// It has a connection of its own, so that reading everything holds up no decision. It says nothing of losing or finding
// it: that is what RedisStore says of the same Redis.
//
// Threads: one, that of the io_context, which must outlive it and is not to run after it. Memory: the book, and while
// everything is read 30 bytes a record.
//
// BUGS: it listens to a master that has become a replica without closing its connections until the next write finds
// out. What other nodes wrote is heard in the meantime by way of replication.
// A change that leaves what another node has just written as it is may be done before the book has heard of that.

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "store/prefix_hash.hpp"
#include "store/record_book.hpp"
#include "store/records.hpp"
#include "store/redis_address.hpp"
#include "store/redis_connection.hpp"
#include "store/redis_record_wire.hpp"
#include "store/redis_record_write.hpp"
#include "store/redis_wire.hpp"
#include "store/wake_timer.hpp"

namespace mxwarden::store {

class RedisRecords final : public Records, private RedisConnection {
 public:
  using Options = RedisConnection::Options;

  RedisRecords(boost::asio::io_context& context, const Clock& clock, std::unique_ptr<RedisLocator> locator,
               Options options);
  ~RedisRecords() override;

  // Connects; until it has and everything is read, current() is false.
  void start();
  // Closes the connection for good: writes that are outstanding fail, and nothing holds the io_context any more.
  void stop();

  void update(RecordKind kind, const Prefix& net, Records::Change change, Updated done) override;
  void erase(RecordKind kind, const Prefix& net, Erased done) override;
  void tick() override;
  const RecordBook& book() const override { return book_; }
  RecordBook& book() override { return book_; }
  bool current() const override;

  // Writes that are not answered yet.
  std::size_t outstanding() const;

 private:
  // What Redis has not answered.
  struct Call {
    Instant deadline;
    std::unique_ptr<RedisRecordWrite> write;  // null: the one question that is asked of the copy
    bool with_text = false;                   // EVAL
  };

  // What the copy is asked for next; see above.
  enum class Step : std::uint8_t { nothing, last_change, index, texts, catch_up, leave, follow };

  using Writes = std::deque<std::unique_ptr<RedisRecordWrite>>;

  // Of one kind.
  using Nets = PrefixTables<boost::unordered_flat_set<Prefix, PrefixHash>>;

  void received(const RedisReply& reply) override;
  void turn_ends() override {}
  void fail_all() override;
  void tell_changes() override;

  void begin_next(const std::string& name);
  std::unique_ptr<RedisRecordWrite> next_write(const std::string& name);
  bool may_write() const;
  void begin_write(std::unique_ptr<RedisRecordWrite> write);
  void send_write(Call call);
  void await(Call call);
  void deadline_came();
  void take_write(Call call, const RedisReply& reply);
  void written(const RedisRecordWrite& write, ChangeId id);
  void try_again(std::unique_ptr<RedisRecordWrite> write, std::string_view there);
  void refuse_write(Call call, std::string_view error);

  void begin_copy();
  void go_on();
  void go_on_after(Duration pause);
  void take_read(const RedisReply& reply);
  bool take_step(const RedisReply& reply);
  bool take_last_change(const RedisReply& reply);
  bool take_index_page(const RedisReply& reply);
  bool take_texts(const RedisReply& reply);
  bool take_changes(const RedisReply& reply);
  void weigh(std::size_t bytes);
  void take_change(const HeardChange& change);
  void take_text(const RecordName& name, std::string_view text);
  void next_page();
  void let_leave();
  void keep(Record record);
  void see(const RecordName& name);
  void pass_over(std::string_view name, std::string_view why);

  Options options_;
  RedisRecordCommands commands_;
  RecordBook book_;

  std::deque<Call> in_flight_;  // in the order of their replies
  // By the name of their record; each that is here has a write in flight before them.
  std::unordered_map<std::string, Writes> waiting_;
  std::optional<Instant> awaited_;
  WakeTimer deadline_timer_;

  Step step_ = Step::nothing;
  bool asking_ = false;  // the question of step_ is in flight
  WakeTimer step_timer_;
  std::string cursor_;
  std::vector<std::string> unread_;  // names of the page
  std::vector<std::string> asked_;   // whose texts are in flight
  std::size_t texts_at_once_;
  std::array<Nets, record_kinds> seen_;
  std::size_t leaving_ = 0;                               // kind
  std::optional<Prefix> leaving_after_;                   // net
  std::optional<ChangeId> heard_;                         // the last change; none: there are none
  boost::unordered_flat_map<std::string, ChangeId> own_;  // changes that are in the book and still to be heard of
  bool complete_ = false;
  Instant answered_{};  // when the stream was last asked and has answered

  log::RepeatedWarning passed_over_;
  log::RepeatedWarning refused_;
};

}  // namespace mxwarden::store
