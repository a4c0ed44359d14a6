#include "server/control_decision_text.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <variant>

#include "base/escape.hpp"

namespace mxwarden::server {
namespace {

namespace json = boost::json;

using std::chrono::milliseconds;

constexpr std::size_t longest_text = 512;
constexpr std::size_t usual_members = 24;

std::string clean(std::string_view text) {
  if (text.size() <= longest_text) return printable(text);
  auto end = longest_text;
  // Not in the middle of a character, which has three more bytes at most.
  for (int back = 0; back < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80; ++back) --end;
  return printable(text.substr(0, end)) + "...";
}

void add(json::object& object, std::string_view name, std::string_view text) {
  if (!text.empty()) object.emplace(name, clean(text));
}

void add_cause(json::object& object, const policy::Cause& cause) {
  object.emplace("count", cause.count);
  object.emplace("limit", cause.limit);
  if (cause.window) object.emplace("window_ms", std::chrono::ceil<milliseconds>(*cause.window).count());
  if (cause.retry_after == Duration::zero()) return;
  if (cause.retry_after == Duration::max()) {
    object.emplace("retry_after_ms", nullptr);
  } else {
    object.emplace("retry_after_ms", std::chrono::ceil<milliseconds>(cause.retry_after).count());
  }
}

void add_record(json::object& object, const store::Ban& ban) {
  add(object, "by", ban.rule);
  add(object, "reason", ban.reason);
}

void add_record(json::object& object, const store::Grant& grant) {
  add(object, "grant", std::ranges::max_element(grant.logins, {}, &store::Grant::Login::last)->name);
}

void add_record(json::object& object, const store::Listing& listing) {
  add(object, "list", listing.list);
  add(object, "reason", listing.reason);
}

void add_verdict(json::object& object, const policy::Verdict& verdict) {
  if (verdict.cause) add_cause(object, *verdict.cause);
  if (verdict.record) {
    std::visit([&](const auto& what) { add_record(object, what); }, verdict.record->what);
    object.emplace("left_ms", std::chrono::ceil<milliseconds>(verdict.left).count());
  }
  object.emplace("mode", policy::is_monitored(&verdict) ? "monitor" : "enforce");
}

}  // namespace

std::string decision_json(const ShownDecision& decision) {
  const auto& [request, verdict, store, took, now] = decision;
  json::object object;
  object.reserve(usual_members);
  object.emplace("time", milliseconds_since_1970(now));
  add(object, "action", policy::answered(verdict));
  if (policy::is_monitored(verdict)) add(object, "would", verdict->action);
  if (verdict != nullptr) add(object, "rule", verdict->rule);
  add(object, "client", request[Attribute::client_address]);
  add(object, "state", request[Attribute::protocol_state]);
  if (verdict != nullptr) add_verdict(object, *verdict);
  add(object, "store", store);
  object.emplace("us", std::chrono::floor<std::chrono::microseconds>(took).count());
  add(object, "sender", request[Attribute::sender]);
  add(object, "recipient", request[Attribute::recipient]);
  add(object, "login", request[Attribute::sasl_username]);
  add(object, "helo", request[Attribute::helo_name]);
  add(object, "instance", request[Attribute::instance]);
  return json::serialize(object);
}

}  // namespace mxwarden::server
