#include "policy/good_records.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "policy/pipeline.hpp"
#include "store/embedded_store.hpp"
#include "support/memory_records.hpp"

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> rules_of(const std::vector<ClientShare::Hit>& hits) {
  std::vector<std::string> rules;
  for (const auto& hit : hits) rules.push_back(hit.by);
  return rules;
}

// What Postfix would ask of a client, against a rate of one connection an hour.
struct Rig {
  explicit Rig(const std::vector<conf::Override>& more = {}) {
    std::vector<conf::Override> overrides{{"client_rate.limit", "1"}, {"client_rate.window", "1h"}};
    overrides.insert(overrides.end(), more.begin(), more.end());
    conf::Report report;
    const auto settings = conf::parse_settings("", "none", overrides, report);
    REQUIRE(report.faults.empty());
    good_records.configure(settings);
    pipeline.emplace(store, tracker, std::make_shared<Engine>(settings, std::make_shared<const conf::AccessTable>()),
                     Pipeline::Options{.good_records = &good_records});
  }

  std::string ask(ProtocolState state, const std::string& client, int client_port, std::string_view login = "") {
    auto& request = inquiry.request;
    request = {};
    request.state = state;
    request[Attribute::client_address] = client;
    const auto port_text = std::to_string(client_port);
    request[Attribute::client_port] = port_text;
    const auto instance = fmt::format("{}.{}.1", client, client_port);
    if (state != ProtocolState::connect) request[Attribute::instance] = instance;
    request[Attribute::sasl_username] = login;
    request[Attribute::size] = size;
    std::string action;
    pipeline->ask(inquiry, now, 500ms, [&](const Decision& decision) { action = decision.action; });
    pipeline->flush();
    return action.substr(0, action.find(' '));
  }

  // A message that comes through, in a session of its own.
  void sends(const std::string& client, std::string_view login = "") {
    ++port;
    ask(ProtocolState::mail, client, port, login);
    ask(ProtocolState::end_of_message, client, port, login);
    ask(ProtocolState::end_of_message, client, port, login);
    now += 2h;
  }
  // The rules that clients with a good record are spared.
  std::vector<std::string> spared() {
    good_records.tick(now);
    return {good_records.spared().begin(), good_records.spared().end()};
  }
  std::string connects(const std::string& client) { return ask(ProtocolState::connect, client, ++port); }

