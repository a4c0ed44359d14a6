#include "policy/identity.hpp"

#include <doctest/doctest.h>

namespace mxwarden::policy {

TEST_CASE("domains have one form") {
  struct Row {
    const char* written;
    const char* canonical;
  };
  for (const auto& row : {Row{"Example.ORG", "example.org"}, Row{"example.org.", "example.org"},
                          Row{"b\xC3\xBC"
                              "cher.example",
                              "xn--bcher-kva.example"},
                          Row{"B\xC3\x9C"
                              "CHER.example.",
                              "xn--bcher-kva.example"},
                          Row{"\xFF.example", "\xFF.example"}, Row{"[192.0.2.1]", "[192.0.2.1]"}, Row{"", ""}}) {
    CAPTURE(row.written);
    CHECK(canonical_domain(row.written) == row.canonical);
  }
}

TEST_CASE("addresses are split at the last @, as Postfix sends them unquoted") {
  CHECK(canonical_address("a@B@Example.ORG", LocalPart::as_written) == "a@B@example.org");
  CHECK(canonical_address("John Doe@Example.org.", LocalPart::lower_case) == "john doe@example.org");
  CHECK(canonical_address("Postmaster", LocalPart::lower_case) == "postmaster");
  CHECK(canonical_address("", LocalPart::as_written).empty());
  CHECK(domain_of("x=y@a@Example.ORG.") == "example.org");
  CHECK(domain_of("user1").empty());
}

TEST_CASE("a client is its address, cut to the prefix it is counted by") {
  CHECK(client_entity(*Address::parse("192.0.2.7"), 32, 64) == "client:192.0.2.7");
  CHECK(client_entity(*Address::parse("192.0.2.7"), 24, 64) == "client:192.0.2.0/24");
  CHECK(client_entity(*Address::parse("2001:db8::1:2:3:4"), 32, 64) == "client:2001:db8::/64");
  CHECK(client_entity(*Address::parse("::ffff:192.0.2.7"), 32, 64) == "client:192.0.2.7");
}

}  // namespace mxwarden::policy
