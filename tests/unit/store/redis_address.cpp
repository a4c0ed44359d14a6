#include "store/redis_address.hpp"

#include <doctest/doctest.h>

#include <string_view>

using mxwarden::store::SocketAddress;

TEST_CASE("an address and a port of Redis are read, and written with brackets where they are needed") {
  struct Row {
    std::string_view address;
    std::string_view port;
    std::string_view written;  // empty: it is nothing
  };
  for (const auto& row : {
           Row{"192.0.2.1", "6379", "192.0.2.1:6379"},
           Row{"2001:db8:0::1", "65535", "[2001:db8::1]:65535"},
           Row{"redis.example.org", "6379", ""},
           Row{"[2001:db8::1]", "6379", ""},
           Row{"", "6379", ""},
           Row{"192.0.2.1", "0", ""},
           Row{"192.0.2.1", "65536", ""},
           Row{"192.0.2.1", "-1", ""},
           Row{"192.0.2.1", "6379 ", ""},
           Row{"192.0.2.1", "", ""},
       }) {
    CAPTURE(row.address);
    CAPTURE(row.port);
    const auto parsed = SocketAddress::parse(row.address, row.port);
    CHECK((parsed ? parsed->to_string() : "") == row.written);
  }
}
