#include "store/record.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <limits>
#include <string>
#include <vector>

using namespace mxwarden;
using namespace std::chrono_literals;
using store::Ban;
using store::Grant;
using store::Listing;
using store::parse_record;
using store::Record;
using store::RecordKind;

namespace {

constexpr WallTime until{1'763'770'000'123ms};

Prefix net(const std::string& text) {
  return Prefix::parse(text).value();
}

Record of(const std::string& text) {
  const auto record = parse_record(text);
  REQUIRE_MESSAGE(record.has_value(), text);
  return *record;
}

// A ban with these further members.
Ban ban(const std::string& members) {
  return std::get<Ban>(of(R"({"kind":"ban","net":"192.0.2.1","until":1)" + members + "}").what);
}

std::string reason_after(const std::string& reason) {
  const Record record{.net = net("192.0.2.1"), .until = until, .what = Ban{.rule = "harvest", .reason = reason}};
  return std::get<Ban>(of(to_text(record)).what).reason;
}

}  // namespace

TEST_CASE("the text of a record is what stands on disk, in Redis and on the control socket") {
  const Record record{
      .net = net("192.0.2.0/24"),
      .until = until,
      .what = Ban{.rule = "harvest", .reason = "30 unknown recipients", .offences = 2, .made = until - 1h}};
  CHECK(to_text(record) == R"({"kind":"ban","net":"192.0.2.0/24","until":1763770000123,"rule":"harvest",)"
                           R"("reason":"30 unknown recipients","offences":2,"made":1763766400123})");
}

TEST_CASE("a record comes back from its text") {
  Listing most_hits;
  most_hits.hits = std::numeric_limits<std::uint64_t>::max();
  const Record records[] = {
      {.net = net("192.0.2.0/24"), .until = until, .what = Ban{.rule = "harvest", .reason = "why", .offences = 7}},
      {.net = net("192.0.2.0/24"), .until = until, .what = Ban{.rule = "a", .reason = "b", .made = until - 1ms}},
      {.net = net("::/0"), .until = WallTime(0ms), .what = Ban{}},
      {.net = net("2001:db8::1"),
       .until = until,
       .what = Grant{{{.name = "julia@example.com", .first = until - 2h, .last = until - 1h, .refreshes = 3},
                      {.name = "ju\xc3\xa9\"\\\n", .first = until, .last = until, .refreshes = 0}}}},
      {.net = net("192.0.2.1"),
       .until = until,
       .what = Listing{.list = "zen.example.org",
                       .reason = "https://zen.example.org/?ip=192.0.2.1",
                       .client_name = "mail.example.net",
                       .first = until - 48h,
                       .last = until - 1ms,
                       .period_began = until - 24h,
                       .hits_in_period = 12,
                       .hits = 5'000'000'000,
                       .by_operator = true,
                       .lasts = 90 * 24h,
                       .bans = 3,
                       .banned_until = until - 5ms}},
      {.net = net("192.0.2.1"), .until = until, .what = most_hits},
  };
  for (const auto& record : records) {
    const auto text = to_text(record);
    CAPTURE(text);
    CHECK(of(text) == record);
  }
}

TEST_CASE("kinds have names") {
  for (const auto kind : {RecordKind::ban, RecordKind::grant, RecordKind::listing}) {
    CHECK(store::parse_record_kind(to_string(kind)) == kind);
  }
  CHECK(to_string(RecordKind::listing) == "listing");
  for (const auto* text : {"", "Ban", "bans", "ban ", "verdict"}) {
    CHECK_FALSE(store::parse_record_kind(text).has_value());
  }
}

