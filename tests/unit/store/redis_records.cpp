#include "store/redis_records.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "support/connected_store.hpp"
#include "support/records_conformance.hpp"
#include "support/redis_server.hpp"

namespace mxwarden {
namespace {

using namespace std::chrono_literals;
using store::Ban;
using store::Record;
using store::RecordKind;
using store::RedisRecords;
using tests::net;

constexpr std::string_view common = "mxw:r1{records}";

std::string key(std::string_view name) {
  return std::string(common) + std::string(name);
}

// Some nodes in one loop.
class Cluster {
 public:
  explicit Cluster(const tests::RedisServer& server, int nodes = 2, Duration deadline = 5s) {
    static const bool silent = log::start("unit_store", "file:/dev/null", log::Level::error).has_value();
    REQUIRE(silent);
    for (int node = 0; node < nodes; ++node) add(server, deadline);
  }
  ~Cluster() {
    for (const auto& node : nodes_) node->stop();
    context.restart();
    context.run();  // nothing holds it
  }

  RedisRecords& add(const tests::RedisServer& server, Duration deadline = 5s) {
    RedisRecords::Options options;
    options.deadline = deadline;
    return add(server, options);
  }
  RedisRecords& add(const tests::RedisServer& server, const RedisRecords::Options& options) {
    auto locator = std::make_unique<store::FixedRedisLocator>(store::RedisServerAddress{server.socket_path(), "test"});
    nodes_.push_back(std::make_unique<RedisRecords>(context, clock, std::move(locator), options));
    nodes_.back()->start();
    return *nodes_.back();
  }
  RedisRecords& operator[](std::size_t at) { return *nodes_[at]; }

  // Until it holds, and so long at most.
  template <class Holds>
  bool run_until(Holds holds, Duration most = 10s) {
    const auto end = clock.now() + most;
    while (!holds()) {
      if (clock.now() >= end) return false;
      context.restart();
      const auto began = clock.now();
      const auto used = cpu_time();
      context.run_one_for(5ms);
      longest_turn = std::max(longest_turn, cpu_time() - used);
      longest_turn_and_wait = std::max(longest_turn_and_wait, clock.now() - began);
    }
    return true;
  }
  void run_for(Duration time) {
    run_until([] { return false; }, time);
  }
  bool all_current() {
    return run_until([&] { return std::ranges::all_of(nodes_, [](const auto& node) { return node->current(); }); });
  }

  // The error, or nothing.
  std::string put(std::size_t node, const Record& record) {
    return done([&](auto told) { (*this)[node].put(record, told); });
  }
  std::string erase(std::size_t node, const std::string& of, RecordKind kind = RecordKind::ban) {
    return done([&](auto told) { (*this)[node].erase(kind, net(of), told); });
  }

  std::string update(std::size_t node, const std::string& of, store::Records::Change change,
                     RecordKind kind = RecordKind::ban) {
    return done([&](auto told) { (*this)[node].update(kind, net(of), std::move(change), told); });
  }
  // Without an error.
  bool removes(std::size_t node, const std::string& of) {
    std::optional<Result<bool>> result;
    (*this)[node].erase(RecordKind::ban, net(of), [&](const Result<bool>& told) { result = told; });
    REQUIRE(run_until([&] { return result.has_value(); }));
    return result->value();
  }

  bool has(std::size_t node, const Record& record) {
    const auto found = (*this)[node].book().find_net(record.kind(), record.net, clock.now());
    return found != nullptr && *found == record;
  }
  bool has(std::size_t node, const std::string& of) {
    return (*this)[node].book().find_net(RecordKind::ban, net(of), clock.now()) != nullptr;
  }

  Record ban(const std::string& of, const std::string& reason = "for a test", Duration length = 1h) const {
    const auto until = std::chrono::floor<std::chrono::milliseconds>(clock.wall_now() + length);
    return {.net = net(of), .until = until, .what = Ban{.rule = "harvest", .reason = reason}};
  }

  boost::asio::io_context context{1};
  SystemClock clock;
  Duration longest_turn{};           // what it has cost this thread
  Duration longest_turn_and_wait{};  // and what passed, for Redis and for others on this machine, too

