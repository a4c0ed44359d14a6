#include "store/redis_store.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/embedded_store.hpp"
#include "store/resilient_store.hpp"
#include "support/certificates.hpp"
#include "support/connected_store.hpp"
#include "support/redis_server.hpp"
#include "support/store_conformance.hpp"

namespace mxwarden {
namespace {

using namespace std::chrono_literals;
using tests::ConnectedStore;
using tests::figure;
using tests::hit;

store::RedisStore::Options patient() {
  store::RedisStore::Options options;
  options.deadline = 5s;
  options.time_of_batch = true;
  return options;
}

ConnectedStore::MakeLocator at(const tests::RedisServer& server) {
  return [address = store::RedisServerAddress{server.socket_path(), "test"}](auto&, const auto&) {
    return std::make_unique<store::FixedRedisLocator>(address);
  };
}

// The batches of the suite have a clock of their own; the store's deadlines are of this world.
class RealDeadlines final : public store::Store {
 public:
  RealDeadlines(store::Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  void execute(const store::Batch& batch, Instant, store::Completion completion) override {
    store_.execute(batch, clock_.now() + 5s, std::move(completion));
  }
  void flush() override { store_.flush(); }
  void tick(Instant now) override { store_.tick(now); }
  std::string_view name() const override { return store_.name(); }

 private:
  store::Store& store_;
  const Clock& clock_;
};

// Says what the test has it say.
class ToldLocator final : public store::RedisLocator {
 public:
  void start(Found found) override { found_ = std::move(found); }
  void stop() override {}
  void doubt() override { ++doubts; }

  void say(const tests::RedisServer& server) { found_({server.socket_path(), "test"}); }

  int doubts = 0;

