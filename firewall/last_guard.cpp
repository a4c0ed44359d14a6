#include "firewall/last_guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "firewall/layout.hpp"

namespace mxwarden::firewall {

LastGuard::LastGuard(const conf::Settings& settings, const std::vector<Address>& own)
    : widest_ipv4_(settings.guard.widest_ipv4), widest_ipv6_(settings.guard.widest_ipv6) {
  const auto guard = [&](const Prefix& net, std::string_view why) {
    guarded_[index(net.address())].push_back({net, why});
  };
  for (const auto& net : settings.client.trusted) guard(net, "is trusted");
  for (const auto& net : settings.client.never_ban) guard(net, "is in never_ban");
  for (const auto& address : own) guard(Prefix(address, address.bits()), "is an address of this host");
  for (const auto set : all_sets) guard(Prefix(canary(set).first, canary(set).first.bits()), "marks the kernel's sets");
  for (auto& nets : guarded_) {
    std::ranges::stable_sort(nets, {}, &Guarded::net);
    const auto within = [](const Guarded& one, const Guarded& next) { return one.net.contains(next.net.address()); };
    nets.erase(std::unique(nets.begin(), nets.end(), within), nets.end());
  }
}

std::optional<std::string> LastGuard::why_not(const Prefix& net) const {
  const auto widest = net.address().is_ipv4() ? widest_ipv4_ : widest_ipv6_;
  if (net.length() < widest) {
    return fmt::format("{} is wider than the /{} that [guard] allows", net.to_string(), widest);
  }
  const auto* guarded = overlapping(net);
  if (guarded == nullptr) return std::nullopt;
  return fmt::format("{} {}", guarded->net.to_string(), guarded->why);
}

const LastGuard::Guarded* LastGuard::overlapping(const Prefix& net) const {
  const auto& nets = guarded_[index(net.address())];
  const auto behind = std::ranges::upper_bound(nets, net.address(), {},
                                               [](const Guarded& one) -> const Address& { return one.net.address(); });
  if (behind != nets.begin() && std::prev(behind)->net.overlaps(net)) return &*std::prev(behind);
  if (behind != nets.end() && behind->net.overlaps(net)) return &*behind;
  return nullptr;
}

}  // namespace mxwarden::firewall