 private:
  static Duration cpu_time() {
    timespec time{};
    REQUIRE(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }

  template <class Begin>
  std::string done(Begin begin) {
    std::optional<std::string> error;
    begin([&](const auto& told) { error = told ? "" : told.error().message; });
    REQUIRE(run_until([&] { return error.has_value(); }));
    return *error;
  }

  std::vector<std::unique_ptr<RedisRecords>> nodes_;
};

// The change that a login makes.
store::Records::Change log_in(const Cluster& cluster, const std::string& of, const std::string& login) {
  const auto until = cluster.ban(of).until;
  return [of, login, until](const Record* before) {
    Record record{.net = net(of), .until = until, .what = store::Grant{}};
    auto& logins = std::get<store::Grant>(record.what).logins;
    if (before != nullptr) logins = std::get<store::Grant>(before->what).logins;
    const auto known = std::ranges::find(logins, login, &store::Grant::Login::name);
    if (known == logins.end()) {
      logins.push_back({.name = login, .first = {}, .last = {}, .refreshes = 0});
    } else {
      ++known->refreshes;
    }
    return record;
  };
}

// The logins of a grant and how often each was refreshed.
std::string logins(const store::RecordBook::Entry& grant) {
  std::string text;
  if (!grant) return text;
  auto known = std::get<store::Grant>(grant->what).logins;
  std::ranges::sort(known, {}, &store::Grant::Login::name);
  for (const auto& login : known) text += fmt::format("{}={} ", login.name, login.refreshes);
  return text;
}

std::int64_t milliseconds(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

// As a node of any release writes it, and without a word in the stream.
void store_text(tests::RedisClient& client, const std::string& name, const std::string& text, WallTime until) {
  client.command({"SET", key(name), text});
  client.command({"ZADD", key("index"), std::to_string(milliseconds(until)), name});
}

}  // namespace

TEST_CASE("Redis keeps every promise of records") {
  tests::RedisServer server;
  struct Node {
    explicit Node(const tests::RedisServer& server) : cluster(server, 1) { REQUIRE(cluster.all_current()); }
    Cluster cluster;
  };
  // Records by themselves are to be asked, so the node stands behind them.
  class Front final : public store::Records {
   public:
    explicit Front(std::shared_ptr<Node> node) : node_(std::move(node)), records_(node_->cluster[0]) {}
    void update(RecordKind kind, const Prefix& of, Change change, Updated done) override {
      records_.update(kind, of, std::move(change), std::move(done));
    }
    void erase(RecordKind kind, const Prefix& of, Erased done) override { records_.erase(kind, of, std::move(done)); }
    void tick() override { records_.tick(); }
    const store::RecordBook& book() const override { return std::as_const(records_).book(); }
    store::RecordBook& book() override { return records_.book(); }
    bool current() const override { return records_.current(); }

   private:
    std::shared_ptr<Node> node_;
    store::Records& records_;
  };
  const std::function<tests::RecordsUnderTest()> open = [&] {
    auto node = std::make_shared<Node>(server);
    tests::RecordsUnderTest under_test;
    under_test.clock = &node->cluster.clock;
    under_test.records = std::make_unique<Front>(node);
    // They are held by what is kept of them, not by each other.
    const std::weak_ptr<Node> weak = node;
    under_test.run = [weak] {
      if (const auto held = weak.lock()) held->cluster.run_until([&] { return held->cluster[0].outstanding() == 0; });
    };
    under_test.pass = [weak](Duration time) { weak.lock()->cluster.run_for(time); };
    under_test.reopen = open;
    return under_test;
  };
  tests::check_records_conformance([&] {
    server.client().command({"FLUSHALL"});
    return open();
  });
}

TEST_CASE("what one node writes is in the other's book within 200 ms, and what it erases is out of it") {
  tests::RedisServer server;
  Cluster cluster(server);
  REQUIRE(cluster.all_current());
  for (const auto* of : {"192.0.2.1", "192.0.2.0/24", "2001:db8::1", "2001:db8::/32"}) {
    CAPTURE(of);
    const auto ban = cluster.ban(of);
    CHECK(cluster.put(0, ban) == "");
    CHECK(cluster.has(0, ban));
    CHECK(cluster.run_until([&] { return cluster.has(1, ban); }, 200ms));
    CHECK(cluster.erase(1, of) == "");
    CHECK_FALSE(cluster.has(1, of));
    CHECK(cluster.run_until([&] { return !cluster.has(0, of); }, 200ms));
  }
  CHECK(cluster[0].current());
  CHECK(cluster[1].current());
}

TEST_CASE("of two nodes that write the same the later one wins on both, and followers hear of each state once") {
  tests::RedisServer server;
  Cluster cluster(server);
  REQUIRE(cluster.all_current());
  CHECK(cluster.put(0, cluster.ban("192.0.2.9")) == "");
  REQUIRE(cluster.run_until([&] { return cluster.has(1, "192.0.2.9"); }));
  std::vector<std::string> heard;
  const auto follower = cluster[0].book().follow([&](RecordKind, const Prefix&, const store::RecordBook::Entry& entry) {
    heard.push_back(entry ? std::get<Ban>(entry->what).reason : "gone");
  });
  // Written and erased before either of them has asked for changes.
  CHECK(cluster.put(1, cluster.ban("192.0.2.1", "older")) == "");
  const auto newer = cluster.ban("192.0.2.1", "newer");
  CHECK(cluster.put(0, newer) == "");
  CHECK(cluster.put(0, cluster.ban("192.0.2.2", "short")) == "");
  CHECK(cluster.erase(0, "192.0.2.2") == "");
  CHECK(cluster.run_until([&] { return cluster.has(1, newer); }));
  cluster.run_for(250ms);
  CHECK(cluster.has(0, newer));
  CHECK(cluster.has(1, newer));
  // If the first was heard of before the second was written, it is one state more.
  if (heard.front() == "older") heard.erase(heard.begin());
  CHECK(heard == std::vector<std::string>{"newer", "short", "gone"});
}

TEST_CASE("each key has an end, and the index loses what is over when something is written") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  CHECK(cluster.put(0, cluster.ban("192.0.2.1", "short", 150ms)) == "");
  CHECK(cluster.put(0, cluster.ban("192.0.2.2", "long", 2h)) == "");
  CHECK(cluster.put(0, cluster.ban("192.0.2.3", "longer", 3h)) == "");
  auto client = server.client();
  const auto left = [&](std::string_view name) { return client.command({"PTTL", key(name)}).integer(); };
  CHECK(client.command({"ZCARD", key("index")}).integer() == 3);
  CHECK(left("ban/192.0.2.1") <= 150);
  CHECK(left("ban/192.0.2.2") > 7'100'000);
  CHECK(left("ban/192.0.2.2") <= 7'200'000);
  for (const auto* name : {"index", "changes"}) {
    CHECK(left(name) > 86'300'000);
    CHECK(left(name) <= 86'400'000);
  }
  CHECK(cluster.run_until([&] { return left("ban/192.0.2.1") == -2; }));
  CHECK(cluster.erase(0, "192.0.2.3") == "");
  CHECK(client.command({"ZCARD", key("index")}).integer() == 1);
  CHECK(cluster.erase(0, "192.0.2.2") == "");
  CHECK(client.command({"KEYS", "*"}).size() == 1);
  CHECK(cluster.put(0, cluster.ban("192.0.2.4", "a month", 720h)) == "");
  const auto month = left("changes");
  CHECK(month > 719LL * 3'600'000);
  CHECK(month <= left("index") + 1000);
}

TEST_CASE("the stream holds ten thousand changes and not many more") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  int told = 0;
  for (int i = 0; i < 12'000; ++i) {
    cluster[0].erase(RecordKind::ban, net("192.0.2.1"), [&](const Result<bool>& result) {
      CHECK(result.has_value());
      ++told;
    });
  }
  REQUIRE(cluster.run_until([&] { return told == 12'000; }));
  const auto length = server.client().command({"XLEN", key("changes")}).integer();
  CHECK(length >= 10'000);
  CHECK(length < 10'200);
}

TEST_CASE("a node that comes later has all of it") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  std::vector<Record> bans;
  for (int i = 0; i < 300; ++i) bans.push_back(cluster.ban(fmt::format("198.51.{}.{}", i / 250, i % 250)));
  for (const auto& ban : bans) CHECK(cluster.put(0, ban) == "");
  auto& late = cluster.add(server);
  CHECK_FALSE(late.current());
  REQUIRE(cluster.all_current());
  CHECK(late.book().size(RecordKind::ban) == bans.size());
  for (const auto& ban : bans) CHECK(cluster.has(1, ban));
}

TEST_CASE("while Redis is away the copy stays, writes fail and leave nothing behind; one that is empty empties it") {
  tests::RedisServer server;
  Cluster cluster(server);
  REQUIRE(cluster.all_current());
  const auto ban = cluster.ban("192.0.2.1");
  CHECK(cluster.put(0, ban) == "");
  REQUIRE(cluster.run_until([&] { return cluster.has(1, ban); }));
  REQUIRE(cluster.all_current());
  server.kill();
  REQUIRE(cluster.run_until([&] { return !cluster[0].current() && !cluster[1].current(); }));
  // Until it has seen that the connection is gone, it cannot know.
  std::string error;
  REQUIRE(cluster.run_until([&] {
    error = cluster.put(0, cluster.ban("192.0.2.2"));
    return !error.ends_with("; it may or may not have been done");
  }));
  CAPTURE(error);
  CHECK(error.starts_with("store away: "));
  CHECK(error.ends_with("; nothing was changed"));
  CHECK(cluster.erase(0, "192.0.2.1").starts_with("store away: "));
  CHECK_FALSE(cluster.has(0, "192.0.2.2"));
  CHECK(cluster.has(0, ban));
  CHECK(cluster.has(1, ban));
  server.start();
  REQUIRE(cluster.all_current());
  CHECK(cluster[0].book().size(RecordKind::ban) == 0);
  CHECK(cluster[1].book().size(RecordKind::ban) == 0);
  CHECK(cluster.put(1, ban) == "");
  CHECK(cluster.run_until([&] { return cluster.has(0, ban); }, 200ms));
}

TEST_CASE("a Redis that falls silent costs a write its deadline, and the copy nothing") {
  tests::RedisServer server;
  Cluster cluster(server, 1, 100ms);
  REQUIRE(cluster.all_current());
  const auto ban = cluster.ban("192.0.2.1");
  CHECK(cluster.put(0, ban) == "");
  server.suspend();
  const auto asked = cluster.clock.now();
  const auto error = cluster.put(0, cluster.ban("192.0.2.2"));
  CHECK(error == "store away: no answer in time; it may or may not have been done");
  CHECK(cluster.clock.now() - asked >= 100ms);
  CHECK(cluster.clock.now() - asked < 200ms);
  CHECK_FALSE(cluster[0].current());
  CHECK(cluster.has(0, ban));
  CHECK_FALSE(cluster.has(0, "192.0.2.2"));
  server.resume();
  REQUIRE(cluster.all_current());
  CHECK(cluster.has(0, ban));
  // It was done, after all.
  CHECK(cluster.run_until([&] { return cluster.has(0, "192.0.2.2"); }));
}

TEST_CASE("a Redis that is silent for two seconds is not current, without anybody who writes") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  server.suspend();
  cluster.run_for(1700ms);
  CHECK(cluster[0].current());
  cluster.run_for(500ms);
  CHECK_FALSE(cluster[0].current());
  server.resume();
  CHECK(cluster.all_current());
}

TEST_CASE("whatever becomes of the stream, a node finds out and reads all again") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  auto client = server.client();
  struct Row {
    std::string_view label;
    void (*happens)(tests::RedisClient& client);
  };
  const Row rows[] = {
      {"trimmed beyond what was heard",
       [](auto& to) {
         to.command({"XTRIM", key("changes"), "MAXLEN", "1"});
       }},
      {"gone",
       [](auto& to) {
         to.command({"DEL", key("changes")});
       }},
      {"another one, with later changes",
       [](auto& to) {
         to.command({"DEL", key("changes")});
         to.command({"XADD", key("changes"), "9999999999999-1", "of", "ban/203.0.113.9"});
       }},
      {"another one, with earlier changes",
       [](auto& to) {
         to.command({"DEL", key("changes")});
         to.command({"XADD", key("changes"), "1-1", "of", "ban/203.0.113.9"});
       }},
      {"trimmed to nothing",
       [](auto& to) {
         to.command({"XTRIM", key("changes"), "MAXLEN", "0"});
       }},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    client.command({"FLUSHALL"});
    const auto lost = cluster.ban("192.0.2.1");
    CHECK(cluster.put(0, lost) == "");
    CHECK(cluster.put(0, cluster.ban("192.0.2.3")) == "");
    cluster.run_for(150ms);
    REQUIRE(cluster.all_current());
    REQUIRE(cluster[0].book().size(RecordKind::ban) == 2);
    // Nobody hears of these.
    const auto fresh = cluster.ban("192.0.2.2");
    store_text(client, "ban/192.0.2.2", to_text(fresh), fresh.until);
    client.command({"DEL", key("ban/192.0.2.1")});
    client.command({"ZREM", key("index"), "ban/192.0.2.1"});
    client.command({"XADD", key("changes"), "*", "of", "ban/203.0.113.1"});
    row.happens(client);
    CHECK(cluster.run_until([&] { return cluster.has(0, fresh) && !cluster.has(0, "192.0.2.1"); }, 1s));
    CHECK(cluster.has(0, "192.0.2.3"));
    CHECK(cluster.run_until([&] { return cluster[0].current(); }, 1s));
  }
}

TEST_CASE("a hundred thousand records are read without a long turn, and what is erased meanwhile is gone") {
  constexpr int number = 100'000;
  tests::RedisServer server;
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  const auto of = [](int i) { return fmt::format("10.{}.{}.{}", i / 62'500, i / 250 % 250, i % 250); };
  const auto until = cluster.ban("192.0.2.1").until;
  auto client = server.client();
  std::string commands;
  for (int i = 0; i < number; ++i) {
    auto ban = cluster.ban(of(i));
    ban.until = until;
    const auto name = "ban/" + of(i);
    store::append_command(commands, {"SET", key(name), to_text(ban)});
    store::append_command(commands, {"ZADD", key("index"), std::to_string(milliseconds(until)), name});
    if (i % 1000 != 999) continue;
    client.send(commands);
    for (int reply = 0; reply < 2000; ++reply) client.receive();
    commands.clear();
  }
  // This one has the half of it, and another hundred thousand that are to leave.
  auto& late = cluster.add(server);
  const auto now = cluster.clock.now();
  for (int i = 0; i < number; i += 2) {
    auto ban = cluster.ban(of(i));
    ban.until = until;
    late.book().put(ban, now);
  }
  for (int i = 0; i < number; ++i) late.book().put(cluster.ban("1" + of(i)), now);
  REQUIRE(late.book().size(RecordKind::ban) == number + number / 2);
  cluster.longest_turn = cluster.longest_turn_and_wait = {};
  const auto began = cluster.clock.now();
  REQUIRE(cluster.run_until([&] { return late.book().size(RecordKind::ban) > number + number / 2 + 1000; }));
  // In the middle of it.
  CHECK_FALSE(late.current());
  for (int i = 0; i < number; i += 1000) CHECK(cluster.erase(0, of(i)) == "");
  CHECK(cluster.put(0, cluster.ban("192.0.2.1")) == "");
  CHECK(cluster.erase(1, of(1)) == "");
  CHECK(cluster.put(1, cluster.ban("192.0.2.2")) == "");
  CHECK_FALSE(late.current());
  REQUIRE(cluster.run_until([&] { return late.current(); }, 60s));
  const auto took = cluster.clock.now() - began;
  MESSAGE("100,000 records: read in ", took / 1ms, " ms; the longest turn took ", cluster.longest_turn / 1us,
          " us of CPU, ", cluster.longest_turn_and_wait / 1us, " us with all that was waited for");
  CHECK(cluster.longest_turn < 50ms);
  CHECK(late.book().size(RecordKind::ban) == number - number / 1000 - 1 + 2);
  CHECK_FALSE(cluster.has(1, of(0)));
  CHECK_FALSE(cluster.has(1, of(1)));
  CHECK(cluster.has(1, of(2)));
  CHECK(cluster.has(1, "192.0.2.1"));
  CHECK(cluster.has(1, "192.0.2.2"));
}

TEST_CASE("a script that was flushed away is sent again with its text, and the record is written once") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  CHECK(cluster.put(0, cluster.ban("192.0.2.1")) == "");
  auto client = server.client();
  client.command({"SCRIPT", "FLUSH"});
  CHECK(cluster.put(0, cluster.ban("192.0.2.2")) == "");
  CHECK(cluster.erase(0, "192.0.2.1") == "");
  CHECK(client.command({"XLEN", key("changes")}).integer() == 3);
}

TEST_CASE("a full Redis refuses writes with the reason, and the copy goes on") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  CHECK(cluster.put(0, cluster.ban("192.0.2.1")) == "");
  auto client = server.client();
  client.command({"CONFIG", "SET", "maxmemory", "1"});
  const auto error = cluster.put(0, cluster.ban("192.0.2.2"));
  CAPTURE(error);
  CHECK(error.starts_with("store away: Redis is full"));
  CHECK(error.ends_with("; nothing was changed"));
  CHECK_FALSE(cluster.has(0, "192.0.2.2"));
  cluster.run_for(2500ms);
  CHECK(cluster[0].current());
  // A wrong ban can be lifted even so.
  CHECK(cluster.run_until([&] { return cluster.erase(0, "192.0.2.1").empty(); }));
  CHECK_FALSE(cluster.has(0, "192.0.2.1"));
  client.command({"CONFIG", "SET", "maxmemory", "0"});
  CHECK(cluster.run_until([&] { return cluster.put(0, cluster.ban("192.0.2.2")).empty(); }));
}

TEST_CASE("what is no record is not written") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  const Record grant{.net = net("192.0.2.0/24"),
                     .until = cluster.ban("192.0.2.1").until,
                     .what = store::Grant{{{.name = "julia@example.com"}}}};
  CHECK(cluster.put(0, grant) == "a grant is not of one address");
  CHECK(server.client().command({"DBSIZE"}).integer() == 0);
}

TEST_CASE("keys of another type cost an error and leave nothing half done; when they are gone all is well") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  auto client = server.client();
  for (const std::string name : {"index", "changes"}) {
    CAPTURE(name);
    CHECK(cluster.put(0, cluster.ban("192.0.2.1")) == "");
    cluster.run_for(150ms);
    REQUIRE(cluster.all_current());
    client.command({"FLUSHALL"});
    client.command({"LPUSH", key(name), "a list"});
    const auto error = cluster.put(0, cluster.ban("192.0.2.2"));
    CAPTURE(error);
    CHECK(error.find("WRONGTYPE") != std::string::npos);
    CHECK(error.ends_with("; nothing was changed"));
    CHECK_FALSE(cluster.has(0, "192.0.2.2"));
    CHECK(client.command({"DBSIZE"}).integer() == 1);
    cluster.run_for(200ms);
    CHECK_FALSE(cluster[0].current());
    client.command({"DEL", key(name)});
    REQUIRE(cluster.all_current());
    CHECK_FALSE(cluster.has(0, "192.0.2.1"));
  }
  // That of a record is overwritten.
  client.command({"DEL", key("ban/192.0.2.3")});
  client.command({"LPUSH", key("ban/192.0.2.3"), "a list"});
  const auto ban = cluster.ban("192.0.2.3");
  CHECK(cluster.put(0, ban) == "");
  CHECK(client.command({"GET", key("ban/192.0.2.3")}).text() == to_text(ban));
}

TEST_CASE("what others have put there that is no record is passed over, what is one is read") {
  tests::RedisServer server;
  auto client = server.client();
  Cluster cluster(server, 0);
  const auto ban = cluster.ban("192.0.2.1");
  const auto until = ban.until;
  store_text(client, "ban/192.0.2.1", to_text(ban), until);
  store_text(client, "ban/192.0.2.2", "{", until);
  store_text(client, "ban/192.0.2.3", to_text(ban), until);  // of another net
  store_text(client, "grant/192.0.2.1", to_text(ban), until);
  store_text(client, "fine/192.0.2.1", to_text(ban), until);
  store_text(client, "ban", to_text(ban), until);
  store_text(client, "ban/192.0.2.5/24", to_text(ban), until);
  store_text(client, "", "", until);
  client.command({"ZADD", key("index"), "inf", "ban/192.0.2.6"});
  client.command({"ZADD", key("index"), "1", "ban/192.0.2.7"});
  client.command({"LPUSH", key("ban/192.0.2.7"), "a list"});
  client.command({"XADD", key("changes"), "*", "of", "ban/192.0.2.8"});
  auto& node = cluster.add(server);
  REQUIRE(cluster.all_current());
  CHECK(node.book().size(RecordKind::ban) == 1);
  CHECK(node.book().size(RecordKind::grant) == 0);
  CHECK(cluster.has(0, ban));
  for (const auto* name : {"ban/192.0.2.2", "fine/192.0.2.9", "ban", "", "/"}) {
    client.command({"XADD", key("changes"), "*", "of", name, "record", "{}"});
  }
  client.command({"XADD", key("changes"), "*", "something", "else"});
  const auto later = cluster.ban("192.0.2.4");
  client.command({"XADD", key("changes"), "*", "more", "of it", "record", to_text(later), "of", "ban/192.0.2.4"});
  CHECK(cluster.run_until([&] { return cluster.has(0, later); }));
  CHECK(node.book().size(RecordKind::ban) == 2);
  CHECK(node.current());
}

TEST_CASE("a record of a later release stays as it is in Redis until it is written anew") {
  tests::RedisServer server;
  auto client = server.client();
  Cluster cluster(server, 0);
  const auto ban = cluster.ban("192.0.2.1");
  auto text = to_text(ban);
  text.insert(1, R"("severity":{"of":"a later release"},)");
  store_text(client, "ban/192.0.2.1", text, ban.until);
  cluster.add(server);
  cluster.add(server);
  REQUIRE(cluster.all_current());
  CHECK(cluster.has(0, ban));
  CHECK(cluster.has(1, ban));
  CHECK(cluster.put(0, cluster.ban("192.0.2.2")) == "");
  CHECK(client.command({"GET", key("ban/192.0.2.1")}).text() == text);
  CHECK(cluster.put(0, ban) == "");
  CHECK(client.command({"GET", key("ban/192.0.2.1")}).text() == to_text(ban));
}

TEST_CASE("a record that Redis has forgotten to make room stays in the copies") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  const auto ban = cluster.ban("192.0.2.1");
  CHECK(cluster.put(0, ban) == "");
  CHECK(cluster.put(0, cluster.ban("192.0.2.2")) == "");
  auto client = server.client();
  client.command({"DEL", key("ban/192.0.2.1")});
  client.command({"CLIENT", "KILL", "TYPE", "normal"});
  REQUIRE(cluster.run_until([&] { return !cluster[0].current(); }));
  REQUIRE(cluster.all_current());
  CHECK(cluster.has(0, ban));
  CHECK(cluster.erase(0, "192.0.2.1") == "");
  CHECK_FALSE(cluster.has(0, ban));
}

