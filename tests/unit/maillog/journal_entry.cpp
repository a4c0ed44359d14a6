#include "maillog/journal_entry.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace mxwarden;
using namespace mxwarden::maillog;

TEST_CASE("an entry of a syslog program is its line") {
  const auto entry = parse_journal_entry(
      R"({"_MACHINE_ID":"b5a5","PRIORITY":"6","_HOSTNAME":"mx","_PID":"77","SYSLOG_PID":"4711","SYSLOG_FACILITY":"2",)"
      R"("SYSLOG_IDENTIFIER":"postfix/smtpd","__CURSOR":"s=0639;i=1f;b=9c;m=2d;t=6ae;x=f2","_TRANSPORT":"syslog",)"
      R"("MESSAGE":"connect from unknown[192.0.2.7]","__REALTIME_TIMESTAMP":"1763770000123456",)"
      R"("__MONOTONIC_TIMESTAMP":"48211","SYSLOG_TIMESTAMP":"Nov 22 00:06:40 "})");
  REQUIRE(entry);
  CHECK(entry->cursor == "s=0639;i=1f;b=9c;m=2d;t=6ae;x=f2");
  const auto line = entry->line();
  CHECK(line.time == WallTime(std::chrono::microseconds(1'763'770'000'123'456)));
  CHECK(line.program == "postfix/smtpd");
  CHECK(line.pid == 4711);
  CHECK(line.text == "connect from unknown[192.0.2.7]");
}

TEST_CASE("fields come in the forms that journalctl(1) has for them") {
  const auto entry = [](const std::string& rest) {
    const auto parsed = parse_journal_entry(R"({"__CURSOR":"c","__REALTIME_TIMESTAMP":"1",)" + rest + "}");
    REQUIRE(parsed);
    return *parsed;
  };
  CHECK(entry(R"("MESSAGE":[99,97,102,233,1])").text == "caf\xE9\x01");
  CHECK(entry(R"("MESSAGE":["first","second"])").text == "first");
  CHECK(entry(R"("MESSAGE":null)").text.empty());
  CHECK(entry(R"("MESSAGE":[300])").text.empty());
  CHECK(entry(R"("MESSAGE":[])").text.empty());
  CHECK(entry(R"("_PID":"77")").pid == 77);
  CHECK(entry(R"("_PID":"77","SYSLOG_PID":"no number")").pid == 77);
  CHECK(entry(R"("SYSLOG_PID":"99999999999")").pid == 0);
}

TEST_CASE("what is no entry is none") {
  for (const auto* text :
       {"", "{", "[]", "{}", R"({"__CURSOR":"c"})", R"({"__CURSOR":"c","__REALTIME_TIMESTAMP":"now"})",
        R"({"__REALTIME_TIMESTAMP":"1"})", R"({"__CURSOR":7,"__REALTIME_TIMESTAMP":"1"})"}) {
    CAPTURE(text);
    CHECK(!parse_journal_entry(text));
  }
}
