#include "conf/net_index.hpp"

#include <algorithm>
#include <limits>

namespace mxwarden::conf {
namespace {

constexpr auto nothing = std::numeric_limits<std::uint32_t>::max();

// Of as many bytes as Number has.
template <class Number>
Number number(const Address& address) {
  Number result = 0;
  for (std::size_t at = 0; at < sizeof(Number); ++at) result = static_cast<Number>(result << 8 | address.bytes()[at]);
  return result;
}

// How many of the sorted numbers are not above `most`. No step depends on a guess of the processor's, as one of
// std::upper_bound does, and every second of those would be wrong.
template <class Number>
std::size_t count_up_to(const std::vector<Number>& sorted, const Number& most) {
  const auto* begin = sorted.data();
  for (auto left = sorted.size(); left > 0;) {
    const auto half = (left + 1) / 2;
    begin += begin[half - 1] <= most ? half : 0;
    left -= half;
  }
  return static_cast<std::size_t>(begin - sorted.data());
}

// The bits behind the first `kept`.
template <class Number>
Number host_bits(int kept) {
  constexpr auto all_ones = static_cast<Number>(~Number{0});
  return kept == static_cast<int>(8 * sizeof(Number)) ? Number{0} : static_cast<Number>(all_ones >> kept);
}

}  // namespace

template <class Number>
void NetIndex::Runs<Number>::insert(const Prefix& net, std::uint32_t entry) {
  const auto first = number<Number>(net.address());
  nets_.push_back({first, static_cast<Number>(first | host_bits<Number>(net.length())), entry});
}

template <class Number>
void NetIndex::Runs<Number>::begin_run(const Number& first, std::uint32_t entry) {
  if (!firsts_.empty() && firsts_.back() == first) {
    entries_.back() = entry;
  } else {
    firsts_.push_back(first);
    entries_.push_back(entry);
  }
}

// The innermost open net ends; the one around it is in force again.
template <class Number>
void NetIndex::Runs<Number>::leave(std::vector<Net>& open) {
  const auto next = static_cast<Number>(open.back().last + 1);
  open.pop_back();
  if (next != 0) begin_run(next, open.empty() ? nothing : open.back().entry);
}

template <class Number>
void NetIndex::Runs<Number>::finish(Repeated& repeated) {
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
    begin_run(net.first, net.entry);
    open.push_back(net);
  }
  while (!open.empty()) leave(open);
  nets_ = {};
  firsts_.shrink_to_fit();
  entries_.shrink_to_fit();
}

template <class Number>
std::optional<std::uint32_t> NetIndex::Runs<Number>::find(const Address& address) const {
  if (firsts_.empty()) return std::nullopt;
  const auto begun = count_up_to(firsts_, number<Number>(address));
  if (begun == 0) return std::nullopt;
  const auto entry = entries_[begun - 1];
  return entry == nothing ? std::nullopt : std::optional(entry);
}

void NetIndex::insert(const Prefix& net, std::uint32_t entry) {
  net.address().is_ipv4() ? ipv4_.insert(net, entry) : ipv6_.insert(net, entry);
}

NetIndex::Repeated NetIndex::finish() {
  Repeated repeated;
  ipv4_.finish(repeated);
  ipv6_.finish(repeated);
  return repeated;
}

std::optional<std::uint32_t> NetIndex::find(const Address& address) const {
  return address.is_ipv4() ? ipv4_.find(address) : ipv6_.find(address);
}

}  // namespace mxwarden::conf
