#include "maillog/recognise/scan_uw.hpp"

#include <array>

#include "base/ascii.hpp"

namespace mxwarden::maillog {
namespace {

using policy::EventKind;

struct Begin {
  std::string_view text;
  EventKind kind;
};

constexpr std::array<Begin, 7> begins{{{"Login user=", EventKind::login_succeeded},
                                       {"Admin Login user=", EventKind::login_succeeded},
                                       {"Auth user=", EventKind::login_succeeded},
                                       {"Authenticated user=", EventKind::login_succeeded},
                                       {"Login failure user=", EventKind::login_failed},
                                       {"Excessive login attempts user=", EventKind::login_failed},
                                       {"Excessive login failures user=", EventKind::login_failed}}};

struct Client {
  std::string_view user;
  std::string_view name;
  Address address;
};

// What stands behind the last `mark', which ends the rest.
std::optional<std::string_view> cut_behind(std::string_view& rest, std::string_view mark) {
  const auto at = rest.rfind(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto behind = rest.substr(at + mark.size());
  rest = rest.substr(0, at);
  return behind;
}

// Takes off ` nmsgs=3/3', ` no mailbox' and ` mech=PLAIN'.
std::string_view without_outcome(std::string_view text) {
  constexpr std::string_view no_mailbox = " no mailbox";
  if (text.ends_with(no_mailbox)) return text.substr(0, text.size() - no_mailbox.size());
  const auto blank = find_last(text, ' ');
  if (blank == std::string_view::npos) return text;
  const auto word = text.substr(blank + 1);
  return word.starts_with("nmsgs=") || word.starts_with("mech=") ? text.substr(0, blank) : text;
}

// `u host=host.example [192.0.2.7]'
std::optional<Client> uw_client(std::string_view text) {
  text = without_outcome(text);
  const auto host = cut_behind(text, " host=");
  if (!host) return std::nullopt;
  Cursor cursor(*host);
  std::string_view name;
  if (!host->starts_with('[')) name = cursor.take_word().value_or(std::string_view{});
  if (!cursor.take("[")) return std::nullopt;
  const auto address_text = cursor.take_to("]");
  const auto address = address_text ? Address::parse(*address_text) : std::nullopt;
  if (!address || !cursor.at_end()) return std::nullopt;
  return Client{text, name, *address};
}

Recognised login_event(EventKind kind, std::string_view service, const std::optional<Client>& client) {
  if (!client) return unknown();
  auto recognised = event_of(kind, client->address, client->name);
  recognised.event->service = service;
  recognised.event->login = copied(client->user);
  return recognised;
}

// Takes off ` [pop_log.c:244]'.
std::string_view without_place(std::string_view text) {
  const auto at = text.ends_with(']') ? text.rfind(" [") : std::string_view::npos;
  return text.substr(0, at);
}

// `u" at (host.example) 192.0.2.7', where `mark' parts the user from the host.
std::optional<Client> qpopper_client(std::string_view text, std::string_view mark) {
  text = without_place(text);
  const auto host = cut_behind(text, mark);
  if (!host) return std::nullopt;
  Cursor cursor(*host);
  const auto name = cursor.take_to(") ");
  const auto address = Address::parse(cursor.rest());
  if (!name || !address) return std::nullopt;
  return Client{text, *name, *address};
}

}  // namespace

Recognised scan_uw(const Scan& scan) {
  const std::string_view service = scan.line.program.starts_with("imap") ? "imap" : "pop3";
  Cursor text(scan.line.text);
  for (const auto& begin : begins) {
    if (text.take(begin.text)) return login_event(begin.kind, service, uw_client(text.rest()));
  }
  return known();
}

Recognised scan_qpopper(const Scan& scan) {
  Cursor text(scan.line.text);
  if (text.take("(v")) text.take_to(") ");
  if (text.take("POP login by user \"")) {
    return login_event(EventKind::login_succeeded, "pop3", qpopper_client(text.rest(), "\" at ("));
  }
  if (text.take("[AUTH] Failed attempted login to ")) {
    return login_event(EventKind::login_failed, "pop3", qpopper_client(text.rest(), " from host ("));
  }
  return known();
}

}  // namespace mxwarden::maillog
