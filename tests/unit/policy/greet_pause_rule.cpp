#include "policy/greet_pause_rule.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "policy/pipeline.hpp"
#include "store/embedded_store.hpp"

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;

class Sockets final : public ClientSockets {
 public:
  ClientSocket look(const Request& request, const View& view) override {
    ++looks;
    CHECK(connection_of(request, view).has_value());
    return shows;
  }

  ClientSocket shows = ClientSocket::silent;
  int looks = 0;
};

class Node {
 public:
  explicit Node(ClientSockets* sockets, conf::Mode mode = conf::Mode::enforce) {
    conf::Report report;
    auto settings = conf::parse_settings("", "test", {}, report);
    settings.greet_pause.mode = mode;
    pipeline_.emplace(store_, tracker_, std::make_shared<Engine>(settings, std::make_shared<const conf::AccessTable>()),
                      Pipeline::Options{.sockets = sockets});
  }

  Decision connect(std::string_view port = "4711") {
    inquiry.request = {};
    inquiry.request.state = ProtocolState::connect;
    inquiry.request[Attribute::client_address] = "198.51.100.7";
    inquiry.request[Attribute::client_port] = port;
    inquiry.request[Attribute::server_address] = "192.0.2.25";
    inquiry.request[Attribute::server_port] = "25";
    std::optional<Decision> decision;
    pipeline_->ask(inquiry, Instant{1h}, 500ms, [&](Decision made) { decision = std::move(made); });
    pipeline_->flush();
    REQUIRE(decision);
    return *decision;
  }
  Decision resume() { return pipeline_->resume(inquiry, 700ms); }
  Decision cut_short() { return pipeline_->cut_short(inquiry); }

  Inquiry inquiry;

 private:
  store::EmbeddedStore store_{{.max_entries = 1000}};
  Tracker tracker_{Tracker::Options{}};
  std::optional<Pipeline> pipeline_;
};

}  // namespace

TEST_CASE("the socket is looked at before the wait and after it, and what it shows last decides") {
  struct Row {
    const char* label;
    ClientSocket then;
    ClientSocket told;
    bool refused;
  };
  for (const auto& row : {Row{"patient", ClientSocket::silent, ClientSocket::silent, false},
                          Row{"early", ClientSocket::talked, ClientSocket::talked, true},
                          Row{"hung up", ClientSocket::gone, ClientSocket::gone, false},
                          Row{"reset", ClientSocket::not_here, ClientSocket::gone, false}}) {
    CAPTURE(row.label);
    Sockets sockets;
    Node node(&sockets);
    const auto first = node.connect();
    REQUIRE(first.hold);
    CHECK(first.hold->length == 700ms);
    sockets.shows = row.then;
    const auto last = node.resume();
    CHECK_FALSE(last.hold);
    CHECK(sockets.looks == 2);
    CHECK(last.socket == row.told);
    CHECK(last.verdict.has_value() == row.refused);
    CHECK(last.action ==
          (row.refused ? "554 5.5.1 You have talked before you were greeted [mxw:greet_pause]" : "DUNNO"));
  }
}

TEST_CASE("where there is nothing to wait for, nobody waits") {
  for (const auto shows : {ClientSocket::talked, ClientSocket::gone, ClientSocket::not_here}) {
    Sockets sockets;
    sockets.shows = shows;
    Node node(&sockets);
    const auto decision = node.connect();
    CHECK_FALSE(decision.hold);
    CHECK(decision.socket == shows);
    CHECK(decision.verdict.has_value() == (shows == ClientSocket::talked));
  }
  Node blind(nullptr);
  const auto decision = blind.connect();
  CHECK_FALSE(decision.hold);
  CHECK(decision.action == "DUNNO");
}

TEST_CASE("a wait that is cut short refuses nobody, is not told as one, and is not begun again") {
  Sockets sockets;
  Node node(&sockets);
  REQUIRE(node.connect().hold);
  sockets.shows = ClientSocket::talked;
  const auto decision = node.cut_short();
  CHECK_FALSE(decision.hold);
  CHECK(decision.action == "DUNNO");
  CHECK(decision.socket == ClientSocket::none);
  CHECK(sockets.looks == 1);
  CHECK_FALSE(node.connect().hold);
  // What one connection has shown is not told of the next.
  sockets.shows = ClientSocket::silent;
  CHECK(node.connect("4712").hold);
  CHECK(sockets.looks == 2);
}

TEST_CASE("off, there is no such rule, and no socket is looked at") {
  Sockets sockets;
  Node node(&sockets, conf::Mode::off);
  const auto decision = node.connect();
  CHECK_FALSE(decision.hold);
  CHECK(decision.socket == ClientSocket::none);
  CHECK(sockets.looks == 0);
}

TEST_CASE("a connection is named by both its ends, or not at all") {
  struct Row {
    Attribute lacks;
    const char* value;
  };
  const auto request_without = [](Attribute attribute, std::string_view value) {
    Request request;
    request[Attribute::client_port] = "4711";
    request[Attribute::server_address] = "2001:db8::25";
    request[Attribute::server_port] = "25";
    request[attribute] = value;
    return request;
  };
  View view;
  view.client = Address::parse("2001:db8::7");
  const auto whole = connection_of(request_without(Attribute::queue_id, ""), view);
  REQUIRE(whole);
  CHECK(whole->client.to_string() == "2001:db8::7");
  CHECK(whole->client_port == 4711);
  CHECK(whole->server.to_string() == "2001:db8::25");
  CHECK(whole->server_port == 25);
  for (const auto& row : {Row{Attribute::client_port, ""}, Row{Attribute::client_port, "unknown"},
                          Row{Attribute::client_port, "65536"}, Row{Attribute::server_port, ""},
                          Row{Attribute::server_address, ""}, Row{Attribute::server_address, "unknown"}}) {
    CAPTURE(row.value);
    CHECK_FALSE(connection_of(request_without(row.lacks, row.value), view));
  }
  CHECK_FALSE(connection_of(request_without(Attribute::queue_id, ""), View()));
}

}  // namespace mxwarden::policy
