#pragma once
// Where what the policy sessions do becomes figures and log lines: the counters of /metrics, the decision log, the
// summary of every ten minutes, the totals an operator asks for, and who is the worst. Called when an answer is decided
// or on its way, never before.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "policy/decision.hpp"
#include "policy/request.hpp"
#include "policy/top_counts.hpp"
#include "server/decision_feed.hpp"
#include "server/metrics.hpp"

namespace mxwarden::server {

class Recorder {
 public:
  // By rule, in the order of their first.
  using Refusals = std::vector<std::pair<std::string, std::uint64_t>>;

  // Since the start.
  struct Totals {
    std::uint64_t decisions = 0;
    std::uint64_t last_second = 0;  // of them, between the last two ticks
    Refusals refusals;
  };

  // `feed`: of those who follow the decisions; `top`: who is the worst. Null: there is none. They must outlive this.
  explicit Recorder(DecisionFeed* feed = nullptr, policy::TopCounts* top = nullptr) : feed_(feed), top_(top) {}

  void decided(const policy::Request& request, const policy::Decision& decision, Duration took);
  // The same decision, for the list of the worst; `now` is when it was asked for.
  void rank(const policy::Request& request, const policy::View& view, const policy::Decision& decision, Instant now) {
    if (top_ != nullptr) top_->decided(request, view, decision, now);
  }
  // Of the mail log.
  void read_log(std::uint64_t lines, std::uint64_t unknown) { metrics_.read_log(lines, unknown); }
  void happened(policy::EventKind kind) { metrics_.happened(kind); }
  void malformed(std::string_view peer, std::string_view reason, Instant now);
  // Something that must not happen did, and was answered or ended for this one connection.
  void failed(std::string_view what, Instant now);
  // A policy connection came, or ended; `connections` are open with it.
  void opened(std::size_t connections);
  void closed(CloseReason reason) { metrics_.closed(reason); }

  // Each second.
  void tick();
  // What happened since the last one, for the log. Begins anew.
  std::string summary();

  const Metrics& metrics() const { return metrics_; }
  const Totals& totals() const { return totals_; }

 private:
  void end_second();
  static void count_refusal(Refusals& refusals, std::string_view rule);
  void log(const policy::Request& request, const policy::Decision& decision, Duration took) const;

  DecisionFeed* feed_;
  policy::TopCounts* top_;
  Metrics metrics_;
  log::RepeatedWarning malformed_;
  log::RepeatedWarning failed_;

  struct Period {
    std::uint64_t requests = 0;
    std::uint64_t busiest_second = 0;
    std::size_t most_connections = 0;
    Refusals refusals;
  };
  Period period_;
  Totals totals_;
  std::uint64_t this_second_ = 0;
};

}  // namespace mxwarden::server
