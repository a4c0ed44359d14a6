#include "maillog/recognise/log_line.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/in_zone.hpp"

using namespace mxwarden;
using namespace mxwarden::maillog;
using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::year;

namespace {

constexpr const char* new_york = "EST5EDT,M3.2.0,M11.1.0";
constexpr const char* vienna = "CET-1CEST,M3.5.0,M10.5.0/3";

WallTime at(int y, unsigned month, unsigned day, std::chrono::nanoseconds of_day = {}) {
  return WallTime(sys_days(year(y) / std::chrono::month(month) / std::chrono::day(day))) + of_day;
}

std::optional<WallTime> time_of(std::string_view stamp, WallTime read_at) {
  const auto text = std::string(stamp) + " mx postfix/smtpd[7]: x";
  const auto line = LineParser().parse(text, read_at);
  if (!line) return std::nullopt;
  return line->time;
}

}  // namespace

TEST_CASE("a line is taken apart in each of the three forms") {
  const InZone zone("UTC");
  const auto read_at = at(2026, 11, 21);
  LineParser parser;
  for (const auto* text : {"Nov 20 23:30:13 mx postfix/submission/smtpd[29866]: connect from a[192.0.2.7]",
                           "2026-11-20T23:30:13.000000+00:00 mail postfix/submission/smtpd[29866]: connect from "
                           "a[192.0.2.7]",
                           "2026-11-20T23:30:13Z mail postfix/submission/smtpd[29866]: connect from a[192.0.2.7]",
                           "2026-11-21T01:00:13+01:30 mail postfix/submission/smtpd[29866]: connect from a[192.0.2.7]",
                           "2026-11-20T23:30:13+0000 mail postfix/submission/smtpd[29866]: connect from a[192.0.2.7]",
                           "2026-11-21T01:00:13+0130 mail postfix/submission/smtpd[29866]: connect from a[192.0.2.7]",
                           "2026-11-20T18:30:13-05:00 mail postfix/submission/smtpd[29866]: connect from a[192.0.2.7]",
                           "Nov 20 23:30:13 postfix/submission/smtpd[29866]: connect from a[192.0.2.7]"}) {
    CAPTURE(text);
    const auto line = parser.parse(text, read_at);
    REQUIRE(line);
    CHECK(line->time == at(2026, 11, 20, 23h + 30min + 13s));
    CHECK(line->program == "postfix/submission/smtpd");
    CHECK(line->pid == 29866);
    CHECK(line->text == "connect from a[192.0.2.7]");
  }
  const auto fine = parser.parse("2026-11-20T23:38:39.002419+00:00 mail dovecot: imap-login: x", read_at);
  REQUIRE(fine);
  CHECK(fine->time == at(2026, 11, 20, 23h + 38min + 39s + 2419us));
  CHECK(fine->program == "dovecot");
  CHECK(fine->pid == 0);
  CHECK(fine->text == "imap-login: x");
}

TEST_CASE("a day is padded by a zero or a blank") {
  const InZone zone("UTC");
  CHECK(time_of("Nov 05 01:02:03", at(2026, 11, 6)) == at(2026, 11, 5, 1h + 2min + 3s));
  CHECK(time_of("Nov  5 01:02:03", at(2026, 11, 6)) == at(2026, 11, 5, 1h + 2min + 3s));
}

