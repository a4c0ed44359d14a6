#include "server/connection_watch.hpp"

#include <doctest/doctest.h>

#include "base/log.hpp"
#include "server/connection_publisher.hpp"

namespace mxwarden::server {
namespace {

using namespace std::chrono_literals;

class FakeTable final : public TcpTable {
 public:
  Result<void> read(std::span<const std::uint16_t> server_ports,
                    std::vector<policy::TcpConnection>& connections) override {
    ports.assign(server_ports.begin(), server_ports.end());
    if (fails) return Error{"no table today"};
    connections = shows;
    return {};
  }

  std::vector<policy::TcpConnection> shows;
  std::vector<std::uint16_t> ports;  // that were wanted last
  bool fails = false;
};

// Answers when it is told to.
class FakeStore final : public store::Store {
 public:
  void execute(const store::Batch& batch, Instant, store::Completion completion) override {
    ++batches;
    for (const auto& count : batch.counts) said.push_back(count.entity + " " + std::to_string(count.n));
    size_ = batch.counts.size();
    completion_ = std::move(completion);
  }
  void flush() override {
    while (answers && completion_) answer(size_);
  }
  void answer(std::size_t size) {
    const std::vector<store::CountAnswer> all(size);
    std::exchange(completion_, nullptr)(all);
  }
  void tick(Instant) override {}
  std::string_view name() const override { return "fake"; }

  std::vector<std::string> said;
  int batches = 0;
  bool answers = true;

 private:
  std::size_t size_ = 0;
  store::Completion completion_;
};

struct Rig {
  explicit Rig(bool shared = true) : connections({.shared = shared}) {
    static const bool silent = log::start("unit_server", "file:/dev/null", log::Level::error).has_value();
    REQUIRE(silent);
  }

  std::uint32_t ask(const std::string& client_port, std::uint64_t limit = 20, const std::string& server_port = "25") {
    policy::Request request;
    request.state = ProtocolState::connect;
    request[Attribute::client_address] = "192.0.2.7";
    request[Attribute::client_port] = client_port;
    request[Attribute::server_address] = "192.0.2.25";
    request[Attribute::server_port] = server_port;
    const auto view = tracker.see(request, nullptr, clock.now());
    return watch.count(request, view, limit, clock.now());
  }
  std::uint32_t preview(const std::string& client_port, const std::string& server_port = "25") {
    policy::Request request;
    request.state = ProtocolState::connect;
    request[Attribute::client_address] = "192.0.2.7";
    request[Attribute::client_port] = client_port;
    request[Attribute::server_address] = "192.0.2.25";
    request[Attribute::server_port] = server_port;
    return watch.preview(request, tracker.preview(request, clock.now()), clock.now());
  }
  void show(std::initializer_list<std::uint16_t> client_ports) {
    table.shows.clear();
    for (const auto port : client_ports) {
      table.shows.push_back({*Address::parse("192.0.2.7"), port, *Address::parse("192.0.2.25"), 25});
    }
  }
  auto looks() const { return watch.statistics().looks; }

  static conf::Settings settings() {
    conf::Report report;
    return conf::parse_settings("", "", {}, report);
  }

