#include "firewall/told.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace mxwarden::firewall {
namespace {

std::string text_of(Duration duration) {
  return fmt::format("{}", std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

std::string text_of(const Ban& ban) {
  return fmt::format("{} {} {}", ban.net.to_string(), text_of(ban.left), ban.length ? text_of(*ban.length) : "-");
}

struct InWords {
  std::string operator()(const told::Following&) const { return "following"; }
  std::string operator()(const told::SnapshotBegins& begins) const { return fmt::format("begins {}", begins.epoch); }
  std::string operator()(const told::InSnapshot& listed) const { return "listed " + text_of(listed.ban); }
  std::string operator()(const told::SnapshotEnds&) const { return "ends"; }
  std::string operator()(const told::Added& added) const { return "added " + text_of(added.ban); }
  std::string operator()(const told::Removed& removed) const { return "removed " + removed.net.to_string(); }
  std::string operator()(const told::Heartbeat& heartbeat) const {
    return fmt::format("heartbeat {}", heartbeat.epoch);
  }
};

}  // namespace

TEST_CASE("each line of bans.follow is taken apart") {
  struct Row {
    const char* line;
    const char* told;
  };
  const Row rows[] = {
      {R"({"ok":true})", "following"},
      {R"({"ok":true,"proto":1})", "following"},
      {R"({"snapshot":"begin","epoch":1760000000000})", "begins 1760000000000"},
      {R"({"snapshot":"end"})", "ends"},
      {R"({"net":"192.0.2.7","left_ms":1500})", "listed 192.0.2.7 1500 -"},
      {R"({"net":"192.0.2.0/24","left_ms":1,"length_ms":600000})", "listed 192.0.2.0/24 1 600000"},
      {R"({"net":"2001:db8::/64","left_ms":5})", "listed 2001:db8::/64 5 -"},
      {R"({"net":"::ffff:192.0.2.7","left_ms":5})", "listed 192.0.2.7 5 -"},
      {R"({"add":{"net":"192.0.2.7","left_ms":5,"length_ms":7}})", "added 192.0.2.7 5 7"},
      {R"({"add":{"net":"192.0.2.7","left_ms":7,"length_ms":5}})", "added 192.0.2.7 7 7"},
      {R"({"remove":"192.0.2.7"})", "removed 192.0.2.7"},
      {R"({"heartbeat":0})", "heartbeat 0"},
      {R"({"heartbeat":17,"later":[1,{"a":null}]})", "heartbeat 17"},
      {R"({"net":"192.0.2.7","left_ms":9223372036854775807})", "listed 192.0.2.7 315360000000 -"},
      {R"({"net":"192.0.2.7","left_ms":18446744073709551615})", "listed 192.0.2.7 315360000000 -"},
      {R"( { "remove" : "192.0.2.7" } )", "removed 192.0.2.7"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    const auto told = parse_told(row.line);
    REQUIRE(told.has_value());
    CHECK(std::visit(InWords(), *told) == row.told);
  }
}

TEST_CASE("what is no line of bans.follow is an error") {
  for (const auto* line : {"",
                           "null",
                           "[]",
                           "{}",
                           "{",
                           R"({"ok":true}{"ok":true})",
                           R"({"ok":1})",
                           R"({"ok":false,"error":"not you"})",
                           R"({"other":1})",
                           R"({"snapshot":"begin"})",
                           R"({"snapshot":"begin","epoch":0})",
                           R"({"snapshot":"begin","epoch":-1})",
                           R"({"snapshot":"begin","epoch":1.5})",
                           R"({"snapshot":"begin","epoch":253402300800000})",
                           R"({"snapshot":"begin","epoch":18446744073709551615})",
                           R"({"snapshot":"middle"})",
                           R"({"snapshot":1})",
                           R"({"net":"192.0.2.7"})",
                           R"({"net":"192.0.2.7","left_ms":0})",
                           R"({"net":"192.0.2.7","left_ms":-1})",
                           R"({"net":"192.0.2.7","left_ms":"1"})",
                           R"({"net":"192.0.2.7","left_ms":1e3})",
                           R"({"net":"192.0.2.7","left_ms":5,"length_ms":0})",
                           R"({"net":"192.0.2.7","left_ms":5,"length_ms":null})",
                           R"({"net":"192.0.2.7/24","left_ms":5})",
                           R"({"net":"mail.example.com","left_ms":5})",
                           R"({"net":7,"left_ms":5})",
                           R"({"add":"192.0.2.7"})",
                           R"({"add":{"left_ms":5}})",
                           R"({"remove":{"net":"192.0.2.7"}})",
                           R"({"remove":"x"})",
                           R"({"heartbeat":-1})",
                           R"({"heartbeat":"1"})",
                           R"({"remove":"192.0.2.7","add":{"net":"192.0.2.7","left_ms":5}})"}) {
    CAPTURE(line);
    CHECK(parse_told(line).has_error());
  }
}

TEST_CASE("an error holds the printable beginning of its line, and no more") {
  const auto error = parse_told("{\"net\":\"\x1b[31m\xff" + std::string(1000, 'x')).error().message;
  CHECK(error.find("{\"net\":\"\\x1b[31m\\xff") != std::string::npos);
  CHECK(error.find('\x1b') == std::string::npos);
  CHECK(error.size() < 200);
}

TEST_CASE("what mxwardend answers is good, or says why it is not") {
  CHECK(parse_answer(R"({"ok":true,"proto":1})").has_value());
  for (const auto* line : {R"({"ok":false,"error":"`mode' is missing"})", "{}", "[]", "", "{\"ok\":1}"}) {
    CAPTURE(line);
    CHECK(parse_answer(line).has_error());
  }
  CHECK(parse_answer(R"({"ok":false,"error":"not you"})").error().message.find("not you") != std::string::npos);
}

TEST_CASE("a line that goes deep is an error, and one with much in it is read") {
  CHECK(parse_told(R"({"ok":)" + std::string(10'000, '[')).has_error());
  std::string members;
  for (int i = 0; i < 1000; ++i) members += fmt::format(R"("m{}":[{}],)", i, i);
  CHECK(parse_told("{" + members + R"("remove":"192.0.2.7"})").has_value());
}

}  // namespace mxwarden::firewall
