#include "conf/net_index.hpp"

#include <algorithm>
#include <limits>

namespace mxwarden::conf {
namespace {

constexpr auto nothing = std::numeric_limits<std::uint32_t>::max();
constexpr auto all_ones = std::numeric_limits<std::uint64_t>::max();

// The bits behind the first `kept` ones of 64.
std::uint64_t host_bits(int kept) {
  if (kept >= 64) return 0;
  return kept <= 0 ? all_ones : all_ones >> kept;
}

}  // namespace

NetIndex::Number NetIndex::number(const Address& address) {
  const auto& bytes = address.bytes();
  Number result{};
  for (std::size_t at = 0; at < 8; ++at) {
    result.first = result.first << 8 | bytes[at];
    result.second = result.second << 8 | bytes[at + 8];
  }
  return result;
}

// An IPv4 address is the first four of the sixteen bytes, so that prefix lengths count from the same end.
NetIndex::Number NetIndex::last_of(const Prefix& net) {
  auto last = number(net.address());
  last.first |= host_bits(net.length());
  last.second |= host_bits(net.length() - 64);
  return last;
}

void NetIndex::insert(const Prefix& net, std::uint32_t entry) {
  nets_.push_back({number(net.address()), last_of(net), entry});
}

void NetIndex::add_point(const Number& from, std::uint32_t entry) {
  if (!points_.empty() && points_.back().from == from) {
    points_.back().entry = entry;
  } else {
    points_.push_back({from, entry});
  }
}

// The innermost open net ends; the one around it is in force again.
void NetIndex::leave(std::vector<Net>& open) {
  auto next = open.back().last;
  open.pop_back();
  if (++next.second == 0 && ++next.first == 0) return;
  add_point(next, open.empty() ? nothing : open.back().entry);
}

std::vector<std::pair<std::uint32_t, std::uint32_t>> NetIndex::finish() {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> repeated;
  // Wider nets before those inside them, and the first entry of a repeated one before the others.
  std::ranges::sort(nets_, [](const Net& one, const Net& other) {
    if (one.first != other.first) return one.first < other.first;
    if (one.last != other.last) return one.last > other.last;
    return one.entry < other.entry;
  });
  std::vector<Net> open;
  for (const auto& net : nets_) {
    while (!open.empty() && open.back().last < net.first) leave(open);
    if (!open.empty() && open.back().first == net.first && open.back().last == net.last) {
      repeated.emplace_back(open.back().entry, net.entry);
      continue;
    }
    add_point(net.first, net.entry);
    open.push_back(net);
  }
  while (!open.empty()) leave(open);
  nets_ = {};
  points_.shrink_to_fit();
  return repeated;
}

std::optional<std::uint32_t> NetIndex::find(const Address& address) const {
  const auto wanted = number(address);
  const auto after = std::ranges::upper_bound(points_, wanted, std::less<>(), &Point::from);
  if (after == points_.begin() || (after - 1)->entry == nothing) return std::nullopt;
  return (after - 1)->entry;
}

}  // namespace mxwarden::conf
