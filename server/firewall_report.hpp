#pragma once
// What mxwarden-firewall says of the kernel's sets: the last of its reports, for `status` and /metrics. They come every
// few seconds; one that is a minute old says nothing of now.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"

namespace mxwarden::server {

inline constexpr std::array<std::string_view, 4> firewall_sets{"ban4", "ban6", "net4", "net6"};

struct FirewallReport {
  std::string mode;  // enforce, monitor
  bool healthy = false;
  std::string trouble;                                         // why it is not; up to it whether it says
  std::array<std::uint64_t, firewall_sets.size()> elements{};  // in the kernel
  std::uint64_t waiting = 0;                                   // changes on their way there
  std::uint64_t guarded = 0;                                   // bans that may not go there
  // Since it was started.
  std::uint64_t too_short = 0;  // bans that are over too soon to go there
  std::uint64_t gave_way = 0;   // bans that had no room
  std::uint64_t rebuilds = 0;
  std::uint64_t refused_batches = 0;
  std::uint64_t refused_elements = 0;
  std::uint64_t dropped = 0;  // packets
  // From a ban to the kernel: the longest of those since the report before; nothing: there were none.
  std::optional<std::chrono::milliseconds> lag;
  // Since the kernel was last found as it should be; nothing: never.
  std::optional<std::chrono::milliseconds> checked;
};

class LastFirewallReport {
 public:
  static constexpr Duration lasts = std::chrono::minutes(1);

  struct Heard {
    FirewallReport report;
    Duration age{};
  };

  void put(FirewallReport report, Instant now) { last_.emplace(std::move(report), now); }

  std::optional<Heard> heard(Instant now) const {
    if (!last_ || now - last_->second >= lasts) return std::nullopt;
    return Heard{last_->first, now - last_->second};
  }

 private:
  std::optional<std::pair<FirewallReport, Instant>> last_;
};

}  // namespace mxwarden::server
