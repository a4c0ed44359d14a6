#include "policy/good_record_guard.hpp"

namespace mxwarden::policy {

bool GoodRecordGuard::refused(const std::string& client, std::string_view rule, Instant now) {
  if (good_.knows(client)) {
    refused_good(client, rule, now);
    return false;
  }
  if (good_.full()) return false;
  if (now - second_began_ >= std::chrono::seconds(1)) {
    second_began_ = now;
    looks_ = 0;
  }
  if (looks_ >= most_looks_a_second || looked_up_.contains(client)) return false;
  ++looks_;
  if (looked_up_.size() < most_clients) looked_up_.emplace(client, now);
  return true;
}

void GoodRecordGuard::tick(Instant now) {
  good_.tick(now);
  erase_if(looked_up_, [now](const auto& client) { return now - client.second >= memory; });
}

}  // namespace mxwarden::policy
