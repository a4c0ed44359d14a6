#pragma once
// `mxwarden bans list --format`: the bans as a router at the edge of the network takes them. Pure.
//
//   plain      one address or net a line
//   nft        a file for `nft -f`, with a table of its own, in the place of what it was; each ban ends by itself
//   iptables   a file for `iptables-restore --noflush`: a chain `mxwarden`, for IPv4
//   ip6tables  the same for ip6tables-restore and IPv6
//   cisco      two access lists of IOS, MXWARDEN for IPv4 and MXWARDEN6 for IPv6, that begin anew
//
// Whatever the bans hold, nothing but addresses, lengths and times is printed: a reason is of strangers, and a router
// obeys. A net that is in another, as long as that lasts, is left out. Where the router knows ends, one that lasts
// longer than the net around it is cut out of that: nft 1.0.6 refuses overlaps, and with `auto-merge' it gives what it
// merges, neighbours too, the end of one of them.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"

namespace mxwarden::cli {

enum class PerimeterFormat : std::uint8_t { plain, nft, iptables, ip6tables, cisco };

inline constexpr std::array<std::string_view, 5> perimeter_formats{"plain", "nft", "iptables", "ip6tables", "cisco"};

std::optional<PerimeterFormat> parse_perimeter_format(std::string_view name);

struct PerimeterBan {
  Prefix net;
  std::chrono::seconds left{};  // rounded up
};

// In any order. Those that are over are left out.
std::string perimeter_text(PerimeterFormat format, std::vector<PerimeterBan> bans);

}  // namespace mxwarden::cli