TEST_CASE("a write that is answered may write again, and one that fails at the end may, too") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  bool second = false;
  cluster[0].put(cluster.ban("192.0.2.1"), [&](const Result<void>&) {
    cluster[0].put(cluster.ban("192.0.2.2"), [&](const Result<void>& result) { second = result.has_value(); });
  });
  CHECK(cluster.run_until([&] { return second; }));
  CHECK(cluster.has(0, "192.0.2.2"));
  int failed = 0;
  cluster[0].put(cluster.ban("192.0.2.3"), [&](const Result<void>& result) {
    failed += result.has_error() ? 1 : 0;
    cluster[0].erase(RecordKind::ban, net("192.0.2.1"),
                     [&](const Result<bool>& again) { failed += again.has_error() ? 1 : 0; });
  });
  cluster[0].stop();
  CHECK(failed == 2);
  CHECK(cluster[0].outstanding() == 0);
  CHECK(cluster.has(0, "192.0.2.1"));
}

TEST_CASE("nodes that change one record at the same instant lose no change, round after round") {
  constexpr int nodes = 4;
  constexpr int rounds = 200;
  tests::RedisServer server;
  Cluster cluster(server, nodes);
  REQUIRE(cluster.all_current());
  int told = 0;
  for (int round = 1; round <= rounds; ++round) {
    for (int node = 0; node < nodes; ++node) {
      // Two of each node: they go together or one after the other.
      for (int request = 0; request < 2; ++request) {
        cluster[static_cast<std::size_t>(node)].update(RecordKind::grant, net("192.0.2.1"),
                                                       log_in(cluster, "192.0.2.1", fmt::format("{}{}", node, request)),
                                                       [&](const Result<store::RecordBook::Entry>& updated) {
                                                         CHECK(updated.has_value());
                                                         ++told;
                                                       });
      }
    }
    REQUIRE(cluster.run_until([&] { return told == nodes * 2 * round; }));
  }
  std::string all;
  for (int node = 0; node < nodes; ++node) {
    for (int request = 0; request < 2; ++request) all += fmt::format("{}{}={} ", node, request, rounds - 1);
  }
  for (std::size_t node = 0; node < nodes; ++node) {
    CAPTURE(node);
    const auto known = [&] {
      return logins(cluster[node].book().find_net(RecordKind::grant, net("192.0.2.1"), cluster.clock.now()));
    };
    cluster.run_until([&] { return known() == all; }, 1s);
    CHECK(known() == all);
  }
  const auto changes = server.client().command({"XLEN", key("changes")}).integer();
  CHECK(changes >= rounds * nodes);
  CHECK(changes <= rounds * nodes * 2);
}