  Instant now{1h};
  int port = 1;
  std::string_view size = "1";
  store::EmbeddedStore store{{.max_entries = 10'000}};
  Tracker tracker{Tracker::Options{}};
  std::vector<std::string> said;
  GoodRecords good_records{store, [this](log::Level, std::string line) { said.push_back(std::move(line)); }};
  std::optional<Pipeline> pipeline;
  Inquiry inquiry;
};

std::string client(int number) {
  return fmt::format("198.51.100.{}", number);
}

}  // namespace

TEST_CASE("a rule that refuses more than its share of the clients with a good record spares them") {
  Rig rig;
  for (int number = 0; number < 5; ++number) {
    for (int message = 0; message < 3; ++message) rig.sends(client(number));
  }
  for (int number = 0; number < 5; ++number) {
    CHECK(rig.spared().empty());
    CHECK(rig.connects(client(number)) == "DUNNO");
    CHECK(rig.connects(client(number)) == "421");
  }
  CHECK(rig.spared() == std::vector<std::string>{"client_rate"});
  CHECK(rig.spared() == std::vector<std::string>{"client_rate"});
  REQUIRE(rig.said.size() == 1);
  CHECK(rig.said[0].starts_with("alert rule=client_rate refuses 5 of 5 clients with a good record"));
  // They are spared, and nobody else is.
  CHECK(rig.connects(client(0)) == "DUNNO");
  rig.connects(client(99));
  CHECK(rig.connects(client(99)) == "421");
  rig.now += 10min;
  CHECK(rig.spared().empty());
  CHECK(rig.said.back() == "alert rule=client_rate spares nobody any more");
  CHECK(rig.connects(client(0)) == "421");
}

TEST_CASE("clients without a good record, or with a login, are not held against a rule") {
  Rig rig;
  for (int number = 0; number < 20; ++number) {
    for (int message = 0; message < 2; ++message) rig.sends(client(number));
    for (int message = 0; message < 5; ++message) rig.sends(client(100 + number), "anna");
  }
  for (int number = 0; number < 20; ++number) {
    rig.connects(client(number));
    CHECK(rig.connects(client(number)) == "421");
    rig.connects(client(100 + number));
    CHECK(rig.connects(client(100 + number)) == "421");
  }
  CHECK(rig.spared().empty());
}

TEST_CASE("a message counts once, and not at all if it is refused") {
  struct Row {
    const char* label;
    int messages;
    const char* size;  // the limit is 10 bytes an hour
    std::size_t hits;
  };
  const Row rows[] = {
      {"two messages, each asked about twice", 2, "1", 0},
      {"three", 3, "1", 1},
      {"three that are refused", 3, "11", 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    Rig rig({{"limit small.key", "client_address"},
             {"limit small.count", "bytes"},
             {"limit small.window", "1h"},
             {"limit small.limit", "10"}});
    rig.size = row.size;
    for (int number = 0; number < 5; ++number) {
      for (int message = 0; message < row.messages; ++message) rig.sends(client(number));
    }
    for (int number = 0; number < 5; ++number) {
      rig.connects(client(number));
      CHECK(rig.connects(client(number)) == "421");
    }
    CHECK(rig.spared().size() == row.hits);
  }
}

TEST_CASE("in monitor mode what it would refuse is held against a rule as well") {
  Rig rig(std::vector<conf::Override>{{"client_rate.mode", "monitor"}});
  for (int number = 0; number < 5; ++number) {
    for (int message = 0; message < 3; ++message) rig.sends(client(number));
    CHECK(rig.connects(client(number)) == "DUNNO");
    CHECK(rig.connects(client(number)) == "DUNNO");
    rig.now -= 6h;
  }
  CHECK(rig.spared() == std::vector<std::string>{"client_rate"});
}

TEST_CASE("off, nobody has a good record") {
  Rig rig(std::vector<conf::Override>{{"client.good_record", "off"}});
  for (int number = 0; number < 5; ++number) {
    for (int message = 0; message < 3; ++message) rig.sends(client(number));
    rig.connects(client(number));
    CHECK(rig.connects(client(number)) == "421");
  }
  CHECK(rig.spared().empty());
}

TEST_CASE("a share is of all that came, and four are too few to say anything") {
  GoodRecordGuard guard;
  const Instant now{1h};
  for (int number = 0; number < 200; ++number) guard.came(client(number), now);
  for (int number = 0; number < 10; ++number) CHECK_FALSE(guard.refused(client(number), "a", now));
  CHECK(guard.over(5).empty());
  CHECK_FALSE(guard.refused(client(10), "a", now));
  CHECK(rules_of(guard.over(5)) == std::vector<std::string>{"a"});
  GoodRecordGuard few;
  for (int number = 0; number < 4; ++number) few.refused_good(client(number), "a", now);
  CHECK(few.over(5).empty());
  few.refused_good(client(4), "a", now);
  CHECK(few.over(5).size() == 1);
}

TEST_CASE("of strangers each is looked up once in ten minutes, and a hundred a second") {
  GoodRecordGuard guard;
  Instant now{1h};
  int looks = 0;
  for (int number = 0; number < 50'000; ++number) looks += guard.refused(std::to_string(number), "a", now) ? 1 : 0;
  CHECK(looks == 100);
  now += 1s;
  CHECK_FALSE(guard.refused("0", "a", now));
  CHECK(guard.refused("100", "a", now));
  now += 10min;
  guard.tick(now);
  CHECK(guard.refused("0", "a", now));
}

TEST_CASE("more clients than are remembered are passed over") {
  GoodRecordGuard guard;
  const Instant now{1h};
  for (int number = 0; number < 20'000; ++number) guard.refused_good(std::to_string(number), "a", now);
  const auto hits = guard.over(5);
  REQUIRE(hits.size() == 1);
  CHECK(hits[0].hit == GoodRecordGuard::most_clients);
  CHECK(hits[0].came == GoodRecordGuard::most_clients);
}

TEST_CASE("every rule that would refuse is told of, and what an operator has said is not held against one") {
  Rig rig(std::vector<conf::Override>{{"client_rate.mode", "monitor"},
                                      {"limit mine.key", "client_address"},
                                      {"limit mine.count", "connections"},
                                      {"limit mine.window", "1h"},
                                      {"limit mine.limit", "1"},
                                      {"limit mine.mode", "monitor"}});
  for (int number = 0; number < 5; ++number) {
    for (int message = 0; message < 3; ++message) rig.sends(client(number));
    rig.connects(client(number));
    CHECK(rig.connects(client(number)) == "DUNNO");
    rig.now -= 6h;
  }
  CHECK(rig.spared() == std::vector<std::string>{"client_rate", "mine"});
}

TEST_CASE("five that an operator has listed keep the listing from nobody") {
  ManualClock clock;
  tests::MemoryRecords records{clock};
  for (const bool by_operator : {true, false}) {
    CAPTURE(by_operator);
    Rig rig;
    rig.now = clock.now();
    conf::Report report;
    const auto settings = conf::parse_settings("", "none", {}, report);
    rig.pipeline.emplace(rig.store, rig.tracker,
                         std::make_shared<Engine>(settings, std::make_shared<const conf::AccessTable>()),
                         Pipeline::Options{.records = &records, .good_records = &rig.good_records});
    for (int number = 0; number < 5; ++number) {
      const auto net = Prefix::parse(client(number)).value();
      records.erase(store::RecordKind::listing, net, [](const auto&) {});
      for (int message = 0; message < 3; ++message) rig.sends(client(number));
      rig.now = clock.now();
      store::Listing listing;
      listing.by_operator = by_operator;
      records.put({net, clock.wall_now() + 1h, listing}, [](const auto&) {});
      CHECK(rig.connects(client(number)) == "554");
    }
    CHECK(rig.spared().empty() == by_operator);
  }
}

}  // namespace mxwarden::policy
