#include "policy/guards.hpp"

#include <doctest/doctest.h>

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;

conf::Settings settings() {
  conf::Report report;
  auto settings = conf::parse_settings("", "none", {{"client.trusted", "127.0.0.0/8 192.0.2.0/28"}}, report);
  REQUIRE(report.faults.empty());
  return settings;
}

std::string why_not(std::string_view net, std::string_view access, std::string_view name) {
  conf::Report report;
  const auto table = std::make_shared<conf::AccessTable>(conf::AccessTable::parse(access, "access", report));
  REQUIRE(report.faults.empty());
  const Guards guards(settings(), table);
  const std::vector own{Address::parse("198.51.100.25").value(), Address::parse("2001:db8::25").value()};
  return guards.why_not(Prefix::parse(net).value(), name, own).value_or("");
}

}  // namespace

TEST_CASE("no rule bans what is ours, what was never to be banned, what is allowed or what is too wide") {
  struct Row {
    const char* net;
    const char* access;
    const char* why;        // empty: it may be banned
    const char* name = "";  // of the client
  };
  const Row rows[] = {
      {"198.51.100.7", "", ""},
      {"198.51.100.0/25", "", "198.51.100.25 is an address of this host"},
      {"203.0.113.0/24", "", ""},
      {"203.0.112.0/23", "", "203.0.112.0/23 is wider than the /24 that [guard] allows"},
      {"2001:db8:1::/56", "", ""},
      {"2001:db8:1::/55", "", "2001:db8:1::/55 is wider than the /56 that [guard] allows"},
      {"2001:db8::/64", "", "2001:db8::25 is an address of this host"},
      {"192.0.2.1", "", "192.0.2.0/28 is trusted"},
      {"192.0.2.0/24", "", "192.0.2.0/28 is trusted"},
      {"192.0.2.16", "", ""},
      {"127.0.0.1", "", "127.0.0.0/8 is trusted"},
      {"10.1.2.3", "", "10.0.0.0/8 is in never_ban"},
      {"100.64.0.1", "", "100.64.0.0/10 is in never_ban"},
      {"fe80::1", "", "fe80::/10 is in never_ban"},
      {"203.0.113.9", "Connect:203.0.113 OK\n", "the access table has Connect:203.0.113 OK in line 1"},
      {"203.0.113.0/24", "\nConnect:203.0.113.9 RELAY\n", "the access table has Connect:203.0.113.9 OK in line 2"},
      {"203.0.113.9", "Connect:203.0.113 OK\nConnect:203.0.113.9 REJECT\n", ""},
      {"203.0.113.9", "Connect:203.0.113.8 OK\nClientRate:203.0.113.9 0\n", ""},
      {"203.0.113.9", "Connect:example.com OK\n", ""},
      {"203.0.113.9", "Connect:example.com OK\n", "the access table has Connect:example.com OK in line 1",
       "mx.example.com"},
      {"203.0.113.9", "Connect:example.com OK\nConnect:203.0.113.9 REJECT\n", "", "mx.example.com"},
      {"198.51.101.0/24", "Connect:198.51 OK\nConnect:198.51.101.0 REJECT\n",
       "the access table has Connect:198.51 OK in line 1"},
      {"203.0.113.9", "Connect: OK\n", "the access table has Connect: OK in line 1"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.net);
    CAPTURE(row.access);
    CHECK(why_not(row.net, row.access, row.name) == row.why);
  }
}

TEST_CASE("as many bans as may be are made in any minute, and not one more") {
  BanBudget budget;
  Instant now{1h};
  for (int at = 0; at < 3; ++at) {
    CHECK(budget.take(3, now));
    now += 10s;
  }
  CHECK_FALSE(budget.take(3, now));
  now += 29s;
  CHECK_FALSE(budget.take(3, now));
  now += 1s;
  CHECK(budget.take(3, now));
  CHECK_FALSE(budget.take(3, now));
  CHECK_FALSE(budget.take(0, now + 1h));
}

}  // namespace mxwarden::policy