TEST_CASE("as many nodes as tries may meet at one record") {
  constexpr std::size_t nodes = 16;
  tests::RedisServer server;
  Cluster cluster(server, nodes);
  REQUIRE(cluster.all_current());
  std::size_t told = 0;
  for (std::size_t node = 0; node < nodes; ++node) {
    cluster[node].update(RecordKind::grant, net("192.0.2.1"), log_in(cluster, "192.0.2.1", fmt::format("{:02}", node)),
                         [&](const Result<store::RecordBook::Entry>& updated) {
                           CHECK(updated.has_value());
                           ++told;
                         });
  }
  REQUIRE(cluster.run_until([&] { return told == nodes; }));
  auto client = server.client();
  const std::string text(client.command({"GET", key("grant/192.0.2.1")}).text());
  for (std::size_t node = 0; node < nodes; ++node) {
    CHECK(text.find(fmt::format("\"{:02}\"", node)) != std::string::npos);
  }
}

TEST_CASE("what a node has not heard of yet is changed and removed as what it is") {
  tests::RedisServer server;
  Cluster cluster(server);
  REQUIRE(cluster.all_current());
  CHECK(cluster.update(0, "192.0.2.1", log_in(cluster, "192.0.2.1", "anna"), RecordKind::grant) == "");
  CHECK(cluster.update(1, "192.0.2.1", log_in(cluster, "192.0.2.1", "bert"), RecordKind::grant) == "");
  CHECK(logins(cluster[1].book().find_net(RecordKind::grant, net("192.0.2.1"), cluster.clock.now())) ==
        "anna=0 bert=0 ");
  CHECK(cluster.put(0, cluster.ban("192.0.2.2")) == "");
  CHECK(cluster.removes(1, "192.0.2.2"));
  CHECK_FALSE(cluster.removes(0, "192.0.2.2"));
  // A change that only looks is told of it, too.
  const auto ban = cluster.ban("192.0.2.3");
  CHECK(cluster.put(0, ban) == "");
  std::vector<std::string> seen;
  CHECK(cluster.update(1, "192.0.2.3", [&](const Record* before) -> std::optional<Record> {
    seen.emplace_back(before == nullptr ? "nothing" : to_text(*before));
    return std::nullopt;
  }) == "");
  CHECK(seen.back() == to_text(ban));
  cluster.run_for(250ms);
  CHECK(cluster.has(1, ban));
  CHECK_FALSE(cluster.has(0, "192.0.2.2"));
  CHECK_FALSE(cluster.has(1, "192.0.2.2"));
}

