#include "firewall/last_guard.hpp"

#include "rig.hpp"

namespace mxwarden::firewall {

TEST_CASE("what is ours, never to be banned or too wide does not go to the kernel") {
  const LastGuard guard(settings({{"client.trusted", "127.0.0.0/8 192.0.2.0/28 192.0.2.4 2001:db8:5::/48"}}),
                        {address("198.51.100.25"), address("2001:db8::25")});
  struct Row {
    const char* net;
    const char* why;  // empty: it may
  };
  const Row rows[] = {
      {"198.51.100.7", ""},
      {"198.51.100.25", "198.51.100.25 is an address of this host"},
      {"198.51.100.0/24", "198.51.100.25 is an address of this host"},
      {"203.0.113.0/24", ""},
      {"203.0.112.0/23", "203.0.112.0/23 is wider than the /24 that [guard] allows"},
      {"0.0.0.0/0", "0.0.0.0/0 is wider than the /24 that [guard] allows"},
      {"2001:db8:1::/56", ""},
      {"2001:db8:1::/55", "2001:db8:1::/55 is wider than the /56 that [guard] allows"},
      {"2001:db8::/64", "2001:db8::25 is an address of this host"},
      {"2001:db8:0:1::/64", ""},
      {"2001:db8:5:7::/64", "2001:db8:5::/48 is trusted"},
      {"192.0.2.1", "192.0.2.0/28 is trusted"},
      {"192.0.2.15", "192.0.2.0/28 is trusted"},
      {"192.0.2.16", ""},
      {"192.0.2.0/24", "192.0.2.0/28 is trusted"},
      {"127.255.255.255", "127.0.0.0/8 is trusted"},
      {"128.0.0.1", ""},
      {"10.1.2.3", "10.0.0.0/8 is in never_ban"},
      {"fe80::1", "fe80::/10 is in never_ban"},
      {"0.0.0.0", "0.0.0.0 marks the kernel's sets"},
      {"100::/64", "100:: marks the kernel's sets"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.net);
    CHECK(guard.why_not(net(row.net)).value_or("") == row.why);
  }
}

TEST_CASE("guarded clients are listed where a net has few of them, and the canaries are not") {
  const LastGuard guard(
      settings({{"client.trusted", "127.0.0.0/8 192.0.2.8/30 2001:db8:5::/63"}, {"client.never_ban", ""}}),
      {address("198.51.100.25"), address("2001:db8::25"), address("255.255.255.255")});
  const auto in_words = [&](int ipv4_prefix, int ipv6_prefix) {
    std::string all;
    for (const auto& client : guard.clients(ipv4_prefix, ipv6_prefix)) all += client.to_string() + " ";
    return all;
  };
  CHECK(in_words(32, 64) ==
        "192.0.2.8 192.0.2.9 192.0.2.10 192.0.2.11 198.51.100.25 255.255.255.255 "
        "2001:db8::/64 2001:db8:5::/64 2001:db8:5:1::/64 ");
  CHECK(in_words(24, 48) == "192.0.2.0/24 198.51.100.0/24 255.255.255.0/24 2001:db8::/48 2001:db8:5::/48 ");
}

}  // namespace mxwarden::firewall
