#include "policy/identity.hpp"

#include <doctest/doctest.h>

#include <string>
#include <type_traits>

namespace mxwarden::policy {
namespace {

// What is appended.
template <class... Arguments>
std::string written(void (*append)(std::string&, Arguments...), std::type_identity_t<Arguments>... arguments) {
  std::string text = "before ";
  append(text, arguments...);
  REQUIRE(text.starts_with("before "));
  return text.substr(7);
}

}  // namespace

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
    CHECK(written(append_canonical_domain, row.written) == row.canonical);
  }
}

TEST_CASE("addresses are split at the last @, as Postfix sends them unquoted") {
  CHECK(written(append_canonical_address, "a@B@Example.ORG", LocalPart::as_written) == "a@B@example.org");
  CHECK(written(append_canonical_address, "John Doe@Example.org.", LocalPart::lower_case) == "john doe@example.org");
  CHECK(written(append_canonical_address, "Postmaster", LocalPart::lower_case) == "postmaster");
  CHECK(written(append_canonical_address, "", LocalPart::as_written).empty());
  CHECK(written(append_domain_of, "x=y@a@Example.ORG.") == "example.org");
  CHECK(written(append_domain_of, "user1").empty());
}

TEST_CASE("a client is its address, cut to the prefix it is counted by") {
  CHECK(written(append_client_entity, *Address::parse("192.0.2.7"), 32, 64) == "client:192.0.2.7");
  CHECK(written(append_client_entity, *Address::parse("192.0.2.7"), 24, 64) == "client:192.0.2.0/24");
  CHECK(written(append_client_entity, *Address::parse("2001:db8::1:2:3:4"), 32, 64) == "client:2001:db8::/64");
  CHECK(written(append_client_entity, *Address::parse("::ffff:192.0.2.7"), 32, 64) == "client:192.0.2.7");
}

}  // namespace mxwarden::policy
