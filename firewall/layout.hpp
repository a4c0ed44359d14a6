#pragma once
// What the table in the kernel looks like, and what is said to it: values, no kernel.
//
//   table inet mxwarden {
//     set ban4  hash, one IPv4 client each: its address, masked to [client] ipv4_prefix
//     set ban6  hash, one IPv6 client each: its net, masked to [client] ipv6_prefix
//     set net4  intervals: whatever is not of that prefix length
//     set net6
//     set ports  constant: nobody can change it
//     chain new_connections: at the hook; returns at once for all but the first packet of a TCP connection (SYN without
//       ACK, FIN and RST) to one of the ports; then four look-ups, each with a counter of what it has dropped
//   }
//
// Each of the four sets has one element without an end, its canary, which is of an address that never connects. Who
// finds it there knows that the set is the one that was made here and was not emptied since. What covers a
// canary is refused as a bad element is.
//
// BUGS: of a packet in fragments only the first has a TCP header. Where the kernel has not put them together (at
// prerouting and forward it does so only if it tracks connections) the others of a banned client are dropped, those of
// a connection that is open, too. TCP avoids fragments.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "conf/settings.hpp"

namespace mxwarden::firewall {

enum class Set : std::uint8_t { ban4, ban6, net4, net6 };

inline constexpr std::array all_sets{Set::ban4, Set::ban6, Set::net4, Set::net6};

std::string_view to_string(Set set);
constexpr bool is_hash(Set set) {
  return set == Set::ban4 || set == Set::ban6;
}
constexpr bool is_ipv4(Set set) {
  return set == Set::ban4 || set == Set::net4;
}

inline constexpr std::string_view chain_name = "new_connections";

// Behind each rule, in their order, for those who list the table; and by them a table that was made here is known.
inline constexpr std::array<std::string_view, 7> rule_comments{
    "TCP alone",           "open connections go on", "other ports stay reachable",
    "banned IPv4 clients", "banned IPv6 clients",    "banned IPv4 nets",
    "banned IPv6 nets"};

// What is over is never found, but is swept out, and leaves its place to others, as late as this. The kernel goes
// through the whole set for it: by default each second.
inline constexpr Duration sweep_interval = std::chrono::seconds(10);

struct Layout {
  std::string table = "mxwarden";
  conf::Hook hook = conf::Hook::input;
  int priority = -10;
  std::vector<std::uint16_t> ports{25};
  std::size_t max_elements = 1'000'000;  // that are asked for; the sets have room for those that are over, too
  int ipv4_prefix = 32;                  // of the clients in ban4
  int ipv6_prefix = 64;

  bool operator==(const Layout&) const = default;
};

Layout layout_of(const conf::Settings& settings);

// How many elements ban4 takes, and ban6: its canary and those that are over and not yet swept out count, too. The sets
// of intervals take what comes.
std::size_t size_of_hash(const Layout& layout);

// All addresses from `first` to `last`, of one family; in a hash they are one address, masked.
struct Element {
  Set set = Set::ban4;
  Address first;
  Address last;

  auto operator<=>(const Element&) const = default;  // NOLINT(modernize-use-nullptr): it is a comparison
};

// Where a ban of this net stands.
Set set_of(const Prefix& net, const Layout& layout);
Element element_of(const Prefix& net, const Layout& layout);
// As nft(8) writes it: `198.51.100.7`, `198.51.100.0-198.51.100.127`.
std::string to_string(const Element& element);
Element canary(Set set);

struct Change {
  Element element;
  std::optional<Duration> timeout;  // in the place of what it has; nothing: the element is to go, if it is there
};

// As the kernel is told it: rounded up, and never zero, which would be without an end.
std::chrono::milliseconds kernel_timeout(Duration timeout);

// For nft(8): a file for `nft -f` that makes the table with these elements and no others, in the place of what is
// there; just what Kernel::rebuild() does.
std::string rebuild_text(const Layout& layout, std::span<const Change> elements);
// A line for each change, as `nft -f` takes it; what Kernel::commit() does, in one step.
std::string changes_text(const Layout& layout, std::span<const Change> changes);

}  // namespace mxwarden::firewall
