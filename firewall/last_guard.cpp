#include "firewall/last_guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "firewall/layout.hpp"
#include "firewall/neighbours.hpp"

namespace mxwarden::firewall {
namespace {

constexpr std::string_view is_canary = "marks the kernel's sets";

}  // namespace

LastGuard::LastGuard(const conf::Settings& settings, const std::vector<Address>& own)
    : widest_ipv4_(settings.guard.widest_ipv4), widest_ipv6_(settings.guard.widest_ipv6) {
  const auto guard = [&](const Prefix& net, std::string_view why) {
    guarded_[index(net.address())].push_back({net, why});
  };
  for (const auto& net : settings.client.trusted) guard(net, "is trusted");
  for (const auto& net : settings.client.never_ban) guard(net, "is in never_ban");
  for (const auto& address : own) guard(Prefix(address, address.bits()), "is an address of this host");
  for (const auto set : all_sets) guard(Prefix(canary(set).first, canary(set).first.bits()), is_canary);
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

std::vector<Prefix> LastGuard::clients(int ipv4_prefix, int ipv6_prefix) const {
  std::vector<Prefix> clients;
  const auto add = [&](const Prefix& net, int length, int count) {
    std::optional<Address> address = net.address();
    for (; count > 0 && address; --count) {
      const Prefix client(*address, length);
      clients.push_back(client);
      address = behind(last_of(client));
    }
  };
  for (const auto& nets : guarded_) {
    for (const auto& [net, why] : nets) {
      const auto length = net.address().is_ipv4() ? ipv4_prefix : ipv6_prefix;
      const auto bits = std::max(length - net.length(), 0);
      if (bits <= most_bits && why != is_canary) add(net, length, 1 << bits);
    }
  }
  return clients;
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
