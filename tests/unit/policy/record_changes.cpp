#include "policy/record_changes.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace mxwarden::policy {
namespace {

using namespace std::chrono_literals;

constexpr WallTime start{std::chrono::hours(24 * 365 * 50)};

Prefix net(std::string_view text) {
  return Prefix::parse(text).value();
}

Address address(std::string_view text) {
  return Address::parse(text).value();
}

const store::Grant& grant_of(const store::Record& record) {
  return std::get<store::Grant>(record.what);
}

const store::Listing& listing_of(const store::Record& record) {
  return std::get<store::Listing>(record.what);
}

Login login_at(WallTime at, std::string_view name, Duration ttl = 30min) {
  return {.address = address("198.51.100.7"),
          .name = name,
          .at = at,
          .until = at + std::chrono::duration_cast<WallTime::duration>(ttl)};
}

OperatorsListing listing_at(WallTime at, std::string_view list, std::string_view reason) {
  return {.net = net("198.51.100.7"), .list = list, .reason = reason, .at = at, .until = at + 24h};
}

}  // namespace

TEST_CASE("an operator's ban says who, why, since when and until when") {
  const auto record = operators_ban({net("192.0.2.0/24"), "spam", start, start + 1h}, nullptr);
  CHECK(record.net == net("192.0.2.0/24"));
  CHECK(record.until == start + 1h);
  CHECK(std::get<store::Ban>(record.what) ==
        store::Ban{.rule = "operator", .reason = "spam", .offences = 1, .made = start});
}

TEST_CASE("an operator's ban counts on, and may end sooner than the one that was there") {
  const store::Record before{net("192.0.2.0/24"), start + 9h, store::Ban{"client_rate", "too many", 4, start - 1h}};
  const auto record = operators_ban({before.net, "enough", start, start + 1h}, &before);
  CHECK(record.until == start + 1h);
  CHECK(std::get<store::Ban>(record.what) ==
        store::Ban{.rule = "operator", .reason = "enough", .offences = 5, .made = start});
}

TEST_CASE("offences stay at the highest number there is") {
  const store::Record before{net("192.0.2.1"), start + 9h, store::Ban{"a", "", 0xFFFFFFFF}};
  CHECK(std::get<store::Ban>(operators_ban({before.net, "b", start, start + 1h}, &before).what).offences == 0xFFFFFFFF);
}

TEST_CASE("a login opens a grant of its one address") {
  const auto record = granted(login_at(start, "anna"), nullptr);
  CHECK(record.net == net("198.51.100.7"));
  CHECK(record.until == start + 30min);
  CHECK(grant_of(record).logins == std::vector<store::Grant::Login>{{"anna", start, start, 0}});
}

TEST_CASE("a login that is known refreshes the grant, another is added to it") {
  const auto first = granted(login_at(start, "anna"), nullptr);
  const auto second = granted(login_at(start + 5min, "bob"), &first);
  const auto third = granted(login_at(start + 10min, "anna"), &second);
  CHECK(third.until == start + 40min);
  CHECK(grant_of(third).logins ==
        std::vector<store::Grant::Login>{{"anna", start, start + 10min, 1}, {"bob", start + 5min, start + 5min, 0}});
}

TEST_CASE("a late login neither shortens a grant nor sets its last login back") {
  const auto first = granted(login_at(start, "anna", 2h), nullptr);
  const auto second = granted(login_at(start - 5min, "anna"), &first);
  CHECK(second.until == first.until);
  CHECK(grant_of(second).logins == std::vector<store::Grant::Login>{{"anna", start, start, 1}});
}

TEST_CASE("one login too many replaces the one that was away longest") {
  auto record = granted(login_at(start, "login 0"), nullptr);
  for (std::size_t at = 1; at < store::most_record_logins; ++at) {
    record = granted(login_at(start + at * 1s, "login " + std::to_string(at)), &record);
  }
  record = granted(login_at(start + 1h, "login 0"), &record);
  record = granted(login_at(start + 2h, "one more"), &record);
  const auto& logins = grant_of(record).logins;
  CHECK(logins.size() == store::most_record_logins);
  CHECK(logins.front().name == "login 0");
  CHECK(logins[1].name == "login 2");
  CHECK(logins.back().name == "one more");
}

