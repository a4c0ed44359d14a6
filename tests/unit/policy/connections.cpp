#include "policy/connections.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;

TcpConnection connection(const std::string& client, std::uint16_t port, const std::string& server = "192.0.2.25") {
  return {*Address::parse(client), port, *Address::parse(server), 25};
}

// A node with its tracker, asked by smtpd processes with a policy connection each.
class Node {
 public:
  explicit Node(Connections::Options options = {}) : connections(options) {}

  struct Asked {
    std::string client = "192.0.2.7";
    std::string port = "1000";
    ProtocolState state = ProtocolState::connect;
    int smtpd = 0;  // 0: one of its own
    std::string server = "192.0.2.25";
  };
  std::uint32_t ask(const Asked& asked) {
    Request request;
    request.state = asked.state;
    request[Attribute::client_address] = asked.client;
    request[Attribute::client_port] = asked.port;
    request[Attribute::server_address] = asked.server;
    request[Attribute::server_port] = "25";
    request.peer_pid = static_cast<std::uint32_t>(asked.smtpd);
    View unknown;
    auto& before = asked.smtpd == 0 ? unknown : before_[asked.smtpd];
    const auto preview = connections.preview(request, tracker.preview(request, now), now);
    before = tracker.see(request, &before, now);
    const auto number = connections.ask(request, before, true, now);
    if (before.ended_generation == 0) CHECK(preview == number);
    return number;
  }
  void close(int smtpd) { connections.closed(before_[smtpd]); }
  void look(const std::vector<TcpConnection>& table) {
    now += 1ms;
    connections.look(table, now);
    now += 1ms;
  }
  std::map<std::string, std::uint32_t> say(std::size_t most = 1000) {
    std::vector<Connections::Number> numbers;
    connections.unsaid(now, most, numbers);
    std::map<std::string, std::uint32_t> named;
    for (const auto& number : numbers) named[number.client.to_string()] = number.connections;
    if (heard) connections.said(numbers, now);
    now += 1ms;
    return named;
  }

  Tracker tracker{{.max_sessions = 1000}};
  Connections connections;
  Instant now{1h};
  bool heard = true;

 private:
  std::map<int, View> before_;
};

}  // namespace

TEST_CASE("what the last look shows counts, and a connection that asks is one of them") {
  Node node;
  node.look({connection("192.0.2.7", 1000), connection("192.0.2.7", 1001), connection("192.0.2.8", 1000)});
  CHECK(node.ask({.port = "1000"}) == 2);
  CHECK(node.ask({.port = "1001"}) == 2);
  CHECK(node.ask({.client = "192.0.2.8"}) == 1);
  CHECK(node.ask({.client = "192.0.2.9"}) == 1);
  CHECK(node.ask({.client = "unknown"}) == 0);
  CHECK(node.connections.connections() == 4);
  CHECK(node.connections.clients() == 3);
}

TEST_CASE("of many connections that come between two looks each counts at once, and once") {
  Node node;
  node.look({connection("192.0.2.7", 999)});
  std::vector<TcpConnection> table{connection("192.0.2.7", 999)};
  for (std::uint16_t port = 1000; port < 1030; ++port) {
    const auto expected = static_cast<std::uint32_t>(port - 1000 + 2);
    CHECK(node.ask({.port = std::to_string(port)}) == expected);
    CHECK(node.ask({.port = std::to_string(port), .state = ProtocolState::ehlo}) == expected);
    table.push_back(connection("192.0.2.7", port));
  }
  node.look(table);
  CHECK(node.ask({.port = "1000", .state = ProtocolState::mail}) == 31);
  CHECK(node.connections.connections() == 31);
}

TEST_CASE("a connection that a later look does not show is over") {
  Node node;
  node.look({});
  node.ask({.port = "1000"});
  node.ask({.port = "1001"});
  SUBCASE("though no look has ever shown it") {
    node.look({connection("192.0.2.7", 1001)});
    CHECK(node.ask({.port = "1002"}) == 2);
  }
  SUBCASE("when a look has shown it before") {
    node.look({connection("192.0.2.7", 1000), connection("192.0.2.7", 1001)});
    node.look({connection("192.0.2.7", 1001)});
    CHECK(node.ask({.port = "1002"}) == 2);
    // What it had sent before it closed may still be asked about; that does not bring it back.
    CHECK(node.ask({.port = "1000", .state = ProtocolState::rcpt}) == 3);
    CHECK(node.ask({.port = "1002", .state = ProtocolState::rcpt}) == 2);
  }
}

