#include "firewall/contents.hpp"

#include <algorithm>
#include <array>

namespace mxwarden::firewall {
namespace {

constexpr std::array interval_sets{Set::net4, Set::net6};

Change to_come(Set set, const Range& range, Instant now) {
  return {{set, range.first, range.last}, range.until - now};
}

bool same_shape(const Range& one, const Range& other) {
  return one.first == other.first && one.last == other.last;
}

// `look` at each of `some`, with the one of the same shape in `others`, if there is one.
template <class Look>
void compare(const std::vector<Range>& some, const std::vector<Range>& others, Look look) {
  auto other = others.begin();
  for (const auto& range : some) {
    while (other != others.end() && other->first < range.first) ++other;
    const bool is_there = other != others.end() && same_shape(*other, range);
    look(range, is_there ? &*other : nullptr);
  }
}

}  // namespace

std::vector<Change> contents(const BanList& bans, const Layout& layout, Instant now) {
  const auto counts = bans.counts();
  std::vector<Change> all;
  all.reserve(counts.ipv4_clients + counts.ipv6_clients + counts.nets * 2);  // of a net in a net: three ranges
  bans.for_each_client(now, [&](const Prefix& net, Instant until) {
    all.push_back({element_of(net, layout), until - now});
  });
  for (const auto set : interval_sets) {
    for (const auto& range : ranges_of(bans, set, now)) all.push_back(to_come(set, range, now));
  }
  return all;
}

std::vector<Range> ranges_of(const BanList& bans, Set set, Instant now) {
  std::vector<Until> nets;
  for (const auto& [net, until] : bans.nets(now, set == Set::net4)) nets.push_back({net, until});
  return disjoint(nets);
}

std::vector<Change> changes_of(Set set, const std::vector<Range>& from, const std::vector<Range>& to, Instant now) {
  std::vector<Change> changes;
  compare(from, to, [&](const Range& range, const Range* in_to) {
    if (in_to == nullptr) changes.push_back({{set, range.first, range.last}, std::nullopt});
  });
  compare(to, from, [&](const Range& range, const Range* in_from) {
    if (in_from == nullptr || in_from->until != range.until) changes.push_back(to_come(set, range, now));
  });
  return changes;
}

}  // namespace mxwarden::firewall
