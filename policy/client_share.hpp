#pragma once
// How many of the clients that came within the last ten minutes something has hit: a rule, a blocklist. What suddenly
// hits more of them than it should is taken for broken.
//
// Pure: a machine of (what happened, now). Bounded: 10,000 clients are remembered, and of each thing that hits them as
// many; more are passed over until there is room, what hits them as well, so that a share stays one.

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace mxwarden::policy {

class ClientShare {
 public:
  static constexpr Duration memory = std::chrono::minutes(10);
  static constexpr std::size_t most_clients = 10'000;

  // Fewer clients than `least` prove nothing.
  explicit ClientShare(std::size_t least) : least_(least) {}

  void came(const std::string& client, Instant now) { see(came_, client, now); }
  // It came, and was hit.
  void hit(const std::string& client, std::string_view by, Instant now);

  bool knows(const std::string& client) const { return came_.contains(client); }
  bool full() const { return came_.size() >= most_clients; }

  struct Hit {
    std::string by;
    std::size_t hit = 0;
    std::size_t came = 0;
  };
  // Of one of them.
  bool is_over(std::string_view by, int percent) const;
  // What has hit more than `percent` of them, and as many as prove something.
  std::vector<Hit> over(int percent) const;

  void forget_hits() { hit_.clear(); }
  // Forgets what is ten minutes old, or ten seconds more.
  void tick(Instant now);

 private:
  using Clients = boost::unordered_flat_map<std::string, Instant>;  // when they were last here

  bool are_too_many(const Clients& hit, int percent) const {
    return hit.size() >= least_ && hit.size() * 100 > static_cast<std::size_t>(percent) * came_.size();
  }
  static bool see(Clients& clients, const std::string& client, Instant now);

  std::size_t least_;
  Instant next_sweep_{};
  Clients came_;
  std::map<std::string, Clients, std::less<>> hit_;
};

}  // namespace mxwarden::policy
