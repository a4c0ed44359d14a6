#include "maillog/source/journal_entry.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace mxwarden;
using namespace mxwarden::maillog;

// As journalctl of systemd 252 writes it.
TEST_CASE("an entry of a syslog program is its line") {
  const auto entry = parse_journal_entry(
      R"({"__MONOTONIC_TIMESTAMP":"1","PRIORITY":"6","__REALTIME_TIMESTAMP":"1795340358726269","SYSLOG_PID":"77",)"
      R"("_BOOT_ID":"4ff7b6f1d4d14d1b8d6a8f1c2e3d4c5b","__CURSOR":"s=de4a6044d8064c088ee3629287eb531e;i=1;)"
      R"(b=4ff7b6f1d4d14d1b8d6a8f1c2e3d4c5b;m=1;t=660da4055327d;x=1e7e4bf401d6a88f","_PID":"78",)"
      R"("SYSLOG_IDENTIFIER":"dovecot","MESSAGE":"imap-login: Login: user=<u0>, method=PLAIN, rip=198.51.100.0, )"
      R"(lip=192.0.2.25, mpid=77, session=<x>","SYSLOG_FACILITY":"2"})");
  REQUIRE(entry);
  CHECK(entry->cursor ==
        "s=de4a6044d8064c088ee3629287eb531e;i=1;b=4ff7b6f1d4d14d1b8d6a8f1c2e3d4c5b;m=1;t=660da4055327d;"
        "x=1e7e4bf401d6a88f");
  const auto line = entry->line();
  CHECK(line.time == WallTime(std::chrono::microseconds(1'795'340'358'726'269)));
  CHECK(line.program == "dovecot");
  CHECK(line.pid == 77);
  CHECK(line.text ==
        "imap-login: Login: user=<u0>, method=PLAIN, rip=198.51.100.0, lip=192.0.2.25, mpid=77, session=<x>");
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
