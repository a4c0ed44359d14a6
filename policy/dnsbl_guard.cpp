#include "policy/dnsbl_guard.hpp"

#include <fmt/format.h>

#include "base/escape.hpp"
#include "policy/finding.hpp"

namespace mxwarden::policy {

bool DnsblGuard::believes(const std::string& client, std::string_view list, std::string_view reason, Instant now) {
  if (is_dnsbl_error(reason)) {
    say_(log::Level::debug, fmt::format("nothing is learnt from {}: it answers with an error", quoted(list)));
    return false;
  }
  share_of_clients_.hit(client, list, now);
  // Now, not at the next tick: a log that is read late may bring thousands within a second.
  if (share_of_clients_.is_over(list, share_) || broken_.contains(list)) return false;
  if (good_records_ == nullptr) return true;
  const auto rule = fmt::format("dnsbl:{}", list);
  good_records_->met({.client = client, .refused_by = {rule}, .messages = 0}, now);
  return !good_records_->spared().contains(rule);
}

void DnsblGuard::tick(Instant now) {
  share_of_clients_.tick(now);
  std::set<std::string, std::less<>> broken;
  for (const auto& hit : share_of_clients_.over(share_)) {
    broken.insert(hit.by);
    if (broken_.contains(hit.by)) continue;
    alert(hit.by,
          fmt::format("it lists {} of {} clients that came within ten minutes, more than [guard] dnsbl_share: "
                      "nothing is learnt from it until it no longer does; look whether it still answers rightly",
                      hit.hit, hit.came));
  }
  for (const auto& list : broken_) {
    if (!broken.contains(list)) alert(list, "it is learnt from again");
  }
  broken_ = std::move(broken);
}

void DnsblGuard::alert(std::string_view list, std::string_view text) const {
  std::string line = "alert rule=listing";
  append_logfmt(line, "list", list);
  say_(log::Level::warn, fmt::format("{} {}", line, text));
}

}  // namespace mxwarden::policy
