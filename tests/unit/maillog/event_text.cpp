#include "maillog/once/event_text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/in_zone.hpp"

namespace mxwarden::maillog {
namespace {

using policy::EventKind;
using policy::MailEvent;

// 2026-11-22 12:00:00 UTC
constexpr WallTime noon{std::chrono::seconds(1795348800)};

MailEvent event(EventKind kind) {
  MailEvent event;
  event.kind = kind;
  event.time = noon;
  event.client = Address::parse("198.51.100.7");
  return event;
}

}  // namespace

TEST_CASE("an event is said with all that applies") {
  const InZone zone("UTC0");
  auto unknown = event(EventKind::recipient_unknown);
  unknown.client_name = "host.example";
  unknown.sender = "a@sender.example";
  unknown.recipient = "nosuch@example.org";
  unknown.helo = "host.example";
  unknown.reason = "User unknown";
  unknown.again = true;
  CHECK(event_text(unknown, false) ==
        "2026-11-22 12:00:00  recipient_unknown      198.51.100.7 (host.example)  sender=a@sender.example "
        "recipient=nosuch@example.org helo=host.example reason=\"User unknown\" again");
  auto login = event(EventKind::login_succeeded);
  login.client = Address::parse("2001:db8::7");
  login.service = "pop3";
  login.login = "anna@example.org";
  CHECK(event_text(login, false) ==
        "2026-11-22 12:00:00  login_succeeded        2001:db8::7  service=pop3 login=anna@example.org");
}

TEST_CASE("of an event without a client there is a dash") {
  const InZone zone("CET-1");
  MailEvent header;
  header.kind = EventKind::header_reject;
  header.time = noon;
  CHECK(event_text(header, false) == "2026-11-22 13:00:00  header_reject          -");
}

TEST_CASE("a stranger's text cannot pass for another member, nor move the terminal's cursor") {
  const InZone zone("UTC0");
  auto hostile = event(EventKind::login_failed);
  hostile.login = "u1 recipient=\"root\"";
  hostile.sender = "a\x1b[2J\n\xFF\xE2\x80\xAE";
  CHECK(event_text(hostile, false) ==
        "2026-11-22 12:00:00  login_failed           198.51.100.7  login=\"u1 recipient=\\\"root\\\"\" "
        "sender=a\\x1b[2J\\x0a\\xff\\xe2\\x80\\xae");
}

TEST_CASE("what somebody has done wrong stands out, everyday business does not") {
  CHECK(event_text(event(EventKind::spam_trap), true).find("\x1b[31mspam_trap\x1b[0m ") != std::string::npos);
  CHECK(event_text(event(EventKind::relay_denied), true).find("\x1b[33mrelay_denied\x1b[0m ") != std::string::npos);
  CHECK(event_text(event(EventKind::connect), true).find('\x1b') == std::string::npos);
}

}  // namespace mxwarden::maillog