TEST_CASE("an operator's listing is no hit, and ends when he says") {
  const auto record = operators_listing(listing_at(start, "list.example", "open relay"), nullptr);
  CHECK(record.until == start + 24h);
  CHECK(listing_of(record) == store::Listing{.list = "list.example",
                                             .reason = "open relay",
                                             .client_name = "",
                                             .first = start,
                                             .last = start,
                                             .period_began = start,
                                             .by_operator = true});
}

TEST_CASE("an operator's words take the place of a list's, what it has counted stays") {
  store::Record before{net("198.51.100.7"), start + 1h,
                       store::Listing{"old.example", "old", "mail.example", start, start + 1s, start, 3, 40}};
  std::get<store::Listing>(before.what).unconfirmed = true;
  store::put_mark(before, {7, 70});
  const auto record = operators_listing(listing_at(start + 5s, "ours", "new"), &before);
  auto expected = store::Listing{"ours", "new", "mail.example", start, start + 1s, start, 3, 40};
  expected.by_operator = true;
  CHECK(listing_of(record) == expected);
  CHECK(record.marks == before.marks);
  CHECK(record.until == start + 5s + 24h);
  before.until = start + 24h * 90;
  CHECK(operators_listing(listing_at(start + 5s, "ours", "new"), &before).until == before.until);
}

TEST_CASE("a client is listed by its prefix, a net as it is") {
  CHECK(client_net(net("2001:db8:0:1:2::3"), 32, 64) == net("2001:db8:0:1::/64"));
  CHECK(client_net(net("2001:db8::/32"), 32, 64) == net("2001:db8::/32"));
  CHECK(client_net(net("198.51.100.7"), 32, 64) == net("198.51.100.7"));
  CHECK(client_net(net("198.51.100.7"), 24, 64) == net("198.51.100.0/24"));
}

TEST_CASE("a ban that hits somebody trusted, or half the Internet, says whom") {
  const std::vector trusted{net("127.0.0.0/8"), net("192.0.2.25"), net("2001:db8:25::/48")};
  struct Row {
    const char* net;
    const char* why;  // part of it; nullptr: it may be
    bool can_be_forced = true;
  };
  const Row rows[] = {
      {"198.51.100.7", nullptr},
      {"192.0.2.24", nullptr},
      {"192.0.2.25", "192.0.2.25 is trusted ([client] trusted names 192.0.2.25); a ban would not concern it", false},
      {"192.0.2.0/24", "192.0.2.25 is in 192.0.2.0/24, and [client] trusted names it, so that it stays served"},
      {"127.1.2.3", "127.1.2.3 is trusted ([client] trusted names 127.0.0.0/8)", false},
      {"2001:db8::/32", "2001:db8:25::/48 is in 2001:db8::/32"},
      {"11.0.0.0/8", nullptr},
      {"10.0.0.0/7",
       "10.0.0.0/7 would hit 1 of 128 addresses of all IPv4; force it if that is meant, or take a /8 at most"},
      {"0.0.0.0/0", "127.0.0.0/8 is in 0.0.0.0/0"},
      {"3000::/16", nullptr},
      {"3000::/15",
       "3000::/15 would hit 1 of 32768 addresses of all IPv6; force it if that is meant, or take a /16 at most"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.net);
    const auto why = why_no_ban(net(row.net), trusted, false);
    CHECK(why_no_ban(net(row.net), trusted, true).has_value() == !row.can_be_forced);
    CHECK(why.has_value() == (row.why != nullptr));
    if (why && row.why != nullptr) CHECK_MESSAGE(why->find(row.why) != std::string::npos, *why);
  }
}

TEST_CASE("addresses of a house of their own have no grant") {
  const std::vector trusted{net("198.51.100.0/28")};
  struct Row {
    const char* address;
    const char* why;
  };
  const Row rows[] = {
      {"203.0.113.9", nullptr},
      {"2001:db8::1", nullptr},
      {"127.0.0.1", "127.0.0.1 is a private, loopback, link-local or multicast address"},
      {"10.1.2.3", "10.1.2.3 is a private"},
      {"fe80::1", "fe80::1 is a private"},
      {"198.51.100.15", "is trusted already ([client] trusted names 198.51.100.0/28)"},
      {"198.51.100.16", nullptr},
  };
  for (const auto& row : rows) {
    CAPTURE(row.address);
    const auto why = why_no_grant(address(row.address), trusted);
    CHECK(why.has_value() == (row.why != nullptr));
    if (why && row.why != nullptr) CHECK_MESSAGE(why->find(row.why) != std::string::npos, *why);
  }
}

}  // namespace mxwarden::policy