TEST_CASE("a record of a later release is changed, whatever is lost of it when it is read") {
  tests::RedisServer server;
  auto client = server.client();
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  const auto ban = cluster.ban("192.0.2.1");
  auto text = to_text(ban);
  text.insert(1, R"("severity":{"of":"a later release"},)");
  store_text(client, "ban/192.0.2.1", text, ban.until);
  client.command({"XADD", key("changes"), "*", "of", "ban/192.0.2.1", "record", text});
  REQUIRE(cluster.run_until([&] { return cluster.has(0, ban); }));
  int asked = 0;
  auto changed = ban;
  std::get<Ban>(changed.what).offences = 7;
  CHECK(cluster.update(0, "192.0.2.1", [&](const Record* before) {
    ++asked;
    CHECK((before != nullptr && *before == ban));
    return changed;
  }) == "");
  CHECK(asked == 2);
  CHECK(client.command({"GET", key("ban/192.0.2.1")}).text() == to_text(changed));
  CHECK(cluster.has(0, changed));
}

TEST_CASE("what is no record of this release gives way to a change") {
  tests::RedisServer server;
  auto client = server.client();
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  const auto ban = cluster.ban("192.0.2.1");
  store_text(client, "ban/192.0.2.1", "{", ban.until);
  CHECK(cluster.update(0, "192.0.2.1", [&](const Record* before) {
    CHECK(before == nullptr);
    return ban;
  }) == "");
  CHECK(client.command({"GET", key("ban/192.0.2.1")}).text() == to_text(ban));
}