TEST_CASE("what is no line of a log is nothing") {
  LineParser parser;
  const std::string nul(40, '\0');
  const std::vector<std::string_view> lines{"",
                                            " ",
                                            "x",
                                            "Nov",
                                            "Nov 20 23:30:13",
                                            "Nov 20 23:30:13 ",
                                            "Nov 20 23:30:13 mx",
                                            "Nov 20 23:30:13 mx postfix",
                                            "Nov 20 23:30:13 mx postfix[7] x",
                                            "Nov 20 23:30:13 mx : x",
                                            "Nov 20 23:30:13 mx [7]: x",
                                            "Nov 31 23:30:13 mx a: x",
                                            "Nov 00 23:30:13 mx a: x",
                                            "Nov 20 24:30:13 mx a: x",
                                            "Nov 20 23:60:13 mx a: x",
                                            "Nov 20 23:30:61 mx a: x",
                                            "Nov 20 23-30-13 mx a: x",
                                            "NOV 20 23:30:13 mx a: x",
                                            "last message repeated 3 times",
                                            "2026-11-20T23:30:13",
                                            "2026-11-20T23:30:13 mx a: x",
                                            "2026-11-31T23:30:13Z mx a: x",
                                            "2026-02-29T23:30:13Z mx a: x",
                                            "2026-11-20T23:30:13.Z mx a: x",
                                            "2026-11-20T23:30:13+1:00 mx a: x",
                                            "2026-11-20T23:30:13+01 mx a: x",
                                            "2026-11-20T23:30:13+010 mx a: x",
                                            "2026-11-20T23:30:13+0160 mx a: x",
                                            "2026-11-20T23:30:13+0100",
                                            "9999-11-20T23:30:13Z mx a: x",
                                            "0000-00-00T00:00:00Z mx a: x",
                                            nul};
  for (const auto text : lines) {
    CAPTURE(text);
    CHECK_FALSE(parser.parse(text, at(2026, 11, 21)));
    CHECK_FALSE(parser.parse_datagram(text, at(2026, 11, 21)));
  }
}

TEST_CASE("a traditional time is of the year that brings it nearest, a day ahead at most") {
  const InZone zone("UTC");
  CHECK(time_of("Dec 31 23:59:59", at(2027, 1, 1, 5s)) == at(2026, 12, 31, 23h + 59min + 59s));
  CHECK(time_of("Jan  1 00:00:05", at(2026, 12, 31, 23h)) == at(2027, 1, 1, 5s));
  CHECK(time_of("Jan  2 00:00:05", at(2026, 12, 31, 23h)) == at(2026, 1, 2, 5s));
  CHECK(time_of("Nov 21 12:00:00", at(2026, 11, 20, 13h)) == at(2026, 11, 21, 12h));
  CHECK(time_of("Nov 21 14:00:00", at(2026, 11, 20, 13h)) == at(2025, 11, 21, 14h));
}

TEST_CASE("February 29 is of the last leap year") {
  const InZone zone("UTC");
  CHECK(time_of("Feb 29 12:00:00", at(2028, 2, 29, 12h)) == at(2028, 2, 29, 12h));
  CHECK(time_of("Feb 29 12:00:00", at(2028, 2, 28, 12h)) == at(2028, 2, 29, 12h));
  CHECK(time_of("Feb 29 12:00:00", at(2027, 3, 1)) == at(2024, 2, 29, 12h));
  CHECK(time_of("Feb 29 12:00:00", at(2104, 1, 1)) == at(2096, 2, 29, 12h));
  CHECK_FALSE(time_of("Feb 30 12:00:00", at(2028, 3, 1)));
  CHECK(time_of("2028-02-29T12:00:00Z", at(2028, 3, 1)) == at(2028, 2, 29, 12h));
}

TEST_CASE("a traditional time is this host's") {
  {
    const InZone zone(new_york);
    CHECK(time_of("Nov 20 23:30:13", at(2026, 11, 21, 5h)) == at(2026, 11, 21, 4h + 30min + 13s));
    CHECK(time_of("Jul 20 23:30:13", at(2026, 7, 21, 5h)) == at(2026, 7, 21, 3h + 30min + 13s));
  }
  const InZone zone(vienna);
  CHECK(time_of("Jan  1 00:30:00", at(2027, 1, 1)) == at(2026, 12, 31, 23h + 30min));
  CHECK(time_of("2026-07-20T23:30:13+02:00", at(2026, 7, 21)) == at(2026, 7, 20, 21h + 30min + 13s));
}

TEST_CASE("of the hour that is there twice in autumn it is the one that is nearer") {
  const InZone zone(vienna);
  // At 01:00 UTC of October 25, 2026 the clock went from 03:00 back to 02:00.
  CHECK(time_of("Oct 25 02:30:00", at(2026, 10, 25, 31min)) == at(2026, 10, 25, 30min));
  CHECK(time_of("Oct 25 02:30:00", at(2026, 10, 25, 1h + 31min)) == at(2026, 10, 25, 1h + 30min));
  CHECK(time_of("Oct 25 01:30:00", at(2026, 10, 25, 1h + 31min)) == at(2026, 10, 24, 23h + 30min));
  // Read an hour apart, the same minute is another one.
  LineParser parser;
  const auto* text = "Oct 25 02:30:00 mx a: x";
  CHECK(parser.parse(text, at(2026, 10, 25, 31min))->time == at(2026, 10, 25, 30min));
  CHECK(parser.parse(text, at(2026, 10, 25, 1h + 31min + 1s))->time == at(2026, 10, 25, 1h + 30min));
}

