#pragma once
// A notice board in Redis. A notice ends 90 seconds after it was put up, so that a node that has gone is silent soon;
// that it was there is known for a day.
//
// Keys, all in one hash slot (Redis Cluster):
//
//   PREFIX:n1{notices}text/NAME/NODE  the text; ends by itself
//   PREFIX:n1{notices}nodes           a sorted set: NODE by when it put up something last, in milliseconds since 1970
//   of
//                                     Redis' own clock; ends a day after the last, as does each of its members
//
// The 1 is the version of all this. A script puts up, in one step; reading is two commands, for the nodes and then for
// their texts, of the 200 nodes at most that were heard last.
//
// While Redis is away nothing is put up, and to read is an error, by the deadline of a call or a second at the latest.
// Nothing waits to be sent again. It has a connection of its own, so that a large answer holds up no decision. It says
// nothing of losing or finding it: that is what RedisStore says of the same Redis.
//
// Threads: one, that of the io_context, which must outlive it and is not to run after it.

#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "store/notice_board.hpp"
#include "store/redis_address.hpp"
#include "store/redis_connection.hpp"
#include "store/wake_timer.hpp"

namespace mxwarden::store {

class RedisNoticeBoard final : public NoticeBoard, private RedisConnection {
 public:
  static constexpr Duration good_for = std::chrono::seconds(90);
  static constexpr Duration known_for = std::chrono::hours(24);

  struct Options : RedisConnection::Options {
    std::string node;  // no two nodes have the same; without `/'
  };

  RedisNoticeBoard(boost::asio::io_context& context, const Clock& clock, std::unique_ptr<RedisLocator> locator,
                   const Options& options);
  ~RedisNoticeBoard() override;

  void start();
  // Closes the connection for good: who reads is told so, and nothing holds the io_context any more.
  void stop();

  void put(std::string_view name, std::string_view text) override;
  void read(std::string_view name, Read done) override;

 private:
  // What Redis has not answered: something that was put up; or, with `done`, the nodes, and then their texts.
  struct Call {
    Instant deadline;
    std::string name;
    Read done;
    std::optional<std::vector<std::string>> nodes;  // whose texts are asked for
  };

  void received(const RedisReply& reply) override;
  void turn_ends() override {}
  void fail_all() override;
  void tell_changes() override {}

  std::string key_of(std::string_view name, std::string_view node) const;
  void send(Call call);
  void deadline_came();
  void take_nodes(Call call, const RedisReply& reply);
  void take_texts(const Call& call, const RedisReply& reply);
  void refuse(const Call& call, std::string_view error);
  void lose(const Call& call);
  Error away() const;

  std::string node_;
  std::string common_;  // of all keys
  Duration deadline_;
  std::deque<Call> in_flight_;  // in the order of their replies
  WakeTimer deadline_timer_;
  bool with_text_ = false;  // the server has forgotten the script
  log::RepeatedWarning refused_;
};

}  // namespace mxwarden::store