TEST_CASE("a record that others change faster than a node can is given up on, and stays theirs") {
  tests::RedisServer server;
  auto client = server.client();
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  int asked = 0;
  const auto error = cluster.update(0, "192.0.2.1", [&](const Record*) {
    const auto theirs = cluster.ban("192.0.2.1", fmt::format("theirs {}", ++asked));
    store_text(client, "ban/192.0.2.1", to_text(theirs), theirs.until);
    return cluster.ban("192.0.2.1", "ours");
  });
  CHECK(error == "other nodes have changed ban/192.0.2.1 16 times meanwhile; nothing was changed");
  CHECK(asked == 16);
  CHECK(client.command({"GET", key("ban/192.0.2.1")}).text().find("theirs 16") != std::string::npos);
  CHECK(client.command({"EXISTS", key("changes")}).integer() == 0);
  CHECK(cluster.put(0, cluster.ban("192.0.2.1")) == "");
}

TEST_CASE("changes of one record keep their order when the script was flushed away between them") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  server.client().command({"SCRIPT", "FLUSH"});
  std::string told;
  const auto tell = [&](const std::string& what) {
    return [&told, what](const auto& result) { told += what + (result ? " " : ": " + result.error().message + " "); };
  };
  cluster[0].update(RecordKind::grant, net("192.0.2.1"), log_in(cluster, "192.0.2.1", "anna"), tell("anna"));
  cluster[0].erase(RecordKind::grant, net("192.0.2.1"), tell("none"));
  cluster[0].update(RecordKind::grant, net("192.0.2.1"), log_in(cluster, "192.0.2.1", "bert"), tell("bert"));
  cluster[0].update(RecordKind::grant, net("192.0.2.1"), log_in(cluster, "192.0.2.1", "carl"), tell("carl"));
  CHECK(cluster[0].outstanding() == 3);
  REQUIRE(cluster.run_until([&] { return cluster[0].outstanding() == 0; }));
  CHECK(told == "anna none bert carl ");
  CHECK(logins(cluster[0].book().find_net(RecordKind::grant, net("192.0.2.1"), cluster.clock.now())) ==
        "bert=0 carl=0 ");
  CHECK(server.client().command({"XLEN", key("changes")}).integer() == 3);
}

