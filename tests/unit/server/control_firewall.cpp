#include "server/control_firewall.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <boost/json.hpp>

#include "server/metrics.hpp"
#include "unit/server/control_rig.hpp"

namespace mxwarden::server {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::string_view whole_report =
    R"({"op":"firewall.report","mode":"enforce","healthy":true,"ban4":100,"ban6":7,"net4":2,"net6":0,"waiting":3,)"
    R"("too_short":4,"guarded":5,"gave_way":6,"rebuilds":1,"refused_batches":8,"refused_elements":9,"dropped":10,)"
    R"("lag_ms":1100,"checked_ms":2500})";

json::value status_of(ControlRig& rig) {
  return rig.ask(R"({"op":"status"})").at("firewall");
}

std::string metrics_of(const ControlRig& rig) {
  Gauges gauges;
  gauges.firewall = rig.firewall.heard(rig.clock.now());
  return Metrics().to_text(gauges);
}

bool has_line(const std::string& text, const std::string& line) {
  return text.find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("the last report of the firewall stands in the status, with its age, for a minute") {
  ControlRig rig;
  CHECK(status_of(rig).is_null());
  CHECK(rig.answer(whole_report) == R"({"ok":true})");
  rig.clock.advance(59'999ms);
  auto expected = json::parse(whole_report).as_object();
  expected.erase("op");
  expected["age_ms"] = 59'999;
  CHECK(status_of(rig) == expected);
  rig.clock.advance(1ms);
  CHECK(status_of(rig).is_null());
  CHECK(rig.answer(R"({"op":"firewall.report","mode":"monitor","healthy":false,"trouble":"no such table"})") ==
        R"({"ok":true})");
  const auto status = status_of(rig).as_object();
  CHECK(status.at("mode") == "monitor");
  CHECK(status.at("healthy") == false);
  CHECK(status.at("trouble") == "no such table");
  CHECK(status.at("ban4") == 0);
  CHECK(status.at("age_ms") == 0);
  CHECK_FALSE(status.contains("lag_ms"));
  CHECK_FALSE(status.contains("checked_ms"));
}

TEST_CASE("what is wrong in a report is named, and the one before it stays") {
  struct Row {
    std::string members;
    const char* error;
  };
  const Row rows[] = {
      {R"("healthy":true)", "`mode' is missing"},
      {R"("mode":"off","healthy":true)", "`mode' must be enforce or monitor"},
      {R"("mode":"enforce")", "`healthy' is missing: true or false"},
      {R"("mode":"enforce","healthy":1)", "`healthy' must be true or false"},
      {R"("mode":"enforce","healthy":true,"ban4":-1)", "`ban4' must be a number from 0 on"},
      {R"("mode":"enforce","healthy":true,"net6":1.5)", "`net6' must be a number from 0 on"},
      {R"("mode":"enforce","healthy":true,"dropped":"7")", "`dropped' must be a number from 0 on"},
      {R"("mode":"enforce","healthy":true,"lag_ms":-1)", "`lag_ms' must be a number from 0 on"},
      {R"("mode":"enforce","healthy":false,"trouble":7)", "`trouble' must be text of 1 to 500 bytes"},
      {R"("mode":"enforce","healthy":false,"trouble":")" + std::string(501, 'a') + '"', "`trouble' must be text of"},
      {R"("mode":"enforce","healthy":false,"trouble":"\u001b[2J")", "`trouble' must be text of"},
      {R"("mode":"enforce","healthy":true,"ban5":1)", "\"ban5\" is no member of this"},
  };
  ControlRig rig;
  rig.answer(whole_report);
  for (const auto& row : rows) {
    CAPTURE(row.members);
    const auto error = rig.error(R"({"op":"firewall.report",)" + row.members + "}");
    CHECK_MESSAGE(error.starts_with(row.error), error);
  }
  CHECK(status_of(rig).at("ban4") == 100);
  const auto longest = R"({"op":"firewall.report","mode":"enforce","healthy":false,"trouble":")" +
                       std::string(500, 'a') + R"(","ban4":18446744073709551615,"lag_ms":18446744073709551615})";
  CHECK(rig.answer(longest) == R"({"ok":true})");
  CHECK(status_of(rig).at("lag_ms") == 3650LL * 24 * 3600 * 1000);
}

TEST_CASE("the metrics say what the firewall has reported, and only that it has not when it is a minute old") {
  ControlRig rig;
  CHECK(has_line(metrics_of(rig), "mxwarden_firewall_up 0"));
  rig.answer(whole_report);
  rig.clock.advance(2s);
  const auto text = metrics_of(rig);
  for (const auto* line :
       {"mxwarden_firewall_up 1", "mxwarden_firewall_healthy 1", "mxwarden_firewall_elements{set=\"ban4\"} 100",
        "mxwarden_firewall_elements{set=\"net6\"} 0", "mxwarden_firewall_waiting 3", "mxwarden_firewall_guarded 5",
        "mxwarden_firewall_rebuilds_total 1", "mxwarden_firewall_refused_batches_total 8",
        "mxwarden_firewall_refused_elements_total 9", "mxwarden_firewall_dropped_packets_total 10",
        "mxwarden_firewall_lag_seconds 1.1", "mxwarden_firewall_last_good_check_seconds 4.5"}) {
    CAPTURE(line);
    CHECK(has_line(text, line));
  }
  rig.answer(R"({"op":"firewall.report","mode":"enforce","healthy":false})");
  const auto silent = metrics_of(rig);
  CHECK(has_line(silent, "mxwarden_firewall_healthy 0"));
  CHECK(silent.find("lag_seconds") == std::string::npos);
  CHECK(silent.find("good_check_seconds") == std::string::npos);
  rig.clock.advance(1min);
  CHECK(has_line(metrics_of(rig), "mxwarden_firewall_up 0"));
  CHECK(metrics_of(rig).find("mxwarden_firewall_elements") == std::string::npos);
}

}  // namespace mxwarden::server
