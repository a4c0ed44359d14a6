#include "policy/mail_event.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

namespace mxwarden::policy {
namespace {

Result<MailEvent> parsed(std::string_view text) {
  return parse_mail_event(boost::json::parse(boost::json::string_view(text.data(), text.size())).as_object());
}

}  // namespace

TEST_CASE("every kind of event has a name of its own, that reads back") {
  for (const auto name : event_names) {
    CAPTURE(name);
    const auto kind = parse_event_kind(name);
    REQUIRE(kind);
    CHECK(to_string(*kind) == name);
  }
  CHECK_FALSE(parse_event_kind("login"));
}

TEST_CASE("an event's text reads back to the same, and names only what applies") {
  MailEvent event;
  event.kind = EventKind::recipient_unknown;
  event.time = WallTime(std::chrono::milliseconds(1'763'770'000'123));
  event.position = 48'211;
  event.client = Address::parse("2001:db8::7");
  event.sender = "a@sender.example";
  event.recipient = "jane q public@example.org";
  event.again = true;
  const auto text = to_text(event);
  CHECK(text ==
        R"({"event":"recipient_unknown","time":1763770000123,"position":48211,"again":true,"client":"2001:db8::7",)"
        R"("sender":"a@sender.example","recipient":"jane q public@example.org"})");
  const auto read = parsed(text);
  REQUIRE(read.has_value());
  CHECK(to_text(*read) == text);
}

TEST_CASE("a stranger's bytes make valid JSON, without control characters") {
  MailEvent event;
  event.login = std::string("a\"\\\n\x1b[31m\0b\xff", 12);
  const auto read = parsed(to_text(event));
  REQUIRE(read.has_value());
  CHECK(read->login == R"(a"\\x0a\x1b[31m\x00b\xff)");
  event.login = std::string(600, 'x');
  CHECK(parsed(to_text(event))->login.size() == 300);
}

TEST_CASE("an event that is none says which member is wrong") {
  struct Row {
    const char* text;
    const char* error;
  };
  const Row rows[] = {
      {R"({})", "`event' of an event is missing"},
      {R"({"event":"login"})", "`event' of an event is no event that is known here"},
      {R"({"event":5})", "`event' of an event is to be a text"},
      {R"({"event":"connect"})", "`time' of an event is missing: milliseconds since 1970"},
      {R"({"event":"connect","time":-1})", "`time' of an event is to be a number, 0 or more"},
      {R"({"event":"connect","time":"now"})", "`time' of an event is to be a number, 0 or more"},
      {R"({"event":"connect","time":1,"client":"unknown"})", "`client' of an event is to be an address"},
      {R"({"event":"connect","time":1,"client":"192.0.2.0/24"})", "`client' of an event is to be an address"},
      {R"({"event":"connect","time":1,"again":1})", "`again' of an event is to be true or false"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto read = parsed(row.text);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().message == row.error);
  }
  CHECK(parsed(R"({"event":"connect","time":1,"of a later release":[1]})").has_value());
}

}  // namespace mxwarden::policy
