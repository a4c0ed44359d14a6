#include "firewall/layout.hpp"

#include <doctest/doctest.h>

#include <string>
#include <tuple>
#include <vector>

namespace mxwarden::firewall {
namespace {

using namespace std::chrono_literals;

Prefix net(std::string_view text) {
  return Prefix::parse(text).value();
}

Address address(std::string_view text) {
  return Address::parse(text).value();
}

Element element(std::string_view text, const Layout& layout = {}) {
  return element_of(net(text), layout);
}

TEST_CASE("a client stands in a hash, all else is a range") {
  const Layout usual;
  const Layout coarse{.ipv4_prefix = 24, .ipv6_prefix = 48};
  const std::vector<std::tuple<std::string, Layout, Set, std::string, std::string>> rows{
      {"192.0.2.7", usual, Set::ban4, "192.0.2.7", "192.0.2.7"},
      {"192.0.2.0/24", usual, Set::net4, "192.0.2.0", "192.0.2.255"},
      {"192.0.2.0/31", usual, Set::net4, "192.0.2.0", "192.0.2.1"},
      {"0.0.0.0/0", usual, Set::net4, "0.0.0.0", "255.255.255.255"},
      {"192.0.2.0/24", coarse, Set::ban4, "192.0.2.0", "192.0.2.0"},
      {"192.0.2.7", coarse, Set::net4, "192.0.2.7", "192.0.2.7"},
      {"2001:db8::/64", usual, Set::ban6, "2001:db8::", "2001:db8::"},
      {"2001:db8::7", usual, Set::net6, "2001:db8::7", "2001:db8::7"},
      {"2001:db8::/61", usual, Set::net6, "2001:db8::", "2001:db8:0:7:ffff:ffff:ffff:ffff"},
      {"2001:db8::/48", coarse, Set::ban6, "2001:db8::", "2001:db8::"},
  };
  for (const auto& [said, layout, set, first, last] : rows) {
    const std::string text = said;
    CAPTURE(text);
    CHECK(set_of(net(text), layout) == set);
    CHECK(element(text, layout) == Element{set, address(first), address(last)});
  }
}

TEST_CASE("a canary is of an address that no mask makes another, and no client has") {
  for (const auto set : all_sets) {
    CAPTURE(to_string(set));
    const auto bird = canary(set);
    CHECK(bird.set == set);
    CHECK(bird.first == bird.last);
    const bool ipv4 = set == Set::ban4 || set == Set::net4;
    CHECK(net(ipv4 ? "0.0.0.0/8" : "100::/64").contains(bird.first));
    for (int length = 8; is_hash(set) && length <= bird.first.bits(); ++length) {
      CHECK(bird.first.masked(length) == bird.first);
    }
  }
  CHECK(address("::1").masked(64) != canary(Set::ban6).first);
}

TEST_CASE("a timeout is rounded up, and is never none") {
  CHECK(kernel_timeout(10min) == 600'000ms);
  CHECK(kernel_timeout(1'500us) == 2ms);
  CHECK(kernel_timeout(0ns) == 1ms);
  CHECK(kernel_timeout(-1s) == 1ms);
}

TEST_CASE("the settings make the layout") {
  conf::Settings settings;
  settings.firewall.table = "guard";
  settings.firewall.hook = conf::Hook::forward;
  settings.firewall.priority = 5;
  settings.firewall.ports = {25, 465};
  settings.firewall.max_elements = 1'000;
  settings.client.ipv4_prefix = 24;
  settings.client.ipv6_prefix = 56;
  CHECK(layout_of(settings) == Layout{.table = "guard",
                                      .hook = conf::Hook::forward,
                                      .priority = 5,
                                      .ports = {25, 465},
                                      .max_elements = 1'000,
                                      .ipv4_prefix = 24,
                                      .ipv6_prefix = 56});
  CHECK(size_of_hash(layout_of(settings)) > 1'000);
}

TEST_CASE("the text of a rebuild is what nft takes") {
  const std::vector<Change> elements{{element("192.0.2.7"), 10min},
                                     {element("198.51.100.0/24"), 90s},
                                     {element("2001:db8::/64"), 1'500ms},
                                     {element("2001:db8::7"), 3650 * 24h}};
  CHECK(rebuild_text({.ports = {25, 465}, .max_elements = 1'000}, elements) == R"(table inet mxwarden
delete table inet mxwarden
table inet mxwarden {
  set ban4 {
    type ipv4_addr
    size 2250
    flags timeout
    gc-interval 10s
    elements = {
      0.0.0.0,
      192.0.2.7 timeout 10m,
    }
  }
  set ban6 {
    type ipv6_addr
    size 2250
    flags timeout
    gc-interval 10s
    elements = {
      100::,
      2001:db8:: timeout 1500ms,
    }
  }
  set net4 {
    type ipv4_addr
    flags interval, timeout
    gc-interval 10s
    elements = {
      0.0.0.1,
      198.51.100.0-198.51.100.255 timeout 90s,
    }
  }
  set net6 {
    type ipv6_addr
    flags interval, timeout
    gc-interval 10s
    elements = {
      100::,
      2001:db8::7 timeout 3650d,
    }
  }
  set ports {
    type inet_service
    flags constant
    elements = { 25, 465 }
  }
  chain new_connections {
    type filter hook input priority -10; policy accept;
    meta l4proto != tcp return comment "TCP alone"
    tcp flags & (fin | syn | rst | ack) != syn return comment "open connections go on"
    tcp dport != @ports return comment "other ports stay reachable"
    ip saddr @ban4 counter drop comment "banned IPv4 clients"
    ip6 saddr & ffff:ffff:ffff:ffff:: @ban6 counter drop comment "banned IPv6 clients"
    ip saddr @net4 counter drop comment "banned IPv4 nets"
    ip6 saddr @net6 counter drop comment "banned IPv6 nets"
  }
}
)");
}

TEST_CASE("the text of changes is a line for each") {
  const std::vector<Change> changes{
      {element("192.0.2.7"), 10min}, {element("192.0.2.8"), std::nullopt}, {element("198.51.100.0/24"), std::nullopt}};
  CHECK(changes_text({}, changes) ==
        "add element inet mxwarden ban4 { 192.0.2.7 timeout 10m }; delete element inet mxwarden ban4 { 192.0.2.7 }; "
        "add element inet mxwarden ban4 { 192.0.2.7 timeout 10m }\n"
        "add element inet mxwarden ban4 { 192.0.2.8 }; delete element inet mxwarden ban4 { 192.0.2.8 }\n"
        "add element inet mxwarden net4 { 198.51.100.0-198.51.100.255 }; "
        "delete element inet mxwarden net4 { 198.51.100.0-198.51.100.255 }\n");
}

}  // namespace
}  // namespace mxwarden::firewall
