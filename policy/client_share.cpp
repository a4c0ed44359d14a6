#include "policy/client_share.hpp"

namespace mxwarden::policy {

// False: there is no room for it.
bool ClientShare::see(Clients& clients, const std::string& client, Instant now) {
  const auto known = clients.find(client);
  if (known != clients.end()) {
    known->second = now;
  } else if (clients.size() < most_clients) {
    clients.emplace(client, now);
  } else {
    return false;
  }
  return true;
}

void ClientShare::hit(const std::string& client, std::string_view by, Instant now) {
  if (!see(came_, client, now)) return;
  auto known = hit_.find(by);
  if (known == hit_.end()) known = hit_.emplace(by, Clients()).first;
  see(known->second, client, now);
}

bool ClientShare::is_over(std::string_view by, int percent) const {
  const auto known = hit_.find(by);
  return known != hit_.end() && are_too_many(known->second, percent);
}

std::vector<ClientShare::Hit> ClientShare::over(int percent) const {
  std::vector<Hit> hits;
  for (const auto& [by, clients] : hit_) {
    if (are_too_many(clients, percent)) hits.push_back({by, clients.size(), came_.size()});
  }
  return hits;
}

void ClientShare::tick(Instant now) {
  if (now < next_sweep_) return;
  next_sweep_ = now + std::chrono::seconds(10);
  const auto forget = [now](Clients& clients) {
    erase_if(clients, [now](const auto& client) { return now - client.second >= memory; });
  };
  forget(came_);
  for (auto& [by, clients] : hit_) forget(clients);
  std::erase_if(hit_, [](const auto& of_one) { return of_one.second.empty(); });
}

}  // namespace mxwarden::policy
