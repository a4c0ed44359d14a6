#include "cli/perimeter.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <sstream>

namespace mxwarden::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

PerimeterBan ban(std::string_view net, seconds left = 1h) {
  return {Prefix::parse(net).value(), left};
}

// Elements of both sets, without their commas.
std::vector<std::string> elements_of(const std::vector<PerimeterBan>& bans) {
  std::istringstream text(perimeter_text(PerimeterFormat::nft, bans));
  std::vector<std::string> elements;
  for (std::string line; std::getline(text, line);) {
    if (line.find(" timeout ") == std::string::npos) continue;
    line.erase(0, line.find_first_not_of(' '));
    if (line.back() == ',') line.pop_back();
    elements.push_back(line);
  }
  return elements;
}

using Elements = std::vector<std::string>;

}  // namespace

TEST_CASE("the plain form is a net a line, IPv4 first, and none that is in another") {
  CHECK(perimeter_text(PerimeterFormat::plain, {ban("2001:db8::/64"), ban("192.0.2.7", 9h), ban("198.51.100.1"),
                                                ban("192.0.2.0/24"), ban("203.0.113.1", 0s), ban("2001:db8::1")}) ==
        "192.0.2.0/24\n198.51.100.1\n2001:db8::/64\n");
  CHECK(perimeter_text(PerimeterFormat::plain, {}) == "");
}

TEST_CASE("the form for nft is a file that makes a table of its own") {
  CHECK(
      perimeter_text(PerimeterFormat::nft, {ban("192.0.2.7"), ban("2001:db8::/64", 24h * 3650 + 1s)}) ==
      R"(# Bans of mxwarden for a router that forwards: nft -f FILE. Loaded again it takes the place of what was loaded before;
# in between each ban ends by itself. To keep them from mail alone, write `tcp dport 25 drop'.
table inet mxwarden_perimeter
delete table inet mxwarden_perimeter
table inet mxwarden_perimeter {
  set ban4 {
    type ipv4_addr
    flags interval, timeout
    elements = {
      192.0.2.7 timeout 3600s
    }
  }
  set ban6 {
    type ipv6_addr
    flags interval, timeout
    elements = {
      2001:db8::-2001:db8::ffff:ffff:ffff:ffff timeout 3650d1s
    }
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ip saddr @ban4 drop
    ip6 saddr @ban6 drop
  }
}
)");
  CHECK(perimeter_text(PerimeterFormat::nft, {}).find("elements") == std::string::npos);
}

TEST_CASE("nft is told of each address once, with the last of its ends") {
  CHECK(elements_of({ban("192.0.2.0/24", 1h), ban("192.0.2.7", 1h)}) ==
        Elements{"192.0.2.0-192.0.2.255 timeout 3600s"});
  CHECK(elements_of({ban("192.0.2.0/24", 1h), ban("192.0.2.7", 24h)}) ==
        Elements{"192.0.2.0-192.0.2.6 timeout 3600s", "192.0.2.7 timeout 1d", "192.0.2.8-192.0.2.255 timeout 3600s"});
  // At the edges of what is around it, and neighbours of each other.
  CHECK(elements_of({ban("192.0.2.0/30", 1s), ban("192.0.2.0", 2s), ban("192.0.2.2/31", 3s), ban("192.0.2.3", 4s)}) ==
        Elements{"192.0.2.0 timeout 2s", "192.0.2.1 timeout 1s", "192.0.2.2 timeout 3s", "192.0.2.3 timeout 4s"});
  CHECK(elements_of({ban("0.0.0.0/0", 1s), ban("255.255.255.255", 2s), ban("::/0", 1s), ban("::", 2s)}) ==
        Elements{"0.0.0.0-255.255.255.254 timeout 1s", "255.255.255.255 timeout 2s", ":: timeout 2s",
                 "::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff timeout 1s"});
}

