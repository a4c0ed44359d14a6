#include "firewall/waiting.hpp"

#include <algorithm>

namespace mxwarden::firewall {

void Waiting::put(const Prefix& net, Way way, std::optional<Instant> made) {
  const bool ipv4 = net.address().is_ipv4();
  nets(way == Way::goes ? Way::comes : Way::goes, ipv4).erase(net);
  auto& since = nets(way, ipv4).try_emplace(net, made).first->second;
  if (made && (!since || *made < *since)) since = made;
}

void Waiting::erase(const Prefix& net) {
  const bool ipv4 = net.address().is_ipv4();
  nets(Way::goes, ipv4).erase(net);
  nets(Way::comes, ipv4).erase(net);
}

void Waiting::clear() {
  nets_ = {};
}

std::size_t Waiting::size() const {
  std::size_t all = 0;
  for (const auto& nets : nets_) all += nets.size();
  return all;
}

std::vector<Prefix> Waiting::some(Way way, bool ipv4, std::size_t most) const {
  std::vector<Prefix> some;
  some.reserve(std::min(most, size(way, ipv4)));
  for (const auto& [net, made] : nets(way, ipv4)) {
    if (some.size() == most) break;
    some.push_back(net);
  }
  return some;
}

std::optional<Instant> Waiting::made(const Prefix& net) const {
  const auto& coming = nets(Way::comes, net.address().is_ipv4());
  const auto found = coming.find(net);
  return found == coming.end() ? std::nullopt : found->second;
}

std::optional<Instant> Waiting::first_made() const {
  std::optional<Instant> first;
  for (const bool ipv4 : {true, false}) {
    for (const auto& [net, made] : nets(Way::comes, ipv4)) {
      if (made && (!first || *made < *first)) first = made;
    }
  }
  return first;
}

}  // namespace mxwarden::firewall