  boost::asio::io_context context{1};
  ManualClock clock;
  FakeTable table;
  policy::Tracker tracker{policy::Tracker::Options{}};
  policy::Connections connections;
  ConnectionWatch watch{context, clock, table, connections, [](Instant) {}};
  FakeStore store;
  ConnectionPublisher publisher{store, connections, settings()};
};

}  // namespace

TEST_CASE("a preview tells what would be counted, with a fresh look, and notes nothing") {
  Rig rig;
  rig.ask("1000");
  rig.clock.advance(1s);
  rig.show({1000, 1001});
  const auto looks = rig.looks();
  CHECK(rig.preview("1002") == 3);
  CHECK(rig.preview("1002", "2525") == 3);
  CHECK(rig.preview("1001") == 2);
  CHECK(rig.looks() == looks + 1);
  CHECK(rig.table.ports == std::vector<std::uint16_t>{25});
  CHECK(rig.tracker.sessions() == 1);
  CHECK(rig.ask("1001") == 2);
}

TEST_CASE("a number that may refuse is no older than 50 ms") {
  Rig rig;
  rig.show({1000, 1001});
  rig.watch.start();
  CHECK(rig.looks() == 1);
  rig.clock.advance(50ms);
  CHECK(rig.ask("1000") == 2);
  CHECK(rig.looks() == 1);
  rig.clock.advance(1ms);
  rig.show({1001});
  CHECK(rig.ask("1001") == 1);
  CHECK(rig.looks() == 2);
  CHECK(rig.ask("1002") == 2);
  CHECK(rig.looks() == 2);
}

TEST_CASE("a number that refuses nobody, or is of one connection, needs no look") {
  Rig rig;
  rig.show({1000, 1001});
  rig.watch.start();
  rig.clock.advance(100ms);
  CHECK(rig.ask("1000", 0) == 2);
  CHECK(rig.looks() == 1);
  rig.show({});
  rig.watch.stop();
  rig.watch.start();
  rig.clock.advance(100ms);
  CHECK(rig.ask("1002") == 1);
  CHECK(rig.looks() == 2);
}

TEST_CASE("where no other node has any, a number below the limit refuses nobody and needs no look") {
  Rig rig(false);
  rig.show({1000, 1001, 1002});
  rig.watch.start();
  rig.clock.advance(100ms);
  rig.show({1000});
  CHECK(rig.ask("1000", 3) == 3);
  CHECK(rig.looks() == 1);
  CHECK(rig.ask("1000", 2) == 1);
  CHECK(rig.looks() == 2);
}

TEST_CASE("a look that failed changes nothing, and is not tried again at once") {
  Rig rig;
  rig.show({1000, 1001});
  rig.watch.start();
  rig.ask("1000");
  rig.table.fails = true;
  rig.clock.advance(100ms);
  CHECK(rig.ask("1000") == 2);
  CHECK(rig.ask("1001") == 2);
  CHECK(rig.watch.statistics().looks == 2);
  CHECK(rig.watch.statistics().failed == 1);
}

TEST_CASE("the ports that are looked at are those that were named") {
  Rig rig;
  rig.watch.start();
  CHECK(rig.table.ports == std::vector<std::uint16_t>{25, 465, 587});
  rig.ask("1000", 0, "");
  rig.ask("1001", 0, "unknown");
  rig.ask("1002", 0, "65536");
  CHECK(rig.looks() == 1);
  rig.ask("1003", 0, "25");
  CHECK(rig.looks() == 1);
  // What is there already at a port of which nothing was known is looked at, at once.
  rig.ask("1004", 0, "2525");
  CHECK(rig.looks() == 2);
  CHECK(rig.table.ports == std::vector<std::uint16_t>{25, 2525});
  for (int port = 1; port < 200; ++port) rig.ask("1005", 0, std::to_string(port));
  CHECK(rig.table.ports.size() == 64);
}

TEST_CASE("the timer looks again and again until it is stopped") {
  Rig rig;
  int looked = 0;
  ConnectionWatch watch(rig.context, rig.clock, rig.table, rig.connections, [&](Instant) { ++looked; });
  watch.start();
  rig.context.run_one();
  rig.context.run_one();
  CHECK(looked == 2);
  watch.stop();
  CHECK(rig.context.run() == 1);
  CHECK(looked == 2);
}

TEST_CASE("the store is told what it does not know, and nothing twice") {
  Rig rig;
  rig.show({1000, 1001});
  rig.watch.start();
  rig.publisher.publish(rig.clock.now());
  CHECK(rig.store.said == std::vector<std::string>{"client:192.0.2.7 2"});
  rig.publisher.publish(rig.clock.now());
  CHECK(rig.store.batches == 1);
}

TEST_CASE("one batch at a time, and what the store could not take is said after the next look") {
  Rig rig;
  rig.show({1000});
  rig.watch.start();
  rig.store.answers = false;
  rig.publisher.publish(rig.clock.now());
  rig.publisher.publish(rig.clock.now());
  CHECK(rig.store.batches == 1);
  rig.store.answer(0);
  CHECK(rig.store.batches == 1);
  rig.publisher.publish(rig.clock.now());
  CHECK(rig.store.batches == 2);
  rig.store.answer(1);
  rig.publisher.publish(rig.clock.now());
  CHECK(rig.store.batches == 2);
}

TEST_CASE("what a request says while the store is told starts no endless talk") {
  Rig rig;
  rig.show({1000});
  rig.watch.start();
  rig.store.answers = false;
  rig.publisher.publish(rig.clock.now());
  rig.clock.advance(std::chrono::milliseconds(1));
  rig.ask("1001");
  rig.store.answers = true;
  rig.store.answer(1);
  rig.store.flush();
  CHECK(rig.store.batches == 1);
  rig.publisher.publish(rig.clock.now());
  CHECK(rig.store.batches == 1);  // the request has said it
}

TEST_CASE("many numbers are said in several batches, so many after a look") {
  Rig rig;
  for (std::uint32_t client = 0; client < 2500; ++client) {
    const auto address = *Address::parse("10.0." + std::to_string(client / 250) + "." + std::to_string(client % 250));
    rig.table.shows.push_back({address, 1000, *Address::parse("192.0.2.25"), 25});
  }
  rig.watch.start();
  for (const int batches : {5, 10, 13, 13}) {
    rig.publisher.publish(rig.clock.now());
    CHECK(rig.store.batches == batches);
  }
  CHECK(rig.store.said.size() == 2500);
}

}  // namespace mxwarden::server