TEST_CASE("an hour that is not there in spring is near") {
  const InZone zone(vienna);
  const auto time = time_of("Mar 29 02:30:00", at(2026, 3, 29, 2h));
  REQUIRE(time);
  CHECK(*time >= at(2026, 3, 29, 30min));
  CHECK(*time <= at(2026, 3, 29, 1h + 30min));
  CHECK(time_of("Mar 29 03:30:00", at(2026, 3, 29, 2h)) == at(2026, 3, 29, 1h + 30min));
}

TEST_CASE("seconds, minutes and years go on within one parser") {
  const InZone zone("UTC");
  LineParser parser;
  const auto parse = [&](std::string_view text, WallTime read_at) { return parser.parse(text, read_at)->time; };
  CHECK(parse("Nov 20 23:59:58 mx a: x", at(2026, 11, 21)) == at(2026, 11, 20, 23h + 59min + 58s));
  CHECK(parse("Nov 20 23:59:59 mx a: x", at(2026, 11, 21)) == at(2026, 11, 20, 23h + 59min + 59s));
  CHECK(parse("Nov 21 00:00:00 mx a: x", at(2026, 11, 21)) == at(2026, 11, 21));
  CHECK(parse("Nov 21 00:00:60 mx a: x", at(2026, 11, 21)) == at(2026, 11, 21));
  CHECK(parse("2026-11-21T00:00:01Z mx a: x", at(2026, 11, 21)) == at(2026, 11, 21, 1s));
  CHECK(parse("2026-11-22T00:00:01Z mx a: x", at(2026, 11, 21)) == at(2026, 11, 22, 1s));
  CHECK(parse("Nov 21 00:00:00 mx a: x", at(2027, 11, 21)) == at(2027, 11, 21));
}

TEST_CASE("datagrams come with and without a host's name, and in RFC 5424's form") {
  const InZone zone("UTC");
  LineParser parser;
  const auto read_at = at(2026, 11, 21);
  const std::string with_bom =
      "<22>1 2026-11-20T23:38:39.002419+00:00 mail postfix/smtpd 4711 - [a@1 b=\"\\]\\\"]\"][c@1] \xEF\xBB\xBF"
      "connect from a[192.0.2.7]";
  for (const std::string_view text :
       {std::string_view("<22>Nov 20 23:38:39 postfix/smtpd[4711]: connect from a[192.0.2.7]"),
        std::string_view("<22>Nov 20 23:38:39 mail postfix/smtpd[4711]: connect from a[192.0.2.7]\n"),
        std::string_view("<22>2026-11-20T23:38:39Z mail postfix/smtpd[4711]: connect from a[192.0.2.7]"),
        std::string_view("<22>1 2026-11-20T23:38:39Z - postfix/smtpd 4711 - - connect from a[192.0.2.7]"),
        std::string_view(with_bom)}) {
    CAPTURE(text);
    const auto line = parser.parse_datagram(text, read_at);
    REQUIRE(line);
    CHECK(std::chrono::floor<std::chrono::seconds>(line->time) == at(2026, 11, 20, 23h + 38min + 39s));
    CHECK(line->program == "postfix/smtpd");
    CHECK(line->pid == 4711);
    CHECK(line->text == "connect from a[192.0.2.7]");
  }
  for (const auto* text :
       {"Nov 20 23:38:39 postfix/smtpd[4711]: x", "<>Nov 20 23:38:39 a: x", "<22Nov 20 23:38:39 a: x",
        "<22>1 - mail a 1 - - x", "<22>1 2026-11-20T23:38:39Z mail - 1 - - x",
        "<22>1 2026-11-20T23:38:39Z mail a 1 - [x", "<22>1 2026-11-20T23:38:39Z mail a 1 - -x"}) {
    CAPTURE(text);
    CHECK_FALSE(parser.parse_datagram(text, read_at));
  }
}
