#pragma once
// The figures of /metrics. prometheus-cpp stays in metrics.cpp, where it writes the text; what is counted for each
// request are plain integers, as one thread counts and the same one reads.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/attribute.hpp"
#include "base/clock.hpp"
#include "policy/decision.hpp"
#include "policy/mail_event.hpp"
#include "policy/request.hpp"
#include "server/firewall_report.hpp"

namespace mxwarden::server {

// Why a policy connection ended.
enum class CloseReason : std::uint8_t { peer, idle, connection_cap, malformed, error, drain };
inline constexpr std::array<std::string_view, 6> close_reason_names{"peer",      "idle",  "connection_cap",
                                                                    "malformed", "error", "drain"};

// Clients that were to wait for the banner, as policy::ClientSocket has it.
inline constexpr std::array<std::string_view, 5> greeted_names{"", "silent", "talked", "gone", "not_here"};

// Where the store is Redis.
struct RedisGauges {
  bool up = false;
  std::uint64_t questions = 0;
  std::uint64_t calls = 0;
  std::uint64_t connections = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t fallbacks = 0;
  std::uint64_t refused_from_memory = 0;
};

// What is known of open SMTP connections, for client_conn.
struct ConnectionGauges {
  std::size_t connections = 0;
  std::size_t clients = 0;
  std::uint64_t looks = 0;
  std::uint64_t failed_looks = 0;
};

// What is read when the metrics are asked for, not counted along the way.
struct Gauges {
  std::size_t policy_connections = 0;
  std::size_t sessions = 0;  // SMTP sessions the tracker knows
  std::size_t store_entries = 0;
  std::uint64_t store_evicted = 0;
  std::uint64_t store_turned_away = 0;
  ConnectionGauges connections;
  std::optional<RedisGauges> redis;
  std::optional<LastFirewallReport::Heard> firewall;
  double started = 0;  // seconds since 1970
};

class Metrics {
 public:
  void decided(const policy::Request& request, const policy::Decision& decision, Duration took);
  // Of a mail log: lines that were read, those of them that no recogniser knew, and what they told.
  void read_log(std::uint64_t lines, std::uint64_t unknown) {
    log_lines_ += lines;
    unknown_log_lines_ += unknown;
  }
  void happened(policy::EventKind kind) { ++events_[static_cast<std::size_t>(kind)]; }
  void malformed() { ++malformed_; }
  void failed() { ++failed_; }
  void closed(CloseReason reason) { ++closed_[static_cast<std::size_t>(reason)]; }

  // Prometheus' text format, version 0.0.4.
  std::string to_text(const Gauges& gauges) const;

  // Upper bounds of the histogram of times to decide, without the last one, which has none.
  static constexpr std::array<Duration, 7> bounds{std::chrono::microseconds(10),  std::chrono::microseconds(30),
                                                  std::chrono::microseconds(100), std::chrono::milliseconds(1),
                                                  std::chrono::milliseconds(10),  std::chrono::milliseconds(100),
                                                  std::chrono::seconds(1)};

 private:
  struct Decided {
    std::string rule;
    std::string action;  // its first word
    conf::Mode mode;
    std::uint64_t count;
  };
  void count(const policy::Verdict& verdict);

  std::uint64_t passed_ = 0;  // no rule had anything to say
  std::vector<Decided> decided_;
  std::array<std::uint64_t, protocol_state_names.size() + 1> requests_{};
  std::array<std::uint64_t, bounds.size() + 1> took_{};
  Duration took_sum_{};
  std::array<std::uint64_t, policy::event_names.size()> events_{};
  std::uint64_t log_lines_ = 0;
  std::uint64_t unknown_log_lines_ = 0;
  std::array<std::uint64_t, greeted_names.size()> greeted_{};
  std::uint64_t malformed_ = 0;
  std::uint64_t failed_ = 0;
  std::array<std::uint64_t, close_reason_names.size()> closed_{};
};

}  // namespace mxwarden::server
