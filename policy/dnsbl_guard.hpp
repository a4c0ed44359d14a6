#pragma once
// Whether what a DNSBL rejects is to be learnt: not its errors, and nothing of one that is broken. That is a list which
// hits more than [guard] dnsbl_share of the clients that came within ten minutes, and of at least 50, or more than
// good_record_share of those with a good record. When a list begins to be taken for broken, and when it no longer is,
// the operator is told.

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "policy/client_share.hpp"
#include "policy/good_records.hpp"

namespace mxwarden::policy {

class DnsblGuard {
 public:
  using Say = std::function<void(log::Level, std::string)>;

  // `good_records` null: nobody knows who has a good record.
  DnsblGuard(Say say, GoodRecords* good_records) : say_(std::move(say)), good_records_(good_records) {}

  void configure(int share) { share_ = share; }

  // Clients as entities. This one has connected.
  void came(const std::string& client, Instant now) { share_of_clients_.came(client, now); }
  // This one was rejected as `list` has it, with this reason; whether that is to be learnt.
  bool believes(const std::string& client, std::string_view list, std::string_view reason, Instant now);
  // Each second.
  void tick(Instant now);

 private:
  static constexpr std::size_t least_clients = 50;

  void alert(std::string_view list, std::string_view text) const;

  Say say_;
  GoodRecords* good_records_;
  int share_ = 100;
  ClientShare share_of_clients_{least_clients};
  std::set<std::string, std::less<>> broken_;
};

}  // namespace mxwarden::policy
