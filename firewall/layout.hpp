#pragma once
// What the table in the kernel looks like, and what is said to it: values, no kernel.
//
//   table inet mxwarden {
//     set ban4  hash, one IPv4 client each: its address, masked to [client] ipv4_prefix
//     set ban6  hash, one IPv6 client each: its net, masked to [client] ipv6_prefix
//     set net4  intervals: whatever is not of that prefix length
//     set net6
//     set ports
//     chain of the hook: returns at once for all but the first packet of a TCP connection (SYN without ACK, FIN and
//       RST) to one of the ports; then four look-ups, each with a counter of what it has dropped
//   }
//
// Each of the four sets has one element without an end, its canary, which is of an address that never connects. Who
// finds it there knows that the set is the one that was made here and was not emptied since.

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
Element canary(Set set);

struct Change {
  Element element;
  std::optional<Duration> timeout;  // in the place of what it has; nothing: the element is to go, if it is there
};

// For nft(8): a file for `nft -f` that makes the table with these elements and no others, in the place of what is
// there; just what Kernel::rebuild() does.
std::string rebuild_text(const Layout& layout, std::span<const Change> elements);
// A line for each change, as nft(8) takes it.
std::string changes_text(const Layout& layout, std::span<const Change> changes);

}  // namespace mxwarden::firewall
