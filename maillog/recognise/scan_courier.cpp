#include "maillog/recognise/scan_courier.hpp"

namespace mxwarden::maillog {
namespace {

using policy::EventKind;

constexpr std::size_t longest_line = 1000;

// `, port=[1234], protocol=POP3, stls=1' to the end
bool are_last_elements(Cursor text) {
  while (text.take(", ")) {
    const auto belongs = [](char c) { return is_letter_or_digit(c) || c == '=' || c == '[' || c == ']'; };
    if (text.take_while(belongs).empty()) return false;
  }
  return text.at_end();
}

Recognised login_event(EventKind kind, std::string_view program, Cursor text) {
  constexpr std::string_view mark = ", ip=[";
  const auto whole = text.rest();
  const auto at = whole.rfind(mark);
  if (at == std::string_view::npos || whole.size() > longest_line) return unknown();
  Cursor rest(whole.substr(at + mark.size()));
  const auto address_text = rest.take_to("]");
  const auto address = address_text ? Address::parse(*address_text) : std::nullopt;
  if (!address || !are_last_elements(rest)) return unknown();
  auto recognised = event_of(kind, *address);
  recognised.event->service = program.find("imap") == std::string_view::npos ? "pop3" : "imap";
  if (text.take("user=")) recognised.event->login = copied(whole.substr(5, at - 5));
  return recognised;
}

}  // namespace

Recognised scan_courier(const Scan& scan) {
  Cursor text(scan.line.text);
  text.take("INFO: ");
  if (text.take("LOGIN, ")) {
    if (!text.rest().starts_with("user=")) return unknown();
    return login_event(EventKind::login_succeeded, scan.line.program, text);
  }
  if (text.take("LOGIN FAILED, ")) return login_event(EventKind::login_failed, scan.line.program, text);
  for (const std::string_view begin : {"Connection, ", "LOGOUT, ", "DISCONNECTED, ", "Disconnected, ", "TIMEOUT, "}) {
    if (text.take(begin)) return known();
  }
  return unknown();
}

}  // namespace mxwarden::maillog