TEST_CASE("however nets lie in each other, no two elements overlap and each address has its longest ban") {
  std::mt19937 random(17);  // NOLINT(cert-msc32-c,cert-msc51-cpp): it is to be the same each time
  for (int round = 0; round < 300; ++round) {
    std::vector<PerimeterBan> bans;
    for (auto at = random() % 20; at > 0; --at) {
      const std::array<unsigned char, 4> bytes{192, 0, 2, static_cast<unsigned char>(random() % 64)};
      const auto address = Address::from_bytes(Address::Family::ipv4, bytes.data());
      bans.push_back({Prefix(address, 26 + static_cast<int>(random() % 7)), seconds(random() % 9)});
    }
    std::array<seconds, 64> told{};
    for (const auto& element : elements_of(bans)) {
      const auto range = element.substr(0, element.find(' '));
      const auto dash = range.find('-');
      const auto last_byte = [](std::string_view text) { return Address::parse(text).value().bytes()[3]; };
      const auto first = last_byte(range.substr(0, dash));
      const auto last = dash == std::string::npos ? first : last_byte(range.substr(dash + 1));
      for (int at = first; at <= last; ++at) {
        auto& left = told.at(static_cast<std::size_t>(at));
        CHECK(left == 0s);
        left = seconds(std::stoi(element.substr(element.rfind(' '))));
      }
    }
    std::array<seconds, 64> expected{};
    for (std::size_t at = 0; at < expected.size(); ++at) {
      const auto address = Address::parse(fmt::format("192.0.2.{}", at)).value();
      for (const auto& one : bans) {
        if (one.net.contains(address)) expected.at(at) = std::max(expected.at(at), one.left);
      }
    }
    CHECK(told == expected);
  }
}

TEST_CASE("the forms for iptables have a family each") {
  const std::vector bans{ban("192.0.2.7"), ban("192.0.2.0/25"), ban("198.51.100.7"), ban("2001:db8::/64")};
  CHECK(perimeter_text(PerimeterFormat::iptables, bans) ==
        "# Bans of mxwarden: iptables-restore --noflush FILE, again for newer ones; and once\n"
        "# iptables -I FORWARD -j mxwarden. Those of IPv6: --format ip6tables.\n"
        "*filter\n"
        ":mxwarden - [0:0]\n"
        "-A mxwarden -s 192.0.2.0/25 -j DROP\n"
        "-A mxwarden -s 198.51.100.7/32 -j DROP\n"
        "COMMIT\n");
  CHECK(perimeter_text(PerimeterFormat::ip6tables, bans) ==
        "# Bans of mxwarden: ip6tables-restore --noflush FILE, again for newer ones; and once\n"
        "# ip6tables -I FORWARD -j mxwarden. Those of IPv4: --format iptables.\n"
        "*filter\n"
        ":mxwarden - [0:0]\n"
        "-A mxwarden -s 2001:db8::/64 -j DROP\n"
        "COMMIT\n");
}

TEST_CASE("the form for IOS is two access lists that let the others pass") {
  CHECK(perimeter_text(PerimeterFormat::cisco, {ban("192.0.2.7"), ban("198.51.100.0/24"), ban("10.32.0.0/11"),
                                                ban("2001:db8::/64"), ban("2001:db8:1::1")}) ==
        "! Bans of mxwarden: to be read in configuration mode. Once, on the interface:\n"
        "! ip access-group MXWARDEN in, ipv6 traffic-filter MXWARDEN6 in\n"
        "no ip access-list extended MXWARDEN\n"
        "ip access-list extended MXWARDEN\n"
        " deny ip 10.32.0.0 0.31.255.255 any\n"
        " deny ip host 192.0.2.7 any\n"
        " deny ip 198.51.100.0 0.0.0.255 any\n"
        " permit ip any any\n"
        "no ipv6 access-list MXWARDEN6\n"
        "ipv6 access-list MXWARDEN6\n"
        " deny ipv6 2001:db8::/64 any\n"
        " deny ipv6 host 2001:db8:1::1 any\n"
        " permit ipv6 any any\n");
}

TEST_CASE("formats have names") {
  CHECK(parse_perimeter_format("nft") == PerimeterFormat::nft);
  CHECK(parse_perimeter_format("cisco") == PerimeterFormat::cisco);
  CHECK_FALSE(parse_perimeter_format("Cisco"));
}

}  // namespace mxwarden::cli