TEST_CASE("a connection that asks while the table is read is not over because it is not in it") {
  Node node;
  node.look({});
  node.now += 1s;
  node.ask({.port = "1000"});
  node.connections.look({}, node.now);
  CHECK(node.ask({.port = "1001"}) == 2);
}

TEST_CASE("behind a proxy sessions stand in for connections") {
  Node node;
  node.look({});
  const std::vector<TcpConnection> proxy{connection("198.51.100.1", 1), connection("198.51.100.1", 2)};
  for (const int smtpd : {1, 2, 3}) {
    node.ask({.port = std::to_string(1000 + smtpd), .smtpd = smtpd});
    node.look(proxy);
    node.ask({.port = std::to_string(1000 + smtpd), .state = ProtocolState::ehlo, .smtpd = smtpd});
    node.look(proxy);
  }
  const Node::Asked again{.port = "1003", .state = ProtocolState::mail, .smtpd = 3};
  CHECK(node.ask(again) == 3);
  SUBCASE("until the smtpd asks about another") {
    CHECK(node.ask({.client = "192.0.2.99", .port = "5", .smtpd = 1}) == 1);
    CHECK(node.ask(again) == 2);
    // Of the same client.
    CHECK(node.ask({.port = "2000", .smtpd = 2}) == 2);
  }
  SUBCASE("until Postfix closes the policy connection") {
    node.close(1);
    node.close(2);
    CHECK(node.ask(again) == 1);
    // If that was no end after all, it is back when it asks.
    CHECK(node.ask({.port = "1001", .state = ProtocolState::mail, .smtpd = 4}) == 2);
  }
  SUBCASE("until the tracker knows the session no more") {
    for (int port = 1; port < 1000; ++port) node.ask({.client = "203.0.113.1", .port = std::to_string(port)});
    CHECK(node.ask(again) == 1);
  }
  SUBCASE("until they were silent for half a minute") {
    node.now += 25s;
    node.look(proxy);
    CHECK(node.ask(again) == 3);
    node.now += 10s;
    node.look(proxy);
    CHECK(node.ask(again) == 1);
    // One that speaks again is back.
    CHECK(node.ask({.port = "1001", .state = ProtocolState::mail, .smtpd = 1}) == 2);
  }
}

TEST_CASE("a session that begins at XCLIENT stands in from the beginning") {
  Node node;
  node.look({});
  node.ask({.state = ProtocolState::xclient, .smtpd = 1});
  node.look({});
  node.look({});
  CHECK(node.ask({.port = "1001", .state = ProtocolState::xclient, .smtpd = 2}) == 2);
}

TEST_CASE("a session without a port counts only where the look shows no connection of its client") {
  Node node;
  node.look({connection("192.0.2.7", 1000), connection("192.0.2.7", 1001)});
  CHECK(node.ask({.port = "unknown", .smtpd = 1}) == 2);
  CHECK(node.ask({.port = "", .smtpd = 2}) == 2);
  CHECK(node.ask({.client = "192.0.2.8", .port = "unknown", .smtpd = 3}) == 1);
  CHECK(node.ask({.client = "192.0.2.8", .port = "unknown", .smtpd = 4}) == 2);
}

TEST_CASE("the same ports at another of our addresses are another connection") {
  Node node;
  node.look({connection("192.0.2.7", 1000, "192.0.2.25"), connection("192.0.2.7", 1000, "192.0.2.26")});
  CHECK(node.ask({.port = "1000", .server = "192.0.2.27"}) == 3);
}

TEST_CASE("a connection that the kernel shows twice is one") {
  Node node;
  node.look({connection("192.0.2.7", 1000), connection("192.0.2.7", 1000)});
  CHECK(node.ask({.port = "1000"}) == 1);
}

TEST_CASE("addresses that are alike in the prefix are one client") {
  Node node;
  node.look({connection("2001:db8:1:2::1", 1000), connection("2001:db8:1:2:ffff::1", 1000),
             connection("2001:db8:1:3::1", 1000)});
  CHECK(node.ask({.client = "2001:db8:1:2::2"}) == 3);
  CHECK(node.ask({.client = "2001:db8:1:3::1"}) == 1);
  node.connections.reset(24, 48);
  node.look({connection("2001:db8:1:2::1", 1000), connection("2001:db8:1:3::1", 1000), connection("192.0.2.99", 1)});
  CHECK(node.ask({.client = "2001:db8:1:3::1"}) == 2);
  CHECK(node.ask({.client = "192.0.2.1"}) == 2);
}

TEST_CASE("a port that its client uses again is another connection, and one") {
  Node node;
  node.look({});
  node.ask({.state = ProtocolState::connect});
  node.look({});
  node.ask({.state = ProtocolState::ehlo});
  CHECK(node.ask({.state = ProtocolState::connect}) == 1);
  node.look({connection("192.0.2.7", 1000)});
  CHECK(node.ask({.state = ProtocolState::ehlo}) == 1);
}

