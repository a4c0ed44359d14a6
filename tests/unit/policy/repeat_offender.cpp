#include "policy/repeat_offender.hpp"

#include <doctest/doctest.h>

#include <limits>

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr WallTime start{std::chrono::hours(24 * 365 * 50)};

// As the defaults are.
conf::Settings::RepeatOffender settings() {
  return {.mode = conf::Mode::enforce,
          .rate = {1, 30s},
          .rate_ban = 30min,
          .total = 50,
          .total_ban = 24h * 7,
          .growth = 2,
          .max_ban = 24h * 30,
          .alert = 25};
}

store::Record listing(milliseconds lasts = 24h * 90) {
  store::Listing what;
  what.list = "bl.example";
  what.first = what.last = what.period_began = start;
  what.lasts = lasts;
  return {.net = Prefix::parse("198.51.100.7").value(), .until = start + 24h * 90, .what = what};
}

const store::Listing& of(const store::Record& record) {
  return std::get<store::Listing>(record.what);
}

// One client, which comes when the test says so.
struct Client {
  // The length of the ban that it earned by that; nothing: none.
  std::optional<Duration> comes_at(Duration after_start) {
    const auto at = start + std::chrono::floor<milliseconds>(after_start);
    record = attempted(record, at, "", rules);
    const auto due = ban_due(of(record), at, rules);
    if (!due) return std::nullopt;
    record = banned(record, at, *due);
    reason = due->reason;
    return due->length;
  }

  conf::Settings::RepeatOffender rules = settings();
  store::Record record = listing();
  std::string reason;  // of the last ban
};

}  // namespace

TEST_CASE("an attempt is noted with its time, the client's name and how often it came") {
  auto record = attempted(listing(), start + 1h, "host.example", settings());
  CHECK(of(record).hits == 1);
  CHECK(of(record).hits_in_period == 1);
  CHECK(of(record).last == start + 1h);
  CHECK(of(record).period_began == start + 1h);
  CHECK(of(record).client_name == "host.example");
  CHECK(record.until == start + 1h + 24h * 90);
  record = attempted(record, start + 1h + 10s, "", settings());
  CHECK(of(record).hits == 2);
  CHECK(of(record).hits_in_period == 2);
  CHECK(of(record).period_began == start + 1h);
  CHECK(of(record).client_name == "host.example");
}

TEST_CASE("a listing that ends at its time is not made longer by attempts") {
  CHECK(attempted(listing(0ms), start + 1h, "", settings()).until == listing().until);
}

TEST_CASE("more than one attempt in thirty seconds bans for half an hour, two that are further apart do not") {
  struct Row {
    const char* label;
    Duration second;
    std::optional<Duration> ban;
  };
  const Row rows[] = {
      {"at once", 0s, 30min},
      {"after 29.999 s", 29999ms, 30min},
      {"after 30 s: a quiet spell", 30s, std::nullopt},
      {"after a day", 24h, std::nullopt},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    Client client;
    CHECK(client.comes_at(1h) == std::nullopt);
    CHECK(client.comes_at(1h + row.second) == row.ban);
  }
}

TEST_CASE("the rate is held against the length of the period, however long it gets") {
  Client client;
  client.rules.rate = {5, 10min};
  client.rules.total = 0;
  // Four in ten minutes, without a quiet spell, for hours.
  for (int at = 0; at < 200; ++at) CHECK(client.comes_at(at * 150s) == std::nullopt);
  // The same with six.
  Client busy;
  busy.rules = client.rules;
  std::optional<Duration> ban;
  for (int at = 0; at < 7 && !ban; ++at) ban = busy.comes_at(at * 100s);
  CHECK(ban == 30min);
}

TEST_CASE("more than fifty attempts in all ban for a week, however slowly they come") {
  Client client;
  for (int at = 0; at < 50; ++at) CHECK(client.comes_at(at * 1h) == std::nullopt);
  CHECK(client.comes_at(50h) == 24h * 7);
  CHECK(of(client.record).bans == 1);
  CHECK(of(client.record).banned_until == start + 50h + 24h * 7);
  CHECK(client.reason == "51 attempts in all; listed by bl.example");
}

TEST_CASE("each further ban is twice as long, up to thirty days") {
  Client client;
  client.rules.total = 0;
  Duration at{};
  Duration expected = 30min;
  for (int ban = 0; ban < 20; ++ban) {
    CHECK(client.comes_at(at) == std::nullopt);
    CHECK(client.comes_at(at + 1s) == std::min<Duration>(expected, 24h * 30));
    CHECK(of(client.record).bans == ban + 1);
    at += expected + 1h;
    expected = std::min<Duration>(expected * 2, 24h * 30);
  }
}

TEST_CASE("who stays away for thirty days after the end of his ban begins anew") {
  const auto ban_after = [](Duration spell) {
    Client client;
    client.comes_at(0s);
    client.comes_at(1s);
    CHECK(of(client.record).bans == 1);
    client.comes_at(1s + 30min + spell);
    return client.comes_at(2s + 30min + spell);
  };
  CHECK(ban_after(24h * 30 - 1s) == 1h);
  CHECK(ban_after(24h * 30) == 30min);
}

