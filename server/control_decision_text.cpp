#include "server/control_decision_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "base/json_text.hpp"

namespace mxwarden::server {
namespace {

using std::chrono::milliseconds;

void add_cause(JsonText& line, const policy::Cause& cause) {
  line.add_number("count", cause.count);
  line.add_number("limit", cause.limit);
  if (cause.window) line.add_number("window_ms", std::chrono::ceil<milliseconds>(*cause.window).count());
  if (cause.retry_after == Duration::zero()) return;
  if (cause.retry_after == Duration::max()) {
    line.add_null("retry_after_ms");
  } else {
    line.add_number("retry_after_ms", std::chrono::ceil<milliseconds>(cause.retry_after).count());
  }
}

void add_record(JsonText& line, const store::Ban& ban) {
  line.add("by", ban.rule);
  line.add("reason", ban.reason);
}

void add_record(JsonText& line, const store::Grant& grant) {
  line.add("grant", std::ranges::max_element(grant.logins, {}, &store::Grant::Login::last)->name);
}

void add_record(JsonText& line, const store::Listing& listing) {
  line.add("list", listing.list);
  line.add("reason", listing.reason);
}

void add_verdict(JsonText& line, const policy::Verdict& verdict) {
  if (verdict.cause) add_cause(line, *verdict.cause);
  if (verdict.record) {
    std::visit([&](const auto& what) { add_record(line, what); }, verdict.record->what);
    line.add_number("left_ms", std::chrono::ceil<milliseconds>(verdict.left).count());
  }
  line.add("mode", policy::is_monitored(&verdict) ? "monitor" : "enforce");
}

}  // namespace

std::string decision_json(const ShownDecision& decision) {
  const auto& [request, verdict, store, took, now] = decision;
  JsonText line;
  line.add_number("time", milliseconds_since_1970(now));
  line.add("action", policy::answered(verdict));
  if (policy::is_monitored(verdict)) line.add("would", verdict->action);
  if (verdict != nullptr) line.add("rule", verdict->rule);
  line.add("client", request[Attribute::client_address]);
  line.add("state", request[Attribute::protocol_state]);
  if (verdict != nullptr) add_verdict(line, *verdict);
  line.add("store", store);
  line.add_number("us", std::chrono::floor<std::chrono::microseconds>(took).count());
  line.add("sender", request[Attribute::sender]);
  line.add("recipient", request[Attribute::recipient]);
  line.add("login", request[Attribute::sasl_username]);
  line.add("helo", request[Attribute::helo_name]);
  line.add("instance", request[Attribute::instance]);
  return std::move(line).end();
}

}  // namespace mxwarden::server