TEST_CASE("without looks nobody knows, and nobody has more connections than the one that asks") {
  Node node;
  SUBCASE("from the beginning") {}
  SUBCASE("for seconds") {
    node.look({connection("192.0.2.7", 1000), connection("192.0.2.7", 1001)});
    node.now += 4900ms;
    CHECK(node.ask({.port = "1000"}) == 2);
    node.now += 200ms;
  }
  for (int port = 1000; port < 1100; ++port) CHECK(node.ask({.port = std::to_string(port)}) == 1);
  node.look({connection("192.0.2.7", 1000), connection("192.0.2.7", 1001)});
  CHECK(node.ask({.port = "1000"}) == 2);
}

TEST_CASE("a flood of addresses is remembered within bounds, and what it leaves behind is forgotten") {
  Node node({.shared = true, .max_clients = 100});
  const auto client = [](int number) {
    return "10.0." + std::to_string(number / 250) + "." + std::to_string(number % 250);
  };
  std::vector<TcpConnection> table;
  for (int number = 0; number < 1000; ++number) table.push_back(connection(client(number), 1000));
  node.look(table);
  CHECK(node.connections.clients() == 100);
  for (int number = 0; number < 1000; ++number) CHECK(node.ask({.client = client(number)}) == 1);
  CHECK(node.connections.clients() == 100);
  node.look({});
  CHECK(node.connections.clients() == 0);
  // While the others cannot be told, the room is taken for a while.
  node.now += 16s;
  node.look({});
  node.look({connection("192.0.2.7", 1000), connection("192.0.2.7", 1001)});
  CHECK(node.ask({}) == 2);
}

TEST_CASE("the other nodes are told what has changed, what is gone, and now and then the rest") {
  using Numbers = std::map<std::string, std::uint32_t>;
  Node node({.shared = true});
  node.look({connection("192.0.2.7", 1000), connection("192.0.2.7", 1001), connection("192.0.2.8", 1000)});
  CHECK(node.say() == Numbers{{"192.0.2.7", 2}, {"192.0.2.8", 1}});
  node.look({connection("192.0.2.7", 1000), connection("192.0.2.7", 1001), connection("192.0.2.8", 1000)});
  CHECK(node.say().empty());
  node.look({connection("192.0.2.7", 1000)});
  CHECK(node.say() == Numbers{{"192.0.2.7", 1}, {"192.0.2.8", 0}});
  node.look({connection("192.0.2.7", 1000)});
  CHECK(node.say().empty());
  node.now += 4s;
  node.look({connection("192.0.2.7", 1000)});
  CHECK(node.say() == Numbers{{"192.0.2.7", 1}});
  SUBCASE("a connection that came and went between two looks was said by its request") {
    CHECK(node.ask({.port = "1001"}) == 2);
    node.look({connection("192.0.2.7", 1000)});
    CHECK(node.say() == Numbers{{"192.0.2.7", 1}});
    CHECK(node.say().empty());
  }
  SUBCASE("what a request says while the others are told is said again") {
    std::vector<Connections::Number> numbers;
    node.look({connection("192.0.2.7", 1000), connection("192.0.2.7", 1001)});
    const auto asked = node.now;
    node.connections.unsaid(asked, 10, numbers);
    node.now += 1ms;
    CHECK(node.ask({.port = "1002"}) == 3);
    node.connections.said(numbers, asked);
    node.look({connection("192.0.2.7", 1000), connection("192.0.2.7", 1001)});
    CHECK(node.say() == Numbers{{"192.0.2.7", 2}});
  }
  SUBCASE("what was not heard is said again") {
    node.heard = false;
    node.look({});
    CHECK(node.say() == Numbers{{"192.0.2.7", 0}});
    CHECK(node.say() == Numbers{{"192.0.2.7", 0}});
    // Until it is over by itself.
    node.now += 16s;
    node.look({});
    CHECK(node.say().empty());
  }
  SUBCASE("so many at a time, and each in its turn") {
    node.look({connection("192.0.2.1", 1), connection("192.0.2.2", 1), connection("192.0.2.3", 1),
               connection("192.0.2.7", 1000)});
    Numbers all;
    for (int round = 0; round < 3; ++round) {
      const auto some = node.say(1);
      CHECK(some.size() == 1);
      all.insert(some.begin(), some.end());
    }
    CHECK(all.size() == 3);
    CHECK(node.say().empty());
  }
}

}  // namespace mxwarden::policy
