#include "cli/perimeter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <tuple>
#include <utility>

namespace mxwarden::cli {
namespace {

using std::chrono::days;
using std::chrono::seconds;
using Bytes = std::array<unsigned char, 16>;

Bytes last_of(const Prefix& net) {
  auto bytes = net.address().bytes();
  for (int bit = net.length(); bit < net.address().bits(); ++bit) {
    bytes[static_cast<std::size_t>(bit) / 8] |= static_cast<unsigned char>(0x80 >> bit % 8);
  }
  return bytes;
}

// All addresses from one to another, and how long they are banned.
struct Range {
  Address first;
  Address last;
  seconds left{};
};

Range range_of(const PerimeterBan& ban) {
  return {ban.net.address(), Address::from_bytes(ban.net.address().family(), last_of(ban.net).data()), ban.left};
}

// It is there: not behind the last address, or before the first.
Address neighbour(const Address& address, bool next) {
  auto bytes = address.bytes();
  const unsigned char carries = next ? 0xFF : 0x00;
  for (auto at = static_cast<std::size_t>(address.bits()) / 8; at-- > 0;) {
    const bool carry = bytes[at] == carries;
    bytes[at] = static_cast<unsigned char>(next ? bytes[at] + 1 : bytes[at] - 1);
    if (!carry) break;
  }
  return Address::from_bytes(address.family(), bytes.data());
}

// IPv4 first, each net before those that are in it.
void sort(std::vector<PerimeterBan>& bans) {
  const auto key = [](const PerimeterBan& ban) {
    return std::tuple(ban.net.address().family(), ban.net.address(), ban.net.length());
  };
  std::ranges::sort(bans, [&](const PerimeterBan& one, const PerimeterBan& other) { return key(one) < key(other); });
}

// Of sorted ones: without those that are in another, or only if that lasts as long.
std::vector<PerimeterBan> without_inner(const std::vector<PerimeterBan>& bans, bool lasting_as_long) {
  std::vector<PerimeterBan> kept;
  std::vector<std::size_t> around;  // where in `kept` the nets are that the last one is in
  for (const auto& ban : bans) {
    while (!around.empty() && !kept[around.back()].net.contains(ban.net.address())) around.pop_back();
    if (!around.empty() && (!lasting_as_long || kept[around.back()].left >= ban.left)) continue;
    around.push_back(kept.size());
    kept.push_back(ban);
  }
  return kept;
}

// Of sorted ones without_inner(bans, true): so that no two overlap, and the innermost counts.
class Disjoint {
 public:
  std::vector<Range> of(std::span<const PerimeterBan> bans) && {
    for (const auto& ban : bans) {
      const auto range = range_of(ban);
      while (!open_.empty() && !is_in(range, open_.back())) close();
      if (!open_.empty() && open_.back().first < range.first) {
        ranges_.push_back({open_.back().first, neighbour(range.first, false), open_.back().left});
      }
      open_.push_back(range);
    }
    while (!open_.empty()) close();
    return std::move(ranges_);
  }

 private:
  static bool is_in(const Range& inner, const Range& outer) {
    return inner.first.family() == outer.first.family() && inner.last <= outer.last;
  }

  // The innermost ends, and what is around it goes on behind it, if it does.
  void close() {
    const auto range = open_.back();
    ranges_.push_back(range);
    while (!open_.empty() && open_.back().last == range.last) open_.pop_back();
    if (!open_.empty()) open_.back().first = neighbour(range.last, true);
  }