TEST_CASE("times are kept to the millisecond, an end never later than it is") {
  Record record{.net = net("192.0.2.1"), .until = until + 999'999ns, .what = Ban{}};
  CHECK(of(to_text(record)).until == until);
  record.until = WallTime(-1ns);
  CHECK(of(to_text(record)).until == WallTime(-1ms));
}

TEST_CASE("names that a later release writes are passed over") {
  const auto record = of(R"({"net":"192.0.2.1","shadow":{"a":[1,2,{"b":null}]},"until":5,"kind":"ban",)"
                         R"("rule":"harvest","offences":3,"score":1.5})");
  CHECK(record == Record{.net = net("192.0.2.1"),
                         .until = WallTime(5ms),
                         .what = Ban{.rule = "harvest", .reason = "", .offences = 3}});
  const auto grant = of(R"({"kind":"grant","net":"192.0.2.1","until":5,"logins":[{"name":"a","from":"imap"}]})");
  CHECK(std::get<Grant>(grant.what).logins == std::vector<Grant::Login>{{.name = "a"}});
}

TEST_CASE("what is missing or of another type has its default") {
  CHECK(ban("") == Ban{});
  CHECK(ban(R"(,"rule":null,"reason":7,"offences":"many","made":"once")") == Ban{});
  CHECK(std::get<Listing>(of(R"({"kind":"listing","net":"192.0.2.1","until":1})").what) == Listing{});
  const auto grant = of(R"({"kind":"grant","net":"192.0.2.1","until":1,"logins":[7,{"name":"a"},null,{}]})");
  CHECK(std::get<Grant>(grant.what).logins.size() == 2);
}

TEST_CASE("numbers out of their range are cut to it") {
  struct Row {
    const char* text;
    std::uint32_t offences;
  };
  const Row rows[] = {{"0", 0},
                      {"4294967295", 4294967295},
                      {"4294967296", 4294967295},
                      {"9223372036854775807", 4294967295},
                      {"18446744073709551615", 4294967295},
                      {"-1", 1}};
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(ban(R"(,"offences":)" + std::string(row.text)).offences == row.offences);
  }
  for (const auto* text : {"9223372036854775807", "18446744073709551615"}) {
    const auto far = of(R"({"kind":"ban","net":"192.0.2.1","until":)" + std::string(text) + "}").until;
    CHECK(far > until + 24h * 365 * 200);
    // It can be written again.
    CHECK(of(store::to_text({.net = net("192.0.2.1"), .until = far, .what = Ban{}})).until == far);
  }
  CHECK(of(R"({"kind":"ban","net":"192.0.2.1","until":-9223372036854775808})").until < WallTime(0ms));
}

