#include "policy/good_record_guard.hpp"

namespace mxwarden::policy {

void GoodRecordGuard::see(Clients& clients, const std::string& client, Instant now) {
  const auto known = clients.find(client);
  if (known != clients.end()) {
    known->second = now;
  } else if (clients.size() < most_clients) {
    clients.emplace(client, now);
  }
}

void GoodRecordGuard::came(const std::string& client, Instant now) {
  see(came_, client, now);
}

bool GoodRecordGuard::refused(const std::string& client, std::string_view rule, Instant now) {
  if (came_.contains(client)) {
    refused_good(client, rule, now);
    return false;
  }
  if (came_.size() >= most_clients) return false;
  if (now - second_began_ >= std::chrono::seconds(1)) {
    second_began_ = now;
    looks_ = 0;
  }
  if (looks_ >= most_looks_a_second || looked_up_.contains(client)) return false;
  ++looks_;
  see(looked_up_, client, now);
  return true;
}

void GoodRecordGuard::refused_good(const std::string& client, std::string_view rule, Instant now) {
  see(came_, client, now);
  auto known = refused_.find(rule);
  if (known == refused_.end()) known = refused_.emplace(rule, Clients()).first;
  see(known->second, client, now);
}

std::vector<GoodRecordGuard::Hit> GoodRecordGuard::over(int percent) const {
  std::vector<Hit> hits;
  for (const auto& [rule, clients] : refused_) {
    const bool too_many = clients.size() * 100 > static_cast<std::size_t>(percent) * came_.size();
    if (clients.size() >= least_clients && too_many) hits.push_back({rule, clients.size(), came_.size()});
  }
  return hits;
}

void GoodRecordGuard::tick(Instant now) {
  const auto forget = [now](Clients& clients) {
    erase_if(clients, [now](const auto& client) { return now - client.second >= memory; });
  };
  forget(came_);
  forget(looked_up_);
  for (auto& [rule, clients] : refused_) forget(clients);
  std::erase_if(refused_, [](const auto& of_rule) { return of_rule.second.empty(); });
}

}  // namespace mxwarden::policy
