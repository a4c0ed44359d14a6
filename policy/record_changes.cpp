#include "policy/record_changes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mxwarden::policy {
namespace {

constexpr int widest_ipv4_ban = 8;
constexpr int widest_ipv6_ban = 16;

template <class What>
const What* of(const store::Record* before) {
  return before == nullptr ? nullptr : std::get_if<What>(&before->what);
}

void refresh(store::Grant::Login& login, WallTime at) {
  login.last = std::max(login.last, at);
  login.refreshes = store::one_more(login.refreshes);
}

}  // namespace

store::Record operators_ban(const OperatorsBan& wanted, const store::Record* before) {
  store::Ban ban;
  ban.rule = store::Ban::operators_rule;
  ban.reason = wanted.reason;
  ban.made = wanted.at;
  if (const auto* known = of<store::Ban>(before)) ban.offences = store::one_more(known->offences);
  return {.net = wanted.net, .until = wanted.until, .what = std::move(ban)};
}

store::Record granted(const Login& login, const store::Record* before) {
  store::Record record{
      .net = Prefix(login.address, login.address.bits()), .until = login.until, .what = store::Grant{}};
  auto& logins = std::get<store::Grant>(record.what).logins;
  if (const auto* known = of<store::Grant>(before)) {
    logins = known->logins;
    record.marks = before->marks;
    record.until = std::max(login.until, before->until);
  }
  const auto known = std::ranges::find(logins, login.name, &store::Grant::Login::name);
  if (known != logins.end()) {
    refresh(*known, login.at);
    return record;
  }
  if (logins.size() >= store::most_record_logins) {
    logins.erase(std::ranges::min_element(logins, {}, &store::Grant::Login::last));
  }
  logins.push_back({.name = std::string(login.name), .first = login.at, .last = login.at});
  return record;
}

store::Record operators_listing(const OperatorsListing& wanted, const store::Record* before) {
  store::Record record{.net = wanted.net, .until = wanted.until, .what = store::Listing{}};
  auto& listing = std::get<store::Listing>(record.what);
  listing.first = listing.last = listing.period_began = wanted.at;
  if (const auto* known = of<store::Listing>(before)) {
    listing = *known;
    record.until = std::max(wanted.until, before->until);
    record.marks = before->marks;
  }
  listing.list = wanted.list;
  listing.reason = wanted.reason;
  listing.lasts = wanted.lasts;
  listing.by_operator = true;
  listing.unconfirmed = false;
  return record;
}

Prefix client_net(const Prefix& net, int ipv4_prefix, int ipv6_prefix) {
  const auto length = net.address().is_ipv4() ? ipv4_prefix : ipv6_prefix;
  return {net.address(), std::min(net.length(), length)};
}

std::optional<std::string> why_no_ban(const Prefix& net, std::span<const Prefix> trusted, bool force) {
  const auto name = net.to_string();
  for (const auto& one : trusted) {
    if (one.length() > net.length() || !one.contains(net.address())) continue;
    return fmt::format("{} is trusted ([client] trusted names {}); a ban would not concern it", name, one.to_string());
  }
  if (force) return std::nullopt;
  const auto inside = std::ranges::find_if(trusted, [&](const Prefix& one) { return net.contains(one.address()); });
  if (inside != trusted.end()) {
    return fmt::format(
        "{} is in {}, and [client] trusted names it, so that it stays served; force the ban if that is meant",
        inside->to_string(), name);
  }
  const auto widest = net.address().is_ipv4() ? widest_ipv4_ban : widest_ipv6_ban;
  if (net.length() >= widest) return std::nullopt;
  return fmt::format(
      "a ban of {}/{} would hit 1 of {} addresses of all {}; force it if that is meant, or take a /{} at most",
      net.address().to_string(), net.length(), std::uint64_t{1} << net.length(),
      net.address().is_ipv4() ? "IPv4" : "IPv6", widest);
}

std::optional<std::string> why_no_grant(const Address& address, std::span<const Prefix> trusted) {
  if (is_private(address)) {
    return fmt::format("{} is a private, loopback, link-local or multicast address; such a one never has a grant",
                       address.to_string());
  }
  const auto hit = std::ranges::find_if(trusted, [&](const Prefix& one) { return one.contains(address); });
  if (hit == trusted.end()) return std::nullopt;
  return fmt::format("{} is trusted already ([client] trusted names {}); it needs no grant", address.to_string(),
                     hit->to_string());
}

}  // namespace mxwarden::policy
