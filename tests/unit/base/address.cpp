#include "base/address.hpp"

#include <doctest/doctest.h>

namespace mxwarden {

TEST_CASE("addresses have one form") {
  struct Row {
    const char* written;
    const char* canonical;
  };
  for (const auto& row : {Row{"192.0.2.7", "192.0.2.7"}, Row{"2001:DB8:0:0::1", "2001:db8::1"},
                          Row{"::ffff:192.0.2.7", "192.0.2.7"}, Row{"::", "::"}, Row{"0.0.0.0", "0.0.0.0"}}) {
    CAPTURE(row.written);
    const auto address = Address::parse(row.written);
    REQUIRE(address);
    CHECK(address->to_string() == row.canonical);
  }
}

TEST_CASE("what is no address is nothing") {
  for (const auto* text :
       {"", "unknown", "192.0.2", "192.0.2.256", "192.0.2.07.1", "192.0.2.07", "192.0.2.7.", ".192.0.2.7", "192..2.7",
        "+1.2.3.4", "1.2.3.1000", "[::1]", "fe80::1%lo", "192.0.2.0/24", "1.2.3.4 ", "2001:db8:::1",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    CAPTURE(text);
    CHECK_FALSE(Address::parse(text));
  }
}

TEST_CASE("a prefix covers its addresses and no others") {
  const auto net = Prefix::parse("192.0.2.0/25").value();
  CHECK(net.contains(*Address::parse("192.0.2.127")));
  CHECK_FALSE(net.contains(*Address::parse("192.0.2.128")));
  CHECK_FALSE(net.contains(*Address::parse("::192.0.2.1")));
  const auto six = Prefix::parse("2001:db8:0:4::/62").value();
  CHECK(six.contains(*Address::parse("2001:db8:0:7:ffff::1")));
  CHECK_FALSE(six.contains(*Address::parse("2001:db8:0:8::1")));
  const auto all = Prefix::parse("0.0.0.0/0").value();
  CHECK(all.contains(*Address::parse("255.255.255.255")));
  CHECK_FALSE(all.contains(*Address::parse("::1")));
}

TEST_CASE("prefixes overlap if one lies in the other") {
  struct Row {
    const char* one;
    const char* other;
    bool overlap;
  };
  for (const auto& row :
       {Row{"192.0.2.0/24", "192.0.2.128/25", true}, Row{"192.0.2.0/25", "192.0.2.128/25", false},
        Row{"192.0.2.1", "192.0.2.1", true}, Row{"0.0.0.0/0", "::/0", false}, Row{"::/0", "2001:db8::1", true}}) {
    CAPTURE(row.one);
    CAPTURE(row.other);
    const auto one = Prefix::parse(row.one).value();
    const auto other = Prefix::parse(row.other).value();
    CHECK(one.overlaps(other) == row.overlap);
    CHECK(other.overlaps(one) == row.overlap);
  }
}

TEST_CASE("prefixes are written as they are read") {
  for (const auto* text : {"192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "::1", "0.0.0.0/0", "::/0"}) {
    CHECK(Prefix::parse(text).value().to_string() == text);
  }
}

TEST_CASE("a prefix with bits behind its length names the one that was meant") {
  CHECK(Prefix::parse("192.0.2.7/24").error().message ==
        "`192.0.2.7/24' has bits set behind its prefix length; did you mean 192.0.2.0/24?");
  for (const auto* text : {"192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/", "192.0.2.0/2x", "2001:db8::/129", "/24"}) {
    CAPTURE(text);
    CHECK(Prefix::parse(text).has_error());
  }
}

TEST_CASE("private addresses are told from those of the Internet") {
  struct Row {
    const char* address;
    bool is_private;
  };
  for (const auto& row : {Row{"10.1.2.3", true},     Row{"172.31.255.255", true},
                          Row{"172.32.0.1", false},  Row{"192.168.0.1", true},
                          Row{"100.64.0.1", true},   Row{"100.128.0.1", false},
                          Row{"127.0.0.1", true},    Row{"169.254.1.1", true},
                          Row{"224.0.0.1", true},    Row{"255.255.255.255", true},
                          Row{"0.0.0.0", true},      Row{"198.51.100.7", false},
                          Row{"::", true},           Row{"::1", true},
                          Row{"::2", false},         Row{"fd00::1", true},
                          Row{"fe80::1", true},      Row{"ff02::1", true},
                          Row{"2001:db8::1", false}, Row{"::ffff:10.0.0.1", true}}) {
    CAPTURE(row.address);
    CHECK(is_private(Address::parse(row.address).value()) == row.is_private);
  }
}

}  // namespace mxwarden
