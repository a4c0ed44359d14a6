#include "policy/top_counts.hpp"

#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;

constexpr auto all = std::size_t{100'000};

struct Asker {
  explicit Asker(const TopCounts::Options& options = {}) : counts(options, clock.now()) {}

  // What Postfix asks, and what it is told: a rule, or nothing.
  struct Asked {
    std::string_view client = "203.0.113.7";
    std::string_view rule = {};
    std::string_view login = {};
    bool new_session = false;
    bool new_recipient = false;
    bool refuses = true;
  };

  void ask(const Asked& asked) {
    Request request;
    request[Attribute::sasl_username] = asked.login;
    View view;
    view.client = Address::parse(asked.client);
    view.new_session = asked.new_session;
    view.new_recipient = asked.new_recipient;
    Decision decision;
    if (!asked.rule.empty()) {
      decision.verdict.emplace();
      decision.verdict->rule = asked.rule;
      decision.verdict->refuses = asked.refuses;
    }
    counts.decided(request, view, decision, clock.now());
  }
  void refuse(std::string_view client, std::string_view rule = "client_rate", int times = 1) {
    for (int time = 0; time < times; ++time) ask({.client = client, .rule = rule});
  }

  TopList list(TopBy by, Duration since = 24h) { return counts.list(by, since, all, clock.now(), clock.wall_now()); }
  // `NAME COUNT RULE`, the worst first; with ` -ERROR` where there is one.
  std::vector<std::string> lines(TopBy by, Duration since = 24h) {
    std::vector<std::string> lines;
    for (const auto& entry : list(by, since).entries) {
      lines.push_back(entry.name + " " + std::to_string(entry.count) + " " + entry.rule +
                      (entry.error > 0 ? " -" + std::to_string(entry.error) : ""));
    }
    return lines;
  }

  ManualClock clock;
  TopCounts counts;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("each category counts its own") {
  Asker asker;
  asker.ask({.new_session = true});
  asker.ask({.rule = "client_rate", .new_session = true});
  asker.ask({.rule = "message_recipients", .new_recipient = true});
  asker.ask({.client = "203.0.113.200", .rule = "ban", .new_session = true});
  asker.ask({.client = "2001:db8:0:1::9", .rule = "operator_ban", .new_session = true});
  asker.ask({.client = "2001:db8:0:1::8", .rule = "operator_ban", .new_session = true});
  CHECK(asker.lines(TopBy::rejected) ==
        Lines{"2001:db8:0:1::/64 2 operator_ban", "203.0.113.7 2 message_recipients", "203.0.113.200 1 ban"});
  CHECK(asker.lines(TopBy::banned) == Lines{"2001:db8:0:1::/64 2 operator_ban", "203.0.113.200 1 ban"});
  CHECK(asker.lines(TopBy::network) == Lines{"203.0.113.0/24 3 ban", "2001:db8:0:1::/64 2 operator_ban"});
  CHECK(asker.lines(TopBy::rate) ==
        Lines{"2001:db8:0:1::/64 2 operator_ban", "203.0.113.7 2 message_recipients", "203.0.113.200 1 ban"});
  CHECK(asker.lines(TopBy::login).empty());
}

TEST_CASE("a login is counted by the recipients that it asks for, whoever the client is") {
  Asker asker;
  for (int recipient = 0; recipient < 3; ++recipient) asker.ask({.login = "anna@example.org", .new_recipient = true});
  asker.ask({.client = "unknown", .rule = "login_rate", .login = "anna@example.org", .new_recipient = true});
  asker.ask({.login = "anna@example.org"});
  asker.ask({.login = "bob", .new_recipient = true});
  asker.ask({.new_recipient = true});
  CHECK(asker.lines(TopBy::login) == Lines{"anna@example.org 4 login_rate", "bob 1 "});
  CHECK(asker.lines(TopBy::rejected).empty());
}

TEST_CASE("what is no refusal of a client is not counted as one") {
  Asker asker;
  asker.ask({});
  asker.ask({.rule = "relay_grant", .refuses = false});
  asker.ask({.rule = "store"});
  asker.ask({.client = "unknown", .rule = "client_rate", .new_session = true});
  for (const auto by : {TopBy::rejected, TopBy::rate, TopBy::login, TopBy::banned, TopBy::network}) {
    CHECK(asker.lines(by).empty());
  }
}

TEST_CASE("clients and networks are as wide as they are counted") {
  Asker asker({.ipv4_prefix = 28, .ipv6_prefix = 48});
  asker.refuse("203.0.113.17");
  asker.refuse("203.0.113.18");
  asker.refuse("2001:db8:1:2::3");
  CHECK(asker.lines(TopBy::rejected) == Lines{"203.0.113.16/28 2 client_rate", "2001:db8:1::/48 1 client_rate"});
  CHECK(asker.lines(TopBy::network) == Lines{"203.0.113.0/24 2 client_rate", "2001:db8:1::/48 1 client_rate"});
  asker.counts.set_prefixes(32, 64);
  asker.refuse("203.0.113.17");
  CHECK(asker.lines(TopBy::rejected).back() == "203.0.113.17 1 client_rate");
}

TEST_CASE("it is known who was refused last, and by what") {
  Asker asker;
  asker.refuse("203.0.113.7", "client_rate");
  asker.clock.advance(90min);
  asker.refuse("203.0.113.7", "ban");
  const auto last = asker.clock.wall_now();
  asker.clock.advance(10min);
  const auto list = asker.list(TopBy::rejected);
  REQUIRE(list.entries.size() == 1);
  CHECK(list.entries[0].rule == "ban");
  CHECK(list.entries[0].last == last);
}

TEST_CASE("an answer covers what was asked for, and an hour more at most") {
  Asker asker;
  for (int hour = 0; hour < 30; ++hour) {
    asker.refuse("203.0.113.7");
    asker.clock.advance(1h);
  }
  struct Row {
    Duration since;
    std::uint64_t count;
    std::chrono::milliseconds covers;
  };
  asker.clock.advance(10min);
  for (const auto& row :
       {Row{1s, 1, 70min}, Row{1h, 1, 70min}, Row{61min, 2, 130min}, Row{2h, 2, 130min}, Row{24h, 24, 24h + 10min}}) {
    CAPTURE(row.count);
    const auto list = asker.list(TopBy::rejected, row.since);
    CHECK(list.covers == row.covers);
    REQUIRE(list.entries.size() == 1);
    CHECK(list.entries[0].count == row.count);
  }
}

TEST_CASE("a young daemon covers its life, and after a day without a soul nobody is left") {
  Asker asker;
  asker.refuse("203.0.113.7");
  asker.clock.advance(59min + 59s);
  CHECK(asker.list(TopBy::rejected).covers == 59min + 59s);
  asker.clock.advance(1s);
  CHECK(asker.list(TopBy::rejected, 1min).entries.size() == 1);
  asker.clock.advance(23h + 59min);
  CHECK(asker.list(TopBy::rejected).entries.size() == 1);
  asker.clock.advance(1min);
  CHECK(asker.list(TopBy::rejected).entries.empty());
  asker.clock.advance(24h * 100);
  asker.refuse("203.0.113.8");
  CHECK(asker.lines(TopBy::rejected) == Lines{"203.0.113.8 1 client_rate"});
}

TEST_CASE("in a flood of clients that come once, who came often is found, within the bounds") {
  Asker asker;
  constexpr int hours = 8;  // more keys than are kept together
  constexpr int an_hour = 10'000;
  constexpr std::uint64_t heavy = 250;
  for (int hour = 0; hour < hours; ++hour) {
    for (int at = 0; at < an_hour; ++at) {
      asker.refuse("10." + std::to_string(hour) + "." + std::to_string(at / 250) + "." + std::to_string(at % 250));
      if (at % (an_hour / static_cast<int>(heavy)) == 0) asker.refuse("203.0.113.7", "ban");
    }
    if (hour + 1 < hours) asker.clock.advance(1h);
  }
  // The first puts slices together, the second uses them.
  for (int time = 1; time <= 2; ++time) {
    const auto list = asker.list(TopBy::rejected);
    CHECK(list.entries.size() > 10'000);
    CHECK(list.floor <= hours * (an_hour + heavy) / TopCounts::keys);
    const auto& first = list.entries.front();
    CHECK(first.name == "203.0.113.7");
    CHECK(first.rule == "ban");
    CHECK(first.count >= hours * heavy);
    CHECK(first.at_least() <= hours * heavy);
    CHECK(first.error <= list.floor);
    for (const auto& entry : list.entries) {
      if (entry.name != first.name && (entry.at_least() > 1 || entry.count < 1)) FAIL_CHECK(entry.name);
    }
  }
  asker.refuse("203.0.113.7", "ban");
  CHECK(asker.list(TopBy::rejected).entries.front().count >= hours * heavy + 1);
}

TEST_CASE("what is asked in turn of one hour and of many is each time right") {
  Asker asker;
  for (int hour = 0; hour < 10; ++hour) {
    asker.refuse("203.0.113.7", "client_rate", 1 + hour);
    for (int time = 0; time < 2; ++time) {
      CHECK(asker.list(TopBy::rejected, 24h).entries[0].count ==
            static_cast<std::uint64_t>((hour + 1) * (hour + 2) / 2));
      CHECK(asker.list(TopBy::rejected, 1h).entries[0].count == static_cast<std::uint64_t>(1 + hour + hour));
    }
    asker.clock.advance(1h);
  }
}

TEST_CASE("the worst are given and not more, and the floor says what the others may have made") {
  Asker asker;
  for (int at = 1; at <= 100; ++at) asker.refuse("10.0.0." + std::to_string(at), "client_rate", at);
  const auto list = asker.counts.list(TopBy::rejected, 24h, 10, asker.clock.now(), asker.clock.wall_now());
  REQUIRE(list.entries.size() == 10);
  CHECK(list.entries.front().name == "10.0.0.100");
  CHECK(list.entries.back().name == "10.0.0.91");
  CHECK(list.floor == 90);
}

TEST_CASE("rules beyond a thousand have no name, and the counts go on") {
  Asker asker;
  for (int at = 0; at < 1'100; ++at) asker.refuse("203.0.113.7", "rule" + std::to_string(at));
  CHECK(asker.lines(TopBy::rejected) == Lines{"203.0.113.7 1100 rule999"});
}

TEST_CASE("memory has a bound, whoever comes") {
  const auto before = ::mallinfo2();
  Asker asker;
  int number = 0;
  for (std::size_t hour = 0; hour <= TopCounts::slices + 2; ++hour) {
    for (std::size_t at = 0; at < TopCounts::keys + 500; ++at, ++number) {
      const auto client = std::to_string(1 + number / 65'536 % 200) + "." + std::to_string(number / 256 % 256) + "." +
                          std::to_string(number % 256) + ".1";
      const auto login = "login" + std::to_string(number);
      asker.ask({.client = client, .rule = "ban", .login = login, .new_session = true, .new_recipient = true});
    }
    asker.clock.advance(1h);
  }
  for (const auto by : {TopBy::rejected, TopBy::rate, TopBy::login, TopBy::banned, TopBy::network}) {
    CHECK(asker.list(by).entries.size() == 10'000);
  }
  const auto after = ::mallinfo2();
  const auto used = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
  MESSAGE("bytes in use: ", used);
  CHECK(used < 20'000'000);
}

TEST_CASE("categories are told by their names") {
  for (const auto name : top_by_names) CHECK(to_string(parse_top_by(name).value()) == name);
  CHECK_FALSE(parse_top_by("bad_recipients"));
}

}  // namespace mxwarden::policy
