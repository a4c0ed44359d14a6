#include "server/control_decision_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "base/escape.hpp"

namespace mxwarden::server {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t longest_text = 512;
constexpr std::size_t usual_size = 512;

// It may stand between quotes as it is.
bool is_plain(char c) {
  return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

std::string clean(std::string_view text) {
  if (text.size() <= longest_text) return printable(text);
  auto end = longest_text;
  // Not in the middle of a character, which has three more bytes at most.
  for (int back = 0; back < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80; ++back) --end;
  return printable(text.substr(0, end)) + "...";
}

// One JSON object, member by member: a quarter of what it costs to build it first.
class Line {
 public:
  Line() { text_.reserve(usual_size); }

  // Nothing, if it is empty.
  void add(std::string_view name, std::string_view value);
  template <class Integer>
  void add_number(std::string_view name, Integer number) {
    begin(name);
    text_ += fmt::format_int(number).c_str();
  }
  void add_null(std::string_view name) {
    begin(name);
    text_ += "null";
  }
  std::string end() && { return std::move(text_ += '}'); }

 private:
  void begin(std::string_view name) { text_.append(text_.empty() ? "{\"" : ",\"").append(name).append("\":"); }

  std::string text_;
};

void Line::add(std::string_view name, std::string_view value) {
  if (value.empty()) return;
  begin(name);
  text_ += '"';
  if (value.size() <= longest_text && std::ranges::all_of(value, is_plain)) {
    text_ += value;
  } else {
    // Without control characters, these two alone would end the text (RFC 8259, section 7).
    for (const char c : clean(value)) {
      if (c == '"' || c == '\\') text_ += '\\';
      text_ += c;
    }
  }
  text_ += '"';
}

void add_cause(Line& line, const policy::Cause& cause) {
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

void add_record(Line& line, const store::Ban& ban) {
  line.add("by", ban.rule);
  line.add("reason", ban.reason);
}

void add_record(Line& line, const store::Grant& grant) {
  line.add("grant", std::ranges::max_element(grant.logins, {}, &store::Grant::Login::last)->name);
}

void add_record(Line& line, const store::Listing& listing) {
  line.add("list", listing.list);
  line.add("reason", listing.reason);
}

void add_verdict(Line& line, const policy::Verdict& verdict) {
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
  Line line;
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
