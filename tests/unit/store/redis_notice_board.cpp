#include "store/redis_notice_board.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "support/redis_server.hpp"

namespace mxwarden {
namespace {

using namespace std::chrono_literals;
using store::Notice;
using store::RedisNoticeBoard;

constexpr std::string_view nodes_key = "mxw:n1{notices}nodes";

// Some nodes in one loop: mx1, mx2, ...
class Cluster {
 public:
  explicit Cluster(const tests::RedisServer& server, int nodes = 2) {
    static const bool silent = log::start("unit_store", "file:/dev/null", log::Level::error).has_value();
    REQUIRE(silent);
    for (int node = 1; node <= nodes; ++node) {
      RedisNoticeBoard::Options options;
      options.node = "mx" + std::to_string(node);
      options.deadline = 5s;
      auto locator =
          std::make_unique<store::FixedRedisLocator>(store::RedisServerAddress{server.socket_path(), "test"});
      boards_.push_back(std::make_unique<RedisNoticeBoard>(context_, clock_, std::move(locator), options));
      boards_.back()->start();
    }
    for (std::size_t node = 0; node < boards_.size(); ++node) {
      REQUIRE(run_until([&] { return read(node).has_value(); }));
    }
  }
  ~Cluster() {
    for (const auto& board : boards_) board->stop();
    context_.restart();
    context_.run();  // nothing holds it
  }

  RedisNoticeBoard& operator[](std::size_t at) { return *boards_[at]; }

  template <class Holds>
  bool run_until(Holds holds) {
    const auto end = clock_.now() + 10s;
    while (!holds()) {
      if (clock_.now() >= end) return false;
      turn();
    }
    return true;
  }
  // In the order of the nodes' names.
  Result<std::vector<Notice>> read(std::size_t node, std::string_view name = "top") {
    std::optional<Result<std::vector<Notice>>> read;
    (*this)[node].read(name, [&](const auto& notices) { read = notices; });
    while (!read) turn();
    if (*read) std::ranges::sort(**read, {}, &Notice::node);
    return *read;
  }
  bool reads(std::size_t node, const std::vector<Notice>& expected, std::string_view name = "top") {
    return run_until([&] {
      const auto notices = read(node, name);
      return notices && *notices == expected;
    });
  }

 private:
  void turn() {
    context_.restart();
    context_.run_one_for(5ms);
  }

  boost::asio::io_context context_{1};
  SystemClock clock_;
  std::vector<std::unique_ptr<RedisNoticeBoard>> boards_;
};

}  // namespace

TEST_CASE("what a node has put up last, all read") {
  tests::RedisServer server;
  Cluster cluster(server);
  CHECK(cluster.reads(0, {}));
  cluster[0].put("top", "first");
  cluster[0].put("top", "second\nline");
  cluster[1].put("top", "");
  cluster[1].put("other", "thing");
  for (std::size_t node = 0; node < 2; ++node) {
    CHECK(cluster.reads(node, {{"mx1", "second\nline"}, {"mx2", ""}}));
    CHECK(cluster.reads(node, {{"mx1", std::nullopt}, {"mx2", "thing"}}, "other"));
  }
}

TEST_CASE("every key has an end, set in the step that makes it") {
  tests::RedisServer server;
  Cluster cluster(server);
  cluster[0].put("top", "text");
  REQUIRE(cluster.reads(1, {{"mx1", "text"}}));
  auto client = server.client();
  CHECK(client.command({"DBSIZE"}).integer() == 2);
  const auto text_ends = client.command({"PTTL", "mxw:n1{notices}text/top/mx1"}).integer();
  CHECK(text_ends > 80'000);
  CHECK(text_ends <= 90'000);
  const auto nodes_end = client.command({"PTTL", nodes_key}).integer();
  CHECK(nodes_end > 86'390'000);
  CHECK(nodes_end <= 86'400'000);
}

TEST_CASE("a node that is gone is silent, and forgotten after a day") {
  tests::RedisServer server;
  Cluster cluster(server);
  cluster[0].put("top", "text");
  cluster[1].put("top", "text");
  REQUIRE(cluster.reads(1, {{"mx1", "text"}, {"mx2", "text"}}));
  auto client = server.client();
  client.command({"DEL", "mxw:n1{notices}text/top/mx1"});
  CHECK(cluster.reads(1, {{"mx1", std::nullopt}, {"mx2", "text"}}));
  client.command({"ZINCRBY", nodes_key, "-86400001", "mx1"});
  cluster[1].put("top", "more");
  CHECK(cluster.reads(1, {{"mx2", "more"}}));
}

TEST_CASE("of more nodes than there can be, the 200 heard last are asked") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  auto client = server.client();
  for (int node = 0; node < 300; ++node) {
    client.command({"ZADD", nodes_key, std::to_string(node), "node" + std::to_string(node)});
  }
  const auto notices = cluster.read(0);
  REQUIRE(notices.has_value());
  CHECK(notices->size() == 200);
  CHECK(std::ranges::find(*notices, "node100", &Notice::node) != notices->end());
}

TEST_CASE("a script that was forgotten is sent again with the next notice") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  server.client().command({"SCRIPT", "FLUSH"});
  CHECK(cluster.run_until([&] {
    cluster[0].put("top", "text");
    return cluster.read(0).value() == std::vector<Notice>{{"mx1", "text"}};
  }));
}

TEST_CASE("who cannot be heard is said so, and heard again") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  server.suspend();
  const auto away = cluster.read(0);
  server.resume();
  REQUIRE(away.has_error());
  CHECK(away.error().message == "store away: no answer in time");
  CHECK(cluster.run_until([&] { return cluster.read(0).has_value(); }));
  server.kill();
  CHECK(cluster.run_until([&] { return cluster.read(0).has_error(); }));
  cluster[0].put("top", "goes nowhere");
  server.start();
  CHECK(cluster.run_until([&] { return cluster.read(0).has_value(); }));
  CHECK(cluster.read(0).value().empty());
}

TEST_CASE("what is no answer costs the connection, and an error only the one who reads") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  auto client = server.client();
  client.command({"SET", nodes_key, "of another type"});
  CHECK(cluster.read(0).error().message.find("WRONGTYPE") != std::string::npos);
  cluster[0].put("top", "text");
  client.command({"DEL", nodes_key});
  CHECK(cluster.run_until([&] { return cluster.read(0).has_value(); }));
}

TEST_CASE("a Redis that is full takes no notice, and still shows those it has") {
  tests::RedisServer server;
  Cluster cluster(server, 1);
  cluster[0].put("top", "text");
  REQUIRE(cluster.reads(0, {{"mx1", "text"}}));
  auto client = server.client();
  client.command({"CONFIG", "SET", "maxmemory", "1"});
  cluster[0].put("top", "too much");
  CHECK(cluster.reads(0, {{"mx1", "text"}}));
  client.command({"CONFIG", "SET", "maxmemory", "0"});
  CHECK(cluster.run_until([&] {
    cluster[0].put("top", "again");
    const auto notices = cluster.read(0);
    return notices && *notices == std::vector<Notice>{{"mx1", "again"}};
  }));
}

}  // namespace mxwarden
