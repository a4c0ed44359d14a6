#include "policy/guards.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mxwarden::policy {
namespace {

const Prefix* first_that_overlaps(const std::vector<Prefix>& nets, const Prefix& net) {
  const auto found = std::ranges::find_if(nets, [&](const Prefix& one) { return one.overlaps(net); });
  return found == nets.end() ? nullptr : &*found;
}

}  // namespace

std::optional<std::string> Guards::why_not(const Prefix& net, std::string_view client_name,
                                           const std::vector<Address>& own) const {
  const auto widest = net.address().is_ipv4() ? guard_.widest_ipv4 : guard_.widest_ipv6;
  if (net.length() < widest)
    return fmt::format("{} is wider than the /{} that [guard] allows", net.to_string(), widest);
  if (const auto* trusted = first_that_overlaps(client_.trusted, net)) {
    return fmt::format("{} is trusted", trusted->to_string());
  }
  if (const auto* never = first_that_overlaps(client_.never_ban, net)) {
    return fmt::format("{} is in never_ban", never->to_string());
  }
  const auto one = std::ranges::find_if(own, [&](const Address& address) { return net.contains(address); });
  if (one != own.end()) return fmt::format("{} is an address of this host", one->to_string());
  const auto* allowed = access_->allowed_in(net);
  if (allowed == nullptr) allowed = access_->match(&net.address(), client_name)[conf::AccessTag::connect];
  if (allowed == nullptr || !allowed->ok) return std::nullopt;
  return fmt::format("the access table has Connect:{} OK in line {}", allowed->key, allowed->line);
}

bool BanBudget::take(std::size_t most, Instant now) {
  while (!taken_.empty() && taken_.front() + std::chrono::minutes(1) <= now) taken_.pop_front();
  if (taken_.size() >= most) return false;
  taken_.push_back(now);
  return true;
}

}  // namespace mxwarden::policy