  std::vector<Range> ranges_;
  std::vector<Range> open_;  // what is left of those around the last one, and of it
};

std::string plain_text(const std::vector<PerimeterBan>& bans) {
  std::string text;
  for (const auto& ban : bans) {
    ban.net.append_to(text);
    text += '\n';
  }
  return text;
}

// nft 1.0.6 reads no number of more than eight digits here.
void append_time(std::string& to, seconds left) {
  const auto whole = std::chrono::floor<days>(left);
  if (whole > days::zero()) fmt::format_to(std::back_inserter(to), "{}d", whole.count());
  if (left > whole) fmt::format_to(std::back_inserter(to), "{}s", (left - whole).count());
}

void append_set(std::string& to, std::string_view name, std::string_view type, Address::Family family,
                std::span<const Range> ranges) {
  fmt::format_to(std::back_inserter(to), "  set {} {{\n    type {}\n    flags interval, timeout\n", name, type);
  bool any = false;
  for (const auto& range : ranges) {
    if (range.first.family() != family) continue;
    to += std::exchange(any, true) ? ",\n      " : "    elements = {\n      ";
    range.first.append_to(to);
    if (range.last != range.first) {
      to += '-';
      range.last.append_to(to);
    }
    to += " timeout ";
    append_time(to, range.left);
  }
  to += any ? "\n    }\n  }\n" : "  }\n";
}

std::string nft_text(const std::vector<PerimeterBan>& bans) {
  const auto ranges = Disjoint().of(bans);
  std::string text =
      R"(# Bans of mxwarden for a router that forwards: nft -f FILE. Loaded again it takes the place of what was loaded before;
# in between each ban ends by itself. To keep them from mail alone, write `tcp dport 25 drop'.
table inet mxwarden_perimeter
delete table inet mxwarden_perimeter
table inet mxwarden_perimeter {
)";
  append_set(text, "ban4", "ipv4_addr", Address::Family::ipv4, ranges);
  append_set(text, "ban6", "ipv6_addr", Address::Family::ipv6, ranges);
  return text + R"(  chain forward {
    type filter hook forward priority filter; policy accept;
    ip saddr @ban4 drop
    ip6 saddr @ban6 drop
  }
}
)";
}

std::string iptables_text(const std::vector<PerimeterBan>& bans, Address::Family family) {
  const bool ipv4 = family == Address::Family::ipv4;
  auto text = fmt::format(
      "# Bans of mxwarden: {0}tables-restore --noflush FILE, again for newer ones; and once\n"
      "# {0}tables -I FORWARD -j mxwarden. Those of IPv{1}: --format {2}tables.\n"
      "*filter\n:mxwarden - [0:0]\n",
      ipv4 ? "ip" : "ip6", ipv4 ? 6 : 4, ipv4 ? "ip6" : "ip");
  for (const auto& ban : bans) {
    if (ban.net.address().family() != family) continue;
    text += "-A mxwarden -s ";
    ban.net.address().append_to(text);
    fmt::format_to(std::back_inserter(text), "/{} -j DROP\n", ban.net.length());
  }
  return text + "COMMIT\n";
}

void append_cisco(std::string& to, const Prefix& net) {
  const auto& address = net.address();
  to += address.is_ipv4() ? " deny ip " : " deny ipv6 ";
  if (net.length() == address.bits()) {
    to += "host ";
    net.append_to(to);
  } else if (address.is_ipv4()) {
    address.append_to(to);
    // What may differ.
    auto wildcard = last_of(net);
    for (std::size_t at = 0; at < wildcard.size(); ++at) wildcard[at] ^= address.bytes()[at];
    to += ' ';
    Address::from_bytes(address.family(), wildcard.data()).append_to(to);
  } else {
    address.append_to(to);
    fmt::format_to(std::back_inserter(to), "/{}", net.length());
  }
  to += " any\n";
}

std::string cisco_text(const std::vector<PerimeterBan>& bans) {
  std::string text =
      "! Bans of mxwarden: to be read in configuration mode. Once, on the interface:\n"
      "! ip access-group MXWARDEN in, ipv6 traffic-filter MXWARDEN6 in\n"
      "no ip access-list extended MXWARDEN\nip access-list extended MXWARDEN\n";
  auto ban = bans.begin();
  for (; ban != bans.end() && ban->net.address().is_ipv4(); ++ban) append_cisco(text, ban->net);
  text += " permit ip any any\nno ipv6 access-list MXWARDEN6\nipv6 access-list MXWARDEN6\n";
  for (; ban != bans.end(); ++ban) append_cisco(text, ban->net);
  return text + " permit ipv6 any any\n";
}

}  // namespace

std::optional<PerimeterFormat> parse_perimeter_format(std::string_view name) {
  const auto* found = std::ranges::find(perimeter_formats, name);
  if (found == perimeter_formats.end()) return std::nullopt;
  return static_cast<PerimeterFormat>(found - perimeter_formats.begin());
}

std::string perimeter_text(PerimeterFormat format, std::vector<PerimeterBan> bans) {
  std::erase_if(bans, [](const PerimeterBan& ban) { return ban.left <= seconds::zero(); });
  sort(bans);
  if (format == PerimeterFormat::nft) return nft_text(without_inner(bans, true));
  const auto outer = without_inner(bans, false);
  switch (format) {
    case PerimeterFormat::iptables:
      return iptables_text(outer, Address::Family::ipv4);
    case PerimeterFormat::ip6tables:
      return iptables_text(outer, Address::Family::ipv6);
    case PerimeterFormat::cisco:
      return cisco_text(outer);
    default:
      return plain_text(outer);
  }
}

}  // namespace mxwarden::cli
