// Gauges of several nodes that share a real Redis. Time is what the batches say, but for the ends of keys.

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>

#include "support/connected_store.hpp"
#include "support/redis_server.hpp"

using namespace mxwarden;
using namespace std::chrono_literals;

namespace {

const std::string client = "client:192.0.2.1";

// A node that tells what it has of `client`.
class Node {
 public:
  Node(const tests::RedisServer& server, std::string name)
      : connected_(
            [&server](auto&, const auto&) {
              return std::make_unique<store::FixedRedisLocator>(
                  store::RedisServerAddress{server.socket_path(), "test"});
            },
            options(std::move(name))) {
    REQUIRE(connected_.wait_until_up());
  }

  // What all nodes would have if this one had `n`.
  store::CountAnswer look(std::uint64_t n, Instant now) {
    store::Batch batch;
    batch.now = now;
    batch.look = true;
    batch.counts = {tests::conformance::gauge(client, n, store::Window::no_limit)};
    return connected_.ask(batch).front();
  }
  // What all nodes have, while this one has `n`.
  store::CountAnswer tell(std::uint64_t n, Instant now, std::uint64_t limit = store::Window::no_limit) {
    return ask({tests::conformance::gauge(client, n, limit)}, now).front();
  }
  std::vector<store::CountAnswer> ask(std::initializer_list<store::Count> counts, Instant now) {
    store::Batch batch;
    batch.now = now;
    batch.counts = counts;
    auto answers = connected_.ask(batch);
    REQUIRE(answers.size() == counts.size());
    return answers;
  }

 private:
  static store::RedisStore::Options options(std::string name) {
    store::RedisStore::Options options;
    options.node = std::move(name);
    options.deadline = 5s;
    options.time_of_batch = true;
    return options;
  }

  tests::ConnectedStore connected_;
};

// Where Redis has its time.
const Instant today = Instant(std::chrono::hours(24 * 365 * 56));

}  // namespace

TEST_CASE("a gauge is the sum of what all nodes have") {
  tests::RedisServer server;
  Node one(server, "mx1");
  Node two(server, "mx2");
  Node three(server, "mx3");
  CHECK(one.tell(2, today).count == 2);
  CHECK(two.tell(3, today).count == 5);
  CHECK(three.tell(1, today).count == 6);
  CHECK(one.tell(1, today).count == 5);
  CHECK(two.tell(0, today).count == 2);
  CHECK(three.tell(0, today).count == 1);
  CHECK(one.tell(0, today).count == 0);
  CHECK(server.client().command({"DBSIZE"}).integer() == 0);
}

TEST_CASE("a look is answered with what the others have, and they hear nothing of it") {
  tests::RedisServer server;
  Node one(server, "mx1");
  Node two(server, "mx2");
  CHECK(one.look(4, today).count == 4);
  CHECK(two.tell(3, today).count == 3);
  CHECK(one.look(4, today).count == 7);
  CHECK(one.look(0, today).count == 3);
  CHECK(two.look(0, today).count == 0);
  CHECK(two.tell(3, today).count == 3);
}

TEST_CASE("the one too many is over on every node, and gates what comes with it") {
  tests::RedisServer server;
  Node one(server, "mx1");
  Node two(server, "mx2");
  CHECK_FALSE(one.tell(3, today, 5).over);
  CHECK_FALSE(two.tell(2, today, 5).over);
  CHECK(two.tell(3, today, 5).over);
  CHECK(one.tell(3, today, 5).over);
  const auto rate = tests::counted(client, {{60s, 100}});
  auto answers = two.ask({tests::conformance::gauge(client, 3, 5), rate}, today);
  CHECK(answers[0].over);
  CHECK_FALSE(answers[1].recorded);
  answers = two.ask({rate, tests::conformance::gauge(client, 2, 5)}, today);
  CHECK(answers[0].recorded);
  CHECK(answers[0].count == 1);
  CHECK_FALSE(answers[1].over);
  // In the usual call of the script, and in the general one.
  answers = two.ask({rate, tests::conformance::gauge(client, 2, 5)}, today);
  CHECK(answers[0].count == 2);
  auto other = rate;
  other.counter = "other";
  answers = two.ask({rate, tests::conformance::gauge(client, 2, 5), other}, today);
  CHECK(answers[0].count == 3);
  CHECK(answers[1].count == 5);
  CHECK(answers[2].count == 1);
}

TEST_CASE("the number of a node that says no more is over after its window") {
  tests::RedisServer server;
  Node one(server, "mx1");
  Node two(server, "mx2");
  one.tell(4, today);
  CHECK(two.tell(1, today + 9'999ms).count == 5);
  CHECK(two.tell(1, today + 10s).count == 1);
}

TEST_CASE("a number that would stand too long, as time has gone back, is over") {
  tests::RedisServer server;
  Node one(server, "mx1");
  Node two(server, "mx2");
  one.tell(4, today + 1h);
  CHECK(two.tell(1, today).count == 1);
  CHECK(one.tell(4, today).count == 5);
}

TEST_CASE("the key of a gauge ends by itself") {
  tests::RedisServer server;
  Node one(server, "mx1");
  one.tell(4, today);
  auto redis = server.client();
  const auto key = "mxw:3{" + client + "}open/10s@";
  const auto life = redis.command({"PTTL", key}).integer();
  CHECK(life > 5'000);
  CHECK(life <= 10'000);
  CHECK(redis.command({"STRLEN", key}).integer() == 19);
}
