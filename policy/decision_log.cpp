#include "policy/decision_log.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/duration.hpp"
#include "base/escape.hpp"

namespace mxwarden::policy {
namespace {

constexpr std::size_t usual_size = 512;

template <class Integer>
void append_number(std::string& line, std::string_view key, Integer number) {
  std::array<char, 20> digits;
  line += ' ';
  line += key;
  line += '=';
  line.append(digits.data(), std::to_chars(digits.begin(), digits.end(), number).ptr);
}

void append_cause(std::string& line, const Cause& cause) {
  append_number(line, "count", cause.count);
  append_number(line, "limit", cause.limit);
  if (cause.window) {
    line += " window=";
    line += *cause.window == Duration::zero() ? "message" : to_string(*cause.window);
  }
  if (cause.retry_after == Duration::zero()) return;
  line += " retry_after=";
  line += cause.retry_after == Duration::max() ? "never" : to_string(cause.retry_after);
}

void append_known(std::string& line, std::string_view key, std::string_view value) {
  if (!value.empty()) append_logfmt(line, key, value);
}

// What is known of the record that the answer goes by.
void append(std::string& line, const store::Ban& ban) {
  append_logfmt(line, "by", ban.rule);
  append_known(line, "reason", ban.reason);
}

void append(std::string& line, const store::Grant& grant) {
  append_logfmt(line, "grant", std::ranges::max_element(grant.logins, {}, &store::Grant::Login::last)->name);
}

void append(std::string& line, const store::Listing& listing) {
  append_logfmt(line, "list", listing.list);
  append_known(line, "reason", listing.reason);
}

void append_record(std::string& line, const Verdict& verdict) {
  std::visit([&](const auto& what) { append(line, what); }, verdict.record->what);
  line += " left=";
  line += to_string(std::chrono::ceil<std::chrono::seconds>(verdict.left));
}

}  // namespace

std::string decision_line(const Request& request, const Verdict* verdict, std::string_view store, Duration took) {
  std::string line;
  line.reserve(usual_size);
  line += "decision";
  const bool monitored = is_monitored(verdict);
  append_logfmt(line, "action", word_of(answered(verdict)));
  if (monitored) append_logfmt(line, "would", word_of(verdict->action));
  if (verdict != nullptr) append_logfmt(line, "rule", verdict->rule);
  append_logfmt(line, "client", request[Attribute::client_address]);
  append_logfmt(line, "state", request[Attribute::protocol_state]);
  if (verdict != nullptr && verdict->cause) append_cause(line, *verdict->cause);
  if (verdict != nullptr && verdict->held != Duration::zero()) line += " held=" + to_string(verdict->held);
  if (verdict != nullptr && verdict->record) append_record(line, *verdict);
  if (verdict != nullptr) append_logfmt(line, "mode", monitored ? "monitor" : "enforce");
  append_logfmt(line, "store", store);
  append_number(line, "us", std::chrono::floor<std::chrono::microseconds>(took).count());
  append_known(line, "sender", request[Attribute::sender]);
  append_known(line, "recipient", request[Attribute::recipient]);
  append_known(line, "login", request[Attribute::sasl_username]);
  append_known(line, "helo", request[Attribute::helo_name]);
  append_known(line, "instance", request[Attribute::instance]);
  return line;
}

}  // namespace mxwarden::policy