TEST_CASE("a change that Redis does not answer fails, and so do those behind it, which were never sent") {
  tests::RedisServer server;
  Cluster cluster(server, 1, 100ms);
  REQUIRE(cluster.all_current());
  server.suspend();
  std::vector<std::string> told;
  const auto tell = [&](const auto& result) { told.push_back(result ? "done" : result.error().message); };
  for (const auto* login : {"anna", "bert", "carl"}) {
    cluster[0].update(RecordKind::grant, net("192.0.2.1"), log_in(cluster, "192.0.2.1", login), tell);
  }
  CHECK(cluster[0].outstanding() == 2);
  REQUIRE(cluster.run_until([&] { return told.size() == 3; }, 300ms));
  CHECK(told[0] == "store away: no answer in time; it may or may not have been done");
  CHECK(told[1] == "store away: no answer in time; nothing was changed");
  CHECK(told[2] == told[1]);
  const auto error = cluster.update(0, "192.0.2.1", log_in(cluster, "192.0.2.1", "dora"), RecordKind::grant);
  CHECK(error.starts_with("store away: "));
  CHECK(error.ends_with("; nothing was changed"));
  // What would be left as it is may have been changed by others.
  CHECK(cluster.update(0, "192.0.2.1", [](const Record*) { return std::nullopt; }).starts_with("store away: "));
  CHECK(cluster[0].outstanding() == 0);
  CHECK(cluster[0].book().size(RecordKind::grant) == 0);
  server.resume();
  REQUIRE(cluster.all_current());
  CHECK(cluster.update(0, "192.0.2.1", log_in(cluster, "192.0.2.1", "emil"), RecordKind::grant) == "");
  CHECK(logins(cluster[0].book().find_net(RecordKind::grant, net("192.0.2.1"), cluster.clock.now())) ==
        "anna=0 emil=0 ");
}

