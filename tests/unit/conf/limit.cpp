#include "conf/limit.hpp"

#include <doctest/doctest.h>

namespace mxwarden::conf {

TEST_CASE("a key is one attribute or several, cut as they say") {
  const auto key = Key::parse(" client_address/24/56 + sender.domain +recipient");
  REQUIRE(key.has_value());
  CHECK(key->text == "client_address/24/56 + sender.domain +recipient");
  REQUIRE(key->parts.size() == 3);
  CHECK(key->parts[0].attribute == Attribute::client_address);
  CHECK(key->parts[0].form == KeyPart::Form::prefix);
  CHECK(key->parts[0].ipv4_prefix == 24);
  CHECK(key->parts[0].ipv6_prefix == 56);
  CHECK(key->parts[1].form == KeyPart::Form::domain);
  CHECK(key->parts[2].form == KeyPart::Form::whole);
}

TEST_CASE("a length for IPv4 alone leaves IPv6 to the client section") {
  const auto key = Key::parse("client_address/24");
  REQUIRE(key.has_value());
  CHECK(key->parts.front().ipv4_prefix == 24);
  CHECK(key->parts.front().ipv6_prefix == 0);
}

TEST_CASE("a key is about the client if it has his address or a name of his") {
  CHECK(Key::parse("client_address")->about_client());
  CHECK(Key::parse("sender + client_name")->about_client());
  CHECK(Key::parse("reverse_client_name")->about_client());
  CHECK_FALSE(Key::parse("sender + helo_name")->about_client());
  CHECK_FALSE(Key::parse("instance")->about_client());
}

TEST_CASE("a key asks for a login if a part of it comes with one") {
  CHECK(Key::parse("sasl_username")->asks_for_login());
  CHECK(Key::parse("client_address + sasl_username.domain")->asks_for_login());
  CHECK(Key::parse("sasl_method")->asks_for_login());
  CHECK(Key::parse("sender + sasl_sender")->asks_for_login());
  CHECK_FALSE(Key::parse("client_address + sender")->asks_for_login());
}

TEST_CASE("what is not a key is refused, with what is allowed") {
  struct Row {
    const char* text;
    const char* says;
  };
  for (const auto& row : {
           Row{"", "`' is not an attribute of Postfix's policy protocol"},
           Row{"client_adress", "did you mean client_address?"},
           Row{"sender +", "`' is not an attribute"},
           Row{"sender + sender.domain", "`sender' is in the key twice"},
           Row{"sender/24", "only client_address and server_address can be cut to a prefix, not sender"},
           Row{"client_address/0", "`/0' is not a prefix length; allowed is 1 to 32"},
           Row{"client_address/33", "allowed is 1 to 32"},
           Row{"client_address/24/129", "allowed is 1 to 128"},
           Row{"client_address/", "`/' is not a prefix length"},
           Row{"client_address.domain", "`.domain' is not allowed after client_address"},
           Row{"sender.user", "`.user' is not allowed after sender"},
           Row{"sender+recipient+size+instance+helo_name+queue_id", "at most 5 attributes"},
       }) {
    CAPTURE(std::string(row.text));
    const auto key = Key::parse(row.text);
    REQUIRE(key.has_error());
    CAPTURE(key.error().message);
    CHECK(key.error().message.find(row.says) != std::string::npos);
  }
}

TEST_CASE("a pattern is found anywhere in the text, without regard to case, and takes any bytes") {
  struct Row {
    const char* pattern;
    const char* text;
    bool matches;
  };
  for (const auto& row : {Row{"^\\[", "[192.0.2.7]", true}, Row{"^\\[", "a[", false}, Row{"dyn", "x.DYN.example", true},
                          Row{"(?-i)dyn", "x.DYN.example", false},
                          Row{"a.c",
                              "a\xff"
                              "c",
                              true},
                          Row{"", "x", true}}) {
    CAPTURE(std::string(row.pattern));
    const auto pattern = Pattern::parse(row.pattern);
    REQUIRE(pattern.has_value());
    CHECK(pattern->matches(row.text) == row.matches);
  }
}

TEST_CASE("what is no expression, or would be a costly one, is refused") {
  for (const auto* text : {"(", "a**", "[", "(?=x)", "\\1", "x{1001}"}) {
    CAPTURE(std::string(text));
    CHECK(Pattern::parse(text).has_error());
  }
}

TEST_CASE("a pattern that was never set matches nothing") {
  CHECK_FALSE(Pattern().matches("x"));
}

}  // namespace mxwarden::conf