TEST_CASE("the listing lasts as long after the end of the ban as after a hit, unless its end was said") {
  Client client;
  client.comes_at(0s);
  client.comes_at(1s);
  CHECK(client.record.until == start + 1s + 30min + 24h * 90);
  Client to_its_end;
  to_its_end.record = listing(0ms);
  to_its_end.record.until = start + 1min;
  to_its_end.comes_at(0s);
  CHECK(to_its_end.comes_at(1s) == 30min);
  CHECK(to_its_end.record.until == start + 1min);
}

TEST_CASE("thresholds that are off ban nobody, and of two the longer ban counts") {
  Client client;
  client.rules.rate = {};
  client.rules.total = 0;
  for (int at = 0; at < 1000; ++at) CHECK(client.comes_at(at * 1ms) == std::nullopt);
  client.rules.rate = {1, 30s};
  client.rules.total = 50;
  CHECK(client.comes_at(1001ms) == 24h * 7);
}

TEST_CASE("no number and no clock leads astray") {
  auto record = listing();
  auto& what = std::get<store::Listing>(record.what);
  what.hits = what.hits_in_period = std::numeric_limits<std::uint64_t>::max();
  what.bans = std::numeric_limits<std::uint32_t>::max();
  auto rules = settings();
  rules.growth = 100;
  record = attempted(record, start + 1s, "", rules);
  CHECK(of(record).hits == std::numeric_limits<std::uint64_t>::max());
  const auto due = ban_due(of(record), start + 1s, rules);
  REQUIRE(due);
  CHECK(due->length == 24h * 30);
  CHECK(of(banned(record, start + 1s, *due)).bans == std::numeric_limits<std::uint32_t>::max());
}

TEST_CASE("clocks of nodes may differ, and one that was set begins a new period") {
  struct Row {
    const char* label;
    Duration second;  // after the first, by the clock of another node
    std::optional<Duration> ban;
    std::optional<Duration> third_ban;  // 40 s after the second, by the same clock
  };
  const Row rows[] = {
      {"a second behind", -1s, 30min, std::nullopt},
      {"a minute behind", -1min, 30min, std::nullopt},
      {"set back by five minutes", -5min, std::nullopt, std::nullopt},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    Client client;
    CHECK(client.comes_at(1h) == std::nullopt);
    CHECK(client.comes_at(1h + row.second) == row.ban);
    CHECK(client.comes_at(1h + row.second + 40s) == row.third_ban);
  }
}

TEST_CASE("a burst is banned once, and while a ban is noted no other is earned") {
  Client client;
  client.comes_at(0s);
  CHECK(client.comes_at(0s) == 30min);
  for (int at = 0; at < 100; ++at) CHECK(client.comes_at(at * 10ms) == std::nullopt);
  CHECK(of(client.record).bans == 1);
  CHECK(of(client.record).banned_until == start + 30min);
  CHECK(client.comes_at(30min) == 2 * 24h * 7);  // 103 attempts in all, the second ban
}

TEST_CASE("as many as the rate admits in each interval ban nobody") {
  Client client;
  client.rules.rate = {5, 60s};
  client.rules.total = 0;
  // Never more than five in any minute.
  for (int at = 0; at < 1000; ++at) CHECK(client.comes_at(at * 14s) == std::nullopt);
}

TEST_CASE("a ban longer than max_ban is cut to it") {
  Client client;
  client.rules.max_ban = 10min;
  client.comes_at(0s);
  CHECK(client.comes_at(1s) == 10min);
}

TEST_CASE("the ban that a listing notes gives way to an operator's, and to one that lasts longer") {
  Client client;
  client.comes_at(0s);
  client.comes_at(1s);
  const auto until = start + 1s + 30min;
  const auto ban = noted_ban(client.record, start + 1s, {.length = {}, .reason = "why"}, nullptr);
  REQUIRE(ban);
  CHECK(ban->net == client.record.net);
  CHECK(ban->until == until);
  CHECK(std::get<store::Ban>(ban->what) ==
        store::Ban{.rule = "repeat_offender", .reason = "why", .offences = 1, .made = start + 1s});
  const auto before = [&](WallTime end, const char* rule) {
    return store::Record{client.record.net, end, store::Ban{rule, "", 1}};
  };
  const auto operators = before(start + 1min, "operator");
  CHECK_FALSE(noted_ban(client.record, start + 1s, {.length = {}, .reason = "why"}, &operators));
  const auto longer = before(until + 1ms, "other");
  CHECK_FALSE(noted_ban(client.record, start + 1s, {.length = {}, .reason = "why"}, &longer));
  const auto shorter = before(until, "other");
  CHECK(noted_ban(client.record, start + 1s, {.length = {}, .reason = "why"}, &shorter) == ban);
}

}  // namespace mxwarden::policy