 private:
  Found found_;
};

ConnectedStore::MakeLocator told(ToldLocator*& locator) {
  return [&locator](auto&, const auto&) {
    auto made = std::make_unique<ToldLocator>();
    locator = made.get();
    return made;
  };
}

}  // namespace

TEST_CASE("Redis keeps every promise of a store: alone, over TLS, and with the embedded store behind it") {
  tests::Authority authority;
  const auto port = tests::free_port();
  tests::RedisServer server(authority.server(authority.sign("IP:127.0.0.1"), port, "no"));
  auto over_tls = patient();
  over_tls.tls = *store::RedisTls::make({.authorities = authority.pem(), .certificate = {}, .key = {}, .name = {}});
  const auto at_tls_port = [port](auto&, const auto&) {
    const store::SocketAddress address{*Address::parse("127.0.0.1"), port};
    return std::make_unique<store::FixedRedisLocator>(store::RedisServerAddress{address, "test"});
  };
  struct Row {
    std::string_view label;
    ConnectedStore::MakeLocator locator;
    store::RedisStore::Options options;
    bool resilient;
  };
  for (const auto& row : {Row{"alone", at(server), patient(), false}, Row{"over TLS", at_tls_port, over_tls, false},
                          Row{"with the embedded store behind it", at(server), patient(), true}}) {
    CAPTURE(row.label);
    struct Stack {
      explicit Stack(const Row& row) : connected(row.locator, row.options) {}
      ConnectedStore connected;
      store::EmbeddedStore embedded{{1000, 7}};
      store::ResilientStore both{connected.redis, embedded};
    };
    tests::check_store_conformance([&] {
      server.client().command({"FLUSHALL"});
      auto stack = std::make_shared<Stack>(row);
      REQUIRE(stack->connected.wait_until_up());
      tests::StoreUnderTest under_test;
      under_test.resolution = 1us;
      store::Store& front = row.resilient ? static_cast<store::Store&>(stack->both) : stack->connected.redis;
      under_test.store = std::make_unique<RealDeadlines>(front, stack->connected.clock);
      under_test.run = [stack] {
        stack->connected.run_until([&] { return stack->connected.redis.outstanding() == 0; });
        REQUIRE(stack->both.fallbacks() == 0);
      };
      return under_test;
    });
  }
}

TEST_CASE("all calls of a turn leave in one write") {
  tests::RedisServer server;
  ConnectedStore connected(at(server), patient());
  REQUIRE(connected.wait_until_up());
  const auto before = figure(server, "stats", "total_reads_processed:");
  std::vector<store::Batch> batches;
  for (int i = 0; i < 50; ++i) {
    batches.push_back(hit("client:192.0.2." + std::to_string(i)));
    batches.back().look = i % 2 == 1;  // so that each has a call of its own
  }
  int told = 0;
  for (const auto& batch : batches) {
    connected.redis.execute(batch, connected.clock.now() + 5s, [&](store::Answers answers) {
      CHECK(answers[0].count == 1);
      ++told;
    });
  }
  connected.redis.flush();
  CHECK(connected.run_until([&] { return told == 50; }));
  // The write is one; the server reads it in pieces of 16 KiB. The two clients that ask for the figure count, too.
  const auto bytes = std::size_t{50} * 400;
  CHECK(figure(server, "stats", "total_reads_processed:") - before <= bytes / 16384 + 1 + 4);
  CHECK(connected.redis.statistics().questions == 50);
  CHECK(connected.redis.statistics().calls == 50);
}

TEST_CASE("a call has the questions of a turn, but none twice, no look beside a count, and not more than 64 keys") {
  tests::RedisServer server;
  ConnectedStore connected(at(server), patient());
  REQUIRE(connected.wait_until_up());
  const auto client = [](int number) { return hit("client:192.0.2." + std::to_string(number)); };
  auto look = client(3);
  look.look = true;
  struct Row {
    const char* label;
    std::vector<store::Batch> batches;
    std::uint64_t calls;
    std::uint64_t last_count;
  };
  std::vector<Row> rows = {
      {"two clients", {client(1), client(2)}, 1, 1},
      {"one of them twice, the second after the first", {client(1), client(2), client(1)}, 2, 3},
      {"a look between others", {client(4), look, client(5)}, 3, 1},
      {"65 clients", {}, 2, 1},
  };
  for (int number = 10; number < 75; ++number) rows.back().batches.push_back(client(number));
  for (const auto& row : rows) {
    CAPTURE(row.label);
    const auto before = connected.redis.statistics();
    std::vector<std::uint64_t> told;
    for (const auto& batch : row.batches) {
      connected.redis.execute(batch, connected.clock.now() + 5s, [&](store::Answers answers) {
        REQUIRE(answers.size() == 1);
        told.push_back(answers[0].count);
      });
    }
    connected.redis.flush();
    REQUIRE(connected.run_until([&] { return told.size() == row.batches.size(); }));
    CHECK(connected.redis.statistics().calls - before.calls == row.calls);
    CHECK(connected.redis.statistics().questions - before.questions == row.batches.size());
    CHECK(told.back() == row.last_count);
  }
}

TEST_CASE("what is not sent yet when the store is stopped is answered, too") {
  tests::RedisServer server;
  ConnectedStore connected(at(server), patient());
  REQUIRE(connected.wait_until_up());
  const auto batch = hit("client:192.0.2.1");
  const store::Batch nothing;
  std::vector<std::size_t> sizes;
  connected.redis.execute(batch, connected.clock.now() + 5s,
                          [&](store::Answers answers) { sizes.push_back(answers.size()); });
  connected.redis.execute(nothing, connected.clock.now() + 5s, [&](store::Answers) { connected.redis.stop(); });
  connected.redis.flush();
  REQUIRE(sizes.size() == 1);
  CHECK(sizes[0] == 0);
  CHECK(connected.redis.outstanding() == 0);
}

TEST_CASE("an error that one question provokes is that of all in its call, and of no other call") {
  tests::RedisServer server;
  ConnectedStore connected(at(server), patient());
  REQUIRE(connected.wait_until_up());
  const auto members = [](const std::string& entity) {
    auto batch = hit(entity);
    batch.counts = {tests::counted_member(entity, {{60s, 5}}, "a")};
    return batch;
  };
  REQUIRE(connected.ask(members("sender:a")).size() == 1);
  auto client = server.client();
  const auto keys = client.command({"KEYS", "*"});
  REQUIRE(keys.size() == 1);
  const std::string key(keys[0].text());
  client.command({"SET", key, "no sorted set"});
  std::vector<std::size_t> sizes;
  const auto spoilt = members("sender:a");
  const auto beside = hit("client:192.0.2.1");
  for (const auto* batch : {&beside, &spoilt}) {
    connected.redis.execute(*batch, connected.clock.now() + 5s,
                            [&](store::Answers answers) { sizes.push_back(answers.size()); });
  }
  connected.redis.flush();
  REQUIRE(connected.run_until([&] { return sizes.size() == 2; }));
  for (const auto size : sizes) CHECK(size == 0);
  // From then on each has a call of its own.
  sizes.clear();
  for (const auto* batch : {&beside, &spoilt}) {
    connected.redis.execute(*batch, connected.clock.now() + 5s,
                            [&](store::Answers answers) { sizes.push_back(answers.size()); });
  }
  connected.redis.flush();
  REQUIRE(connected.run_until([&] { return sizes.size() == 2; }));
  CHECK(sizes[0] == 1);
  CHECK(sizes[1] == 0);
}

TEST_CASE("counts of an entity stand together in a call") {
  tests::RedisServer server;
  ConnectedStore connected(at(server), patient());
  REQUIRE(connected.wait_until_up());
  auto batch = hit("client:192.0.2.1");
  batch.counts.add() = tests::counted("sender:a@example.org", {{60s, 5}});
  auto& other = batch.counts.add();
  other = tests::counted("client:192.0.2.1", {{60s, 7}});
  other.counter = "other";
  const auto answers = connected.ask(batch);
  REQUIRE(answers.size() == 3);
  for (const auto& answer : answers) CHECK(answer.recorded);
  CHECK(connected.redis.statistics().questions == 2);
  CHECK(connected.redis.statistics().calls == 1);
}

TEST_CASE("a script that was flushed away is sent again with its text, and counts once") {
  tests::RedisServer server;
  ConnectedStore connected(at(server), patient());
  REQUIRE(connected.wait_until_up());
  const auto batch = hit("client:192.0.2.1");
  CHECK(connected.ask(batch)[0].count == 1);
  server.client().command({"SCRIPT", "FLUSH"});
  CHECK(connected.ask(batch)[0].count == 2);
  CHECK(connected.ask(batch)[0].count == 3);
  CHECK(connected.redis.statistics().connections == 1);
}

TEST_CASE("before it is connected and after it was killed nothing waits") {
  tests::RedisServer server;
  ConnectedStore connected(at(server), patient());
  const auto batch = hit("client:192.0.2.1");
  bool told = false;
  const auto cannot_say = [&](store::Answers answers) {
    told = true;
    CHECK(answers.empty());
  };
  connected.redis.execute(batch, connected.clock.now() + 5s, cannot_say);
  CHECK_FALSE(told);
  connected.redis.flush();
  CHECK(told);
  REQUIRE(connected.wait_until_up());
  server.kill();
  REQUIRE(connected.run_until([&] { return !connected.redis.statistics().up; }));
  told = false;
  connected.redis.execute(batch, connected.clock.now() + 5s, cannot_say);
  connected.redis.flush();
  CHECK(told);
  server.start();
  REQUIRE(connected.wait_until_up());
  CHECK(connected.ask(batch)[0].count == 1);
}

TEST_CASE("a server that falls silent costs one deadline, and no call is sent twice") {
  tests::RedisServer server;
  auto options = patient();
  options.deadline = 100ms;
  ConnectedStore connected(at(server), std::move(options));
  REQUIRE(connected.wait_until_up());
  const auto batch = hit("client:192.0.2.1");
  CHECK(connected.ask(batch)[0].count == 1);
  server.suspend();
  const auto asked = connected.clock.now();
  CHECK(connected.ask(batch).empty());
  CHECK(connected.clock.now() - asked >= 100ms);
  CHECK_FALSE(connected.redis.statistics().up);
  // The connection is gone: the next one does not wait for anything.
  bool told = false;
  connected.redis.execute(batch, connected.clock.now() + 5s, [&](store::Answers) { told = true; });
  connected.redis.flush();
  CHECK(told);
  server.resume();
  REQUIRE(connected.wait_until_up());
  // What was sent before the silence has counted, and nothing else.
  CHECK(connected.ask(batch)[0].count == 3);
}

TEST_CASE("an error of one call leaves the others their answers") {
  tests::RedisServer server;
  ConnectedStore connected(at(server), patient());
  REQUIRE(connected.wait_until_up());
  CHECK(connected.ask(hit("client:192.0.2.1")).size() == 1);
  auto client = server.client();
  const std::string key(client.command({"KEYS", "*"})[0].text());
  client.command({"DEL", key});
  client.command({"LPUSH", key, "not a ring"});
  CHECK(connected.ask(hit("client:192.0.2.1")).empty());
  CHECK(connected.ask(hit("client:192.0.2.2"))[0].count == 1);
  CHECK(connected.redis.statistics().connections == 1);
}

TEST_CASE("what a completion asks is sent, without another turn") {
  tests::RedisServer server;
  ConnectedStore connected(at(server), patient());
  REQUIRE(connected.wait_until_up());
  const auto batch = hit("client:192.0.2.1");
  std::uint64_t last = 0;
  connected.redis.execute(batch, connected.clock.now() + 5s, [&](store::Answers) {
    connected.redis.execute(batch, connected.clock.now() + 5s,
                            [&](store::Answers answers) { last = answers.empty() ? 0 : answers[0].count; });
  });
  connected.redis.flush();
  CHECK(connected.run_until([&] { return last == 2; }));
}

TEST_CASE("until it is known where the server is nothing waits, and nothing is tried") {
  tests::RedisServer server;
  ToldLocator* locator = nullptr;
  ConnectedStore connected(told(locator), patient());
  CHECK(connected.ask(hit("client:192.0.2.1")).empty());
  CHECK(connected.redis.statistics().connections == 0);
  locator->say(server);
  REQUIRE(connected.wait_until_up());
  CHECK(connected.ask(hit("client:192.0.2.1"))[0].count == 1);
}

TEST_CASE("when the server is somewhere else the connection is left at once, and what is outstanding goes unanswered") {
  tests::RedisServer before;
  tests::RedisServer after;
  ToldLocator* locator = nullptr;
  ConnectedStore connected(told(locator), patient());
  locator->say(before);
  REQUIRE(connected.wait_until_up());
  const auto batch = hit("client:192.0.2.1");
  CHECK(connected.ask(batch)[0].count == 1);
  before.suspend();
  bool told = false;
  connected.redis.execute(batch, connected.clock.now() + 5s, [&](store::Answers answers) {
    told = true;
    CHECK(answers.empty());
  });
  connected.redis.flush();
  CHECK_FALSE(told);
  locator->say(after);
  CHECK(told);
  REQUIRE(connected.wait_until_up());
  before.resume();
  CHECK(connected.ask(batch)[0].count == 1);
  CHECK(connected.ask(batch)[0].count == 2);
  CHECK(connected.redis.statistics().connections == 2);
  CHECK(locator->doubts == 0);
}

TEST_CASE("a server that has become a replica is in doubt, and one that cannot be reached three times in a row") {
  tests::RedisServer server;
  ToldLocator* locator = nullptr;
  ConnectedStore connected(told(locator), patient());
  locator->say(server);
  REQUIRE(connected.wait_until_up());
  server.client().command({"REPLICAOF", "127.0.0.1", "1"});
  CHECK(connected.ask(hit("client:192.0.2.1")).empty());
  CHECK(connected.run_until([&] { return locator->doubts > 0; }));
  server.client().command({"REPLICAOF", "NO", "ONE"});
  REQUIRE(connected.wait_until_up());
  CHECK(connected.ask(hit("client:192.0.2.1"))[0].count == 1);
  const auto doubts = locator->doubts;
  const auto connections = connected.redis.statistics().connections;
  server.kill();
  CHECK(connected.run_until([&] { return locator->doubts > doubts; }));
  CHECK(connected.redis.statistics().connections == connections + 2);
}

}  // namespace mxwarden