TEST_CASE("a replica takes no records") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  REQUIRE(cluster.all_current());
  CHECK(cluster.put(0, cluster.ban("192.0.2.1")) == "");
  server.client().command({"REPLICAOF", "127.0.0.1", "1"});
  CHECK(cluster.put(0, cluster.ban("192.0.2.2")).starts_with("store away: the server is a replica"));
  CHECK_FALSE(cluster[0].current());
  CHECK(cluster.has(0, "192.0.2.1"));
  server.client().command({"REPLICAOF", "NO", "ONE"});
  CHECK(cluster.all_current());
}

// Its other half is in tests/integration/redis_cluster.py, where nothing that is granted may be left over.
TEST_CASE("the user of the manual may do all that records need") {
  std::ifstream file(MXWARDEN_SOURCE_DIR "/docs/redis.md");
  const std::string manual{std::istreambuf_iterator<char>(file), {}};
  const auto begin = manual.find("user mxwarden on >PASSWORD");
  REQUIRE(begin != std::string::npos);
  tests::RedisServer server({manual.substr(begin, manual.find('\n', begin) - begin)});
  RedisRecords::Options options;
  options.user = "mxwarden";
  options.password = "PASSWORD";
  Cluster cluster(server, 0);
  cluster.add(server, options);
  cluster.add(server, options);
  REQUIRE(cluster.all_current());
  CHECK(cluster.put(0, cluster.ban("192.0.2.1", "short", 100ms)) == "");
  CHECK(cluster.put(0, cluster.ban("192.0.2.2")) == "");
  CHECK(cluster.put(0, cluster.ban("192.0.2.3", "long", 720h)) == "");
  CHECK(cluster.erase(1, "192.0.2.3") == "");
  cluster.run_for(200ms);
  auto client = server.client();
  client.command({"SCRIPT", "FLUSH"});
  CHECK(cluster.put(1, cluster.ban("192.0.2.4")) == "");
  CHECK(cluster.run_until([&] { return cluster.has(0, "192.0.2.4"); }));
  cluster.add(server, options);
  REQUIRE(cluster.all_current());
  CHECK(cluster.has(2, "192.0.2.4"));
  CHECK(client.command({"ACL", "LOG"}).size() == 0);
  // Those that counting does not need.
  const auto used = tests::info(server, "commandstats");
  for (const std::string command :
       {"del", "mget", "pexpireat", "xadd", "xrange", "xrevrange", "zrangebyscore", "zrem", "zscan"}) {
    CAPTURE(command);
    CHECK(used.find("cmdstat_" + command + ":") != std::string::npos);
  }
}

}  // namespace mxwarden
