#include "policy/decision_log.hpp"

#include <doctest/doctest.h>

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;

Request request() {
  Request request;
  request[Attribute::client_address] = "192.0.2.7";
  request[Attribute::protocol_state] = "CONNECT";
  return request;
}

Verdict verdict(conf::Mode mode) {
  Verdict verdict;
  verdict.rule = "client_rate";
  verdict.mode = mode;
  verdict.action = "421 4.7.0 Too many [mxw:client_rate]";
  verdict.refuses = true;
  verdict.cause = Cause{61, 60, 60s, 7s};
  return verdict;
}

}  // namespace

TEST_CASE("a refusal says rule, client, count, limit, window and wait") {
  const auto refusal = verdict(conf::Mode::enforce);
  CHECK(
      decision_line(request(), &refusal, "embedded", 38us) ==
      "decision action=421 rule=client_rate client=192.0.2.7 state=CONNECT count=61 limit=60 window=60s retry_after=7s "
      "mode=enforce store=embedded us=38");
}

TEST_CASE("in monitor mode the line says what would have been answered") {
  const auto monitored = verdict(conf::Mode::monitor);
  CHECK(decision_line(request(), &monitored, "embedded", 38us)
            .starts_with("decision action=DUNNO would=421 rule=client_rate "));
}

TEST_CASE("text from strangers cannot forge a line or an attribute of it") {
  auto hostile = request();
  hostile[Attribute::helo_name] = "x client=127.0.0.1";
  hostile[Attribute::sender] = "a\"b\x1b[2J\xFF@example.org";
  hostile[Attribute::sasl_username] = "joe";
  CHECK(decision_line(hostile, nullptr, "embedded", 1us) ==
        "decision action=DUNNO client=192.0.2.7 state=CONNECT store=embedded us=1 "
        "sender=\"a\\\"b\\x1b[2J\\xff@example.org\" login=joe helo=\"x client=127.0.0.1\"");
}

TEST_CASE("a count that never fits says so") {
  auto refusal = verdict(conf::Mode::enforce);
  refusal.cause = Cause{5000, 4000, 24h, Duration::max()};
  CHECK(decision_line(request(), &refusal, "embedded", 1us).find(" window=1d retry_after=never ") != std::string::npos);
  refusal.cause = Cause{101, 100, 0s, 0s};
  CHECK(decision_line(request(), &refusal, "embedded", 1us).find(" limit=100 window=message mode=") !=
        std::string::npos);
}

}  // namespace mxwarden::policy