TEST_CASE("a text that is no record gives an error that says why and repeats nothing of it") {
  struct Row {
    const char* text;
    const char* why;
  };
  const Row rows[] = {
      {"", "JSON"},
      {"SECRET", "JSON"},
      {R"({"kind":"ban","net":"192.0.2.1","until":1)", "JSON"},
      {R"({"kind":"ban","net":"192.0.2.1","until":1} SECRET)", "JSON"},
      {"{\"kind\":\"ban\",\"net\":\"192.0.2.1\",\"until\":1,\"reason\":\"\xff\"}", "JSON"},
      {"[]", "object"},
      {"7", "object"},
      {R"({"net":"192.0.2.1","until":1})", "`kind'"},
      {R"({"kind":"SECRET","net":"192.0.2.1","until":1})", "`kind'"},
      {R"({"kind":1,"net":"192.0.2.1","until":1})", "`kind'"},
      {R"({"kind":"ban","until":1})", "`net'"},
      {R"({"kind":"ban","net":"SECRET","until":1})", "`net'"},
      {R"({"kind":"ban","net":"192.0.2.1/24","until":1})", "`net'"},
      {R"({"kind":"ban","net":"192.0.2.1"})", "`until'"},
      {R"({"kind":"ban","net":"192.0.2.1","until":"SECRET"})", "`until'"},
      {R"({"kind":"grant","net":"192.0.2.0/24","until":1,"logins":[{"name":"a"}]})", "one address"},
      {R"({"kind":"grant","net":"192.0.2.1","until":1})", "`logins'"},
      {R"({"kind":"grant","net":"192.0.2.1","until":1,"logins":[]})", "`logins'"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto record = parse_record(row.text);
    REQUIRE(record.has_error());
    CHECK(record.error().message.find(row.why) != std::string::npos);
    CHECK(record.error().message.find("SECRET") == std::string::npos);
  }
}

TEST_CASE("a text of any depth or size is refused and not followed") {
  const auto nested = std::string(1000, '[') + std::string(1000, ']');
  CHECK(parse_record(std::string(1'000'000, '[')).has_error());
  CHECK(parse_record(R"({"kind":"ban","net":"192.0.2.1","until":1,"x":)" + nested + "}").has_error());
}

TEST_CASE("strings are written as so many bytes of whole characters") {
  const std::string full(store::longest_record_text, 'x');
  CHECK(reason_after(full) == full);
  CHECK(reason_after(full + "y") == full);
  // Two bytes do not fit behind 299.
  const auto almost = full.substr(1);
  CHECK(reason_after(almost + "\xc3\xa9") == almost);
  CHECK(reason_after(almost.substr(1) + "\xc3\xa9") == almost.substr(1) + "\xc3\xa9");
}

TEST_CASE("what is not UTF-8 is written as question marks") {
  struct Row {
    std::string text;
    std::string written;
  };
  const Row rows[] = {
      {"", ""},
      {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
      {"caf\xe9", "caf?"},
      {"\xe9t\xe9", "?t?"},
      {"\xc3", "?"},
      {"\xf0\x9f\x98", "???"},
      {"\xed\xa0\x80", "???"},  // a surrogate
      {"\xc0\x80", "??"},       // overlong
      {std::string("a\0b", 3), std::string("a\0b", 3)},
      {"\x01\x7f\n\t\"\\/", "\x01\x7f\n\t\"\\/"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.written);
    CHECK(reason_after(row.text) == row.written);
  }
}

TEST_CASE("of many logins the latest are written") {
  Grant grant;
  for (int i = 0; i < 60; ++i) grant.logins.push_back({.name = "user" + std::to_string(i)});
  const auto logins =
      std::get<Grant>(of(store::to_text({.net = net("192.0.2.1"), .until = until, .what = grant})).what).logins;
  REQUIRE(logins.size() == store::most_record_logins);
  CHECK(logins.front().name == "user10");
  CHECK(logins.back().name == "user59");
}

TEST_CASE("a text holds as much as a record may, whoever wrote it") {
  const std::string longer(store::longest_record_text + 1, 'x');
  CHECK(ban(R"(,"rule":"harvest","reason":")" + longer + '"').reason == longer.substr(1));
  std::string logins;
  for (int i = 0; i < 60; ++i) logins += R"({"name":"user)" + std::to_string(i) + R"("},)";
  logins.pop_back();
  const auto record = of(R"({"kind":"grant","net":"192.0.2.1","until":1,"logins":[)" + logins + "]}");
  const auto& kept = std::get<Grant>(record.what).logins;
  REQUIRE(kept.size() == store::most_record_logins);
  CHECK(kept.front().name == "user10");
}

TEST_CASE("a record keeps, of each source, up to where its events are in it; of more than sixteen the latest") {
  store::Record record{.net = net("192.0.2.1"), .until = until, .what = store::Listing{}};
  CHECK(store::position_in(record, 1) == 0);
  for (std::uint64_t source = 1; source <= 17; ++source) store::put_mark(record, {source, source * 100});
  CHECK(record.marks.size() == store::most_record_marks);
  CHECK(store::position_in(record, 1) == 0);
  store::put_mark(record, {2, 250});
  store::put_mark(record, {~std::uint64_t{0}, 1});
  CHECK(store::position_in(record, 2) == 250);
  CHECK(store::position_in(record, 3) == 0);
  CHECK(of(store::to_text(record)) == record);
}

TEST_CASE("marks that are none are passed over") {
  const auto record = of(R"({"kind":"ban","net":"192.0.2.1","until":1,"marks":{"xyz":1,"":2,"12345678901234567":3,)"
                         R"("0a":-4,"0b":"5","0c":6}})");
  CHECK(record.marks == std::vector<store::Mark>{{12, 6}});
}
