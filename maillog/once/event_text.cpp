#include "maillog/once/event_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/escape.hpp"
#include "base/table.hpp"

namespace mxwarden::maillog {
namespace {

using policy::EventKind;

constexpr auto name_width = std::ranges::max(policy::event_names, {}, &std::string_view::size).size();

// Empty: it is everyday business.
std::string_view colour_of(EventKind kind) {
  switch (kind) {
    case EventKind::blocklist_reject:
    case EventKind::sender_forged:
    case EventKind::helo_forged:
    case EventKind::spam_trap:
      return red;
    case EventKind::login_failed:
    case EventKind::recipient_unknown:
    case EventKind::relay_denied:
    case EventKind::sender_domain_unknown:
    case EventKind::header_reject:
    case EventKind::body_reject:
    case EventKind::pregreet:
    case EventKind::improper_pipelining:
    case EventKind::non_smtp_command:
      return yellow;
    case EventKind::login_succeeded:
    case EventKind::recipient_accepted:
    case EventKind::connect:
    case EventKind::disconnect:
      break;
  }
  return {};
}

// One word, or quoted.
std::string value_of(std::string_view text) {
  auto value = printable(text);
  if (value.find_first_of(" \"=()") == std::string::npos) return value;
  std::string in_quotes = "\"";
  for (const char c : value) {
    if (c == '"') in_quotes += '\\';
    in_quotes += c;
  }
  return in_quotes + '"';
}

}  // namespace

std::string event_text(const policy::MailEvent& event, bool colours) {
  const auto name = to_string(event.kind);
  const auto colour = colour_of(event.kind);
  auto text = local_time(milliseconds_since_1970(event.time)) + "  ";
  text += coloured(name, colour, colours && !colour.empty());
  text.append(name_width - name.size() + 2, ' ');
  text += event.client ? event.client->to_string() : "-";
  if (!event.client_name.empty()) text += " (" + value_of(event.client_name) + ")";
  const char* between = "  ";
  for (const auto& [key, value] :
       {std::pair("service", &event.service), std::pair("login", &event.login), std::pair("sender", &event.sender),
        std::pair("recipient", &event.recipient), std::pair("helo", &event.helo), std::pair("list", &event.list),
        std::pair("reason", &event.reason)}) {
    if (value->empty()) continue;
    text.append(std::exchange(between, " ")).append(key).append("=").append(value_of(*value));
  }
  if (event.again) text.append(between).append("again");
  return text;
}

}  // namespace mxwarden::maillog
