#pragma once
// What a mail log says has happened, of one line of it: what mxwarden-maillog recognises and mxwardend acts on.
//
// The text form is one JSON object; names that do not apply are left out, one that a reader does not know is passed
// over:
//   {"event":"recipient_unknown","time":1763770000123,"position":48211,"client":"198.51.100.7","client_name":
//    "host.example","sender":"a@sender.example","recipient":"nosuch@example.org","helo":"host.example","reason":"..."}
// `time` is in milliseconds since 1970. All texts but the names of lists and services are a stranger's own words.

#include <array>
#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "base/json_text.hpp"
#include "base/result.hpp"

namespace mxwarden::policy {

enum class EventKind : std::uint8_t {
  login_succeeded,  // login; service: pop3, imap, sieve or smtp
  login_failed,     // the same; login may be empty
  recipient_unknown,
  recipient_accepted,
  blocklist_reject,  // list, reason
  sender_forged,
  helo_forged,
  spam_trap,
  relay_denied,
  sender_domain_unknown,
  header_reject,
  body_reject,
  pregreet,
  improper_pipelining,
  connect,
  disconnect,  // reason: the commands as Postfix counts them, `ehlo=1 mail=1 rcpt=1/3 quit=1 commands=4/6`
  non_smtp_command
};

inline constexpr std::array<std::string_view, 17> event_names{
    "login_succeeded", "login_failed",    "recipient_unknown", "recipient_accepted",  "blocklist_reject",
    "sender_forged",   "helo_forged",     "spam_trap",         "relay_denied",        "sender_domain_unknown",
    "header_reject",   "body_reject",     "pregreet",          "improper_pipelining", "connect",
    "disconnect",      "non_smtp_command"};

std::string_view to_string(EventKind kind);
std::optional<EventKind> parse_event_kind(std::string_view name);

struct MailEvent {
  EventKind kind = EventKind::connect;
  WallTime time{};             // the line's own
  std::uint64_t position = 0;  // of the line in its source: it only grows, and is the same whenever the line is read
  // Another of this kind came from the same SMTP session before: one refused session is one offence, however many
  // recipients it has tried.
  bool again = false;
  std::optional<Address> client;  // nothing: not known
  std::string client_name;        // verified; empty: not known
  std::string service;
  std::string sender;  // empty: not known, or the null sender
  std::string recipient;
  std::string login;
  std::string helo;
  std::string list;    // the DNSBL's name
  std::string reason;  // what the client was told, or has done, for people
};

std::string to_text(const MailEvent& event);
// The same without the end, so that more can be added.
JsonText to_json(const MailEvent& event);
// The error is a sentence that says which member is wrong. Texts are cut to what a record may hold.
Result<MailEvent> parse_mail_event(const boost::json::object& object);

}  // namespace mxwarden::policy
