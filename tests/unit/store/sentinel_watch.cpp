#include "store/sentinel_watch.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "support/connected_store.hpp"
#include "support/redis_server.hpp"

namespace mxwarden {
namespace {

using namespace std::chrono_literals;
using tests::ConnectedStore;
using tests::figure;
using tests::hit;
using tests::RedisServer;

store::SocketAddress at_port(std::uint16_t port) {
  return {*Address::parse("127.0.0.1"), port};
}

// For what goes on in other processes: until it holds, and ten seconds at most.
template <class Holds>
bool wait_until(Holds holds) {
  for (int tries = 0; !holds(); ++tries) {
    if (tries == 1000) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

// A server that can be found.
struct Server {
  explicit Server(std::vector<std::string> settings, RedisServer::Kind kind = RedisServer::Kind::redis)
      : process(with_port(std::move(settings), port), kind) {}

  static std::vector<std::string> with_port(std::vector<std::string> settings, std::uint16_t port) {
    settings.emplace_back("bind 127.0.0.1");
    settings.push_back("port " + std::to_string(port));
    return settings;
  }

  std::uint16_t port = tests::free_port();
  RedisServer process;
};

// A master, its replica and sentinels that know them and each other.
class Cluster {
 public:
  explicit Cluster(int sentinels)
      : first({"repl-diskless-sync-delay 0"}), second({"replicaof 127.0.0.1 " + std::to_string(first.port)}) {
    wait_until_says(first, "replication", "state=online");
    for (int i = 0; i < sentinels; ++i) add_sentinel(sentinels / 2 + 1);
    const auto all = "slaves=1,sentinels=" + std::to_string(sentinels);
    for (const auto& sentinel : sentinels_) wait_until_says(*sentinel, "sentinel", all);
  }

  store::SentinelWatch::Options watch() const {
    store::SentinelWatch::Options options;
    for (const auto& sentinel : sentinels_) options.sentinels.push_back(at_port(sentinel->port));
    options.master = "mymaster";
    return options;
  }
  RedisServer& sentinel(std::size_t at) { return sentinels_[at]->process; }
  std::size_t sentinels() const { return sentinels_.size(); }

  // All sentinels say that the second has become the master.
  bool has_switched() const {
    const auto wanted = "address=" + at_port(second.port).to_string();
    return std::ranges::all_of(sentinels_, [&](const auto& sentinel) { return says(*sentinel, "sentinel", wanted); });
  }
  // The second has all that the first has.
  bool is_replicated() const {
    return figure(first.process, "replication", "master_repl_offset:") ==
           figure(second.process, "replication", "slave_repl_offset:");
  }

  Server first;
  Server second;

 private:
  void add_sentinel(int quorum) {
    const std::vector<std::string> settings = {
        "sentinel monitor mymaster 127.0.0.1 " + std::to_string(first.port) + " " + std::to_string(quorum),
        "sentinel down-after-milliseconds mymaster 500",
        "sentinel failover-timeout mymaster 3000",
    };
    sentinels_.push_back(std::make_unique<Server>(settings, RedisServer::Kind::sentinel));
  }
  static bool says(const Server& server, std::string_view section, std::string_view text) {
    return tests::info(server.process, section).find(text) != std::string::npos;
  }
  static void wait_until_says(const Server& server, std::string_view section, std::string_view text) {
    REQUIRE(wait_until([&] { return says(server, section, text); }));
  }

  std::vector<std::unique_ptr<Server>> sentinels_;
};

// A store that has its place from sentinels.
struct Watching {
  explicit Watching(store::SentinelWatch::Options sentinels)
      : connected(
            [&](boost::asio::io_context& context, const Clock& clock) {
              auto made = std::make_unique<store::SentinelWatch>(context, clock, std::move(sentinels));
              watch = made.get();
              return made;
            },
            options()) {}

  static store::RedisStore::Options options() {
    store::RedisStore::Options options;
    options.time_of_batch = true;
    return options;
  }
  // How often the client has been counted, this time included; 0 if Redis cannot say.
  std::uint64_t count() {
    const auto answers = connected.ask(hit("client:192.0.2.1", 1'000'000));
    return answers.empty() ? 0 : answers.front().count;
  }
  // As soon as Redis can say.
  std::uint64_t next_count() {
    std::uint64_t counted = 0;
    connected.run_until([&] { return (counted = count()) > 0; });
    return counted;
  }
  std::uint64_t connections() const { return connected.redis.statistics().connections; }

  store::SentinelWatch* watch = nullptr;
  ConnectedStore connected;
};

std::uint64_t calls_seen(const Server& server) {
  return figure(server.process, "commandstats", "cmdstat_evalsha:calls=");
}

}  // namespace

TEST_CASE("the master is found by any sentinel that is there") {
  Cluster cluster(1);
  auto options = cluster.watch();
  options.sentinels.insert(options.sentinels.begin(), at_port(tests::free_port()));
  Watching watching(options);
  REQUIRE(watching.connected.wait_until_up());
  CHECK(watching.count() == 1);
  CHECK(calls_seen(cluster.first) == 1);
  const auto troubles = watching.watch->troubles();
  REQUIRE(troubles.size() == 2);
  CHECK(troubles[0] == "Connection refused");
  CHECK(troubles[1].empty());
}

TEST_CASE("when the master is killed, counting goes on at the new one with what was counted") {
  Cluster cluster(3);
  Watching watching(cluster.watch());
  REQUIRE(watching.connected.wait_until_up());
  for (std::uint64_t i = 1; i <= 5; ++i) CHECK(watching.count() == i);
  REQUIRE(wait_until([&] { return cluster.is_replicated(); }));
  cluster.first.process.kill();
  CHECK(watching.count() == 0);
  CHECK(watching.next_count() == 6);
  CHECK(calls_seen(cluster.second) == 1);
}

TEST_CASE("a master that freezes is left when it is replaced, without a call, and gets none when it has thawed") {
  Cluster cluster(3);
  Watching watching(cluster.watch());
  REQUIRE(watching.connected.wait_until_up());
  CHECK(watching.count() == 1);
  const auto before = calls_seen(cluster.first);
  cluster.first.process.suspend();
  const auto frozen_at = watching.connected.clock.now();
  REQUIRE(watching.connected.run_until([&] { return watching.connections() == 2; }));
  // By the message, that is: sooner than the sentinels are asked again.
  CHECK(watching.connected.clock.now() - frozen_at < 9s);
  REQUIRE(watching.connected.wait_until_up());
  cluster.first.process.resume();
  for (int i = 0; i < 100; ++i) CHECK(watching.count() > 0);
  REQUIRE(wait_until([&] { return cluster.has_switched(); }));
  // Those of the other sentinels, which may have learned of it later.
  for (int i = 0; i < 100; ++i) CHECK(watching.count() > 0);
  CHECK(calls_seen(cluster.first) == before);
  CHECK(watching.connections() == 2);
}

TEST_CASE("without any sentinel counting goes on where it was, and finds back there") {
  Cluster cluster(3);
  Watching watching(cluster.watch());
  REQUIRE(watching.connected.wait_until_up());
  CHECK(watching.count() == 1);
  for (std::size_t i = 0; i < cluster.sentinels(); ++i) cluster.sentinel(i).kill();
  const auto is_away = [](const std::string& trouble) { return !trouble.empty(); };
  REQUIRE(watching.connected.run_until([&] { return std::ranges::all_of(watching.watch->troubles(), is_away); }));
  CHECK(watching.count() == 2);
  CHECK(watching.connections() == 1);
  cluster.first.process.kill();
  cluster.first.process.start();
  CHECK(watching.next_count() == 1);
}

TEST_CASE("who cannot be reached three times in a row is asked about again") {
  Cluster cluster(1);
  Watching watching(cluster.watch());
  REQUIRE(watching.connected.wait_until_up());
  CHECK(watching.count() == 1);
  // As an administrator does it, which is no failover and makes no message.
  cluster.second.process.client().command({"REPLICAOF", "NO", "ONE"});
  auto sentinel = cluster.sentinel(0).client();
  sentinel.command({"SENTINEL", "REMOVE", "mymaster"});
  sentinel.command({"SENTINEL", "MONITOR", "mymaster", "127.0.0.1", std::to_string(cluster.second.port), "1"});
  CHECK(watching.count() > 0);
  CHECK(watching.connections() == 1);
  const auto before = calls_seen(cluster.second);
  cluster.first.process.kill();
  CHECK(watching.next_count() > 0);
  CHECK(calls_seen(cluster.second) > before);
}

TEST_CASE("a sentinel that knows no such master says so, and Redis cannot say anything") {
  Cluster cluster(1);
  auto options = cluster.watch();
  options.master = "other";
  Watching watching(options);
  const auto said = std::vector<std::string>{"it knows no master called `other'"};
  CHECK(watching.connected.run_until([&] { return watching.watch->troubles() == said; }));
  CHECK(watching.count() == 0);
  CHECK(watching.connections() == 0);
}

}  // namespace mxwarden
