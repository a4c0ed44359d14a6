#include "cli/tail.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <ctime>

#include "support/in_zone.hpp"

namespace mxwarden::cli {
namespace {

namespace json = boost::json;

// 2026-11-22 12:00:00 UTC
constexpr std::int64_t noon = 1795348800000;

json::object refused() {
  return {{"time", noon},
          {"action", "421 4.7.0 Too many [mxw:client_rate]"},
          {"rule", "client_rate"},
          {"client", "192.0.2.7"},
          {"state", "CONNECT"},
          {"count", 61},
          {"limit", 60},
          {"window_ms", 60000},
          {"retry_after_ms", 7000},
          {"mode", "enforce"}};
}

json::object thought() {
  return {{"time", noon},
          {"action", "DUNNO"},
          {"would", "450 4.7.1 Slow down"},
          {"rule", "greylist"},
          {"client", "2001:db8::1"},
          {"state", "RCPT"},
          {"sender", "a@b.example"},
          {"recipient", "c@d.example"},
          {"login", "joe"}};
}

}  // namespace

TEST_CASE("a decision is one line, in columns") {
  const InZone zone("UTC0");
  DecisionLines lines(false);
  CHECK(lines.line(refused()) ==
        "2026-11-22 12:00:00  421        client_rate         192.0.2.7        CONNECT  61/60 60s\n");
  CHECK(lines.line(thought()) ==
        "2026-11-22 12:00:00  would 450  greylist            2001:db8::1      RCPT                   a@b.example -> "
        "c@d.example  login=joe\n");
  CHECK(lines.line(
            {{"time", noon}, {"action", "DUNNO"}, {"client", "192.0.2.7"}, {"state", "RCPT"}, {"recipient", "c@d"}}) ==
        "2026-11-22 12:00:00  DUNNO                          192.0.2.7        RCPT                   <> -> c@d\n");
}

TEST_CASE("a record is shown with who made it and how long it lasts") {
  const InZone zone("XXX-5");
  DecisionLines lines(false);
  CHECK(lines.line({{"time", noon},
                    {"action", "521 5.7.1 Banned"},
                    {"rule", "ban"},
                    {"client", "192.0.2.7"},
                    {"state", "CONNECT"},
                    {"by", "operator"},
                    {"reason", "spam run"},
                    {"left_ms", 90'061'000}}) ==
        "2026-11-22 17:00:00  521        ban                 192.0.2.7        CONNECT  1d 1h left    by=operator  "
        "reason=spam run\n");
}

TEST_CASE("figures are said as short as they are clear") {
  const InZone zone("UTC0");
  DecisionLines lines(false);
  auto decision = refused();
  decision["window_ms"] = 0;
  CHECK(lines.line(decision).ends_with("  61/60 message\n"));
  decision.erase("window_ms");
  CHECK(lines.line(decision).ends_with("  61/60\n"));
}

TEST_CASE("a column grows with what is wide, but not without end") {
  const InZone zone("UTC0");
  DecisionLines lines(false);
  auto wide = refused();
  wide["client"] = "2001:db8:1111:2222:3333:4444:5555:6666";
  lines.line(wide);
  const auto after = lines.line(refused());
  CHECK(after.find("CONNECT") == lines.line(wide).find("CONNECT"));
  wide["client"] = std::string(500, 'x');
  lines.line(wide);
  CHECK(lines.line(refused()).find("CONNECT") < after.find("CONNECT") + 5);
}

TEST_CASE("colours tell a refusal from what was only thought of, and stand beside nothing else") {
  const InZone zone("UTC0");
  DecisionLines coloured(true);
  DecisionLines bare(false);
  const auto without = [](std::string text, std::string_view colour) {
    for (const auto part : {colour, std::string_view("\x1b[0m")}) {
      const auto at = text.find(part);
      REQUIRE(at != std::string::npos);
      text.erase(at, part.size());
    }
    return text;
  };
  CHECK(without(coloured.line(refused()), "\x1b[31m") == bare.line(refused()));
  CHECK(without(coloured.line(thought()), "\x1b[33m") == bare.line(thought()));
  auto passed = refused();
  passed["action"] = "DUNNO";
  CHECK(coloured.line(passed) == bare.line(passed));
}

TEST_CASE("what a stranger wrote, or another release, does no harm") {
  const InZone zone("UTC0");
  DecisionLines lines(false);
  auto hostile = thought();
  hostile["sender"] = "a\x1b[2J\n\xC2\x9B@b";
  const auto line = lines.line(hostile);
  CHECK(line.find("a\\x1b[2J\\x0a\\xc2\\x9b@b -> ") != std::string::npos);
  for (const auto& odd : {json::object{}, json::object{{"time", "now"}, {"action", 1}, {"count", "x"}, {"left_ms", -5}},
                          json::object{{"time", INT64_MAX}, {"left_ms", INT64_MAX}, {"window_ms", INT64_MIN}}}) {
    const auto text = lines.line(odd);
    CHECK(text.ends_with("\n"));
  }
}

}  // namespace mxwarden::cli
