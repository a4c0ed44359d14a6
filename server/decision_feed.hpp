#pragma once
// Who follows the decisions, and what waits for each of them.
//
// While nobody follows it costs nothing; else a decision is formatted once, if anybody wants it. A follower that does
// not read holds nobody up: 1,000 lines or half a MiB wait for it, as much again may be on its way, and what does not
// fit is counted. It is told so, {"lost":N}, where it is missing.
//
// Threads: one. Must outlive its followers.

#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "policy/decision.hpp"
#include "policy/decision_filter.hpp"
#include "policy/request.hpp"
#include "server/control_stream.hpp"

namespace mxwarden::server {

class DecisionFeed {
 public:
  static constexpr std::size_t most_lines = 1000;
  static constexpr std::size_t most_bytes = 524288;

  explicit DecisionFeed(const Clock& clock) : clock_(clock) {}
  DecisionFeed(const DecisionFeed&) = delete;
  DecisionFeed& operator=(const DecisionFeed&) = delete;

  bool followed() const { return !followers_.empty(); }
  void decided(const policy::Request& request, const policy::Decision& decision, Duration took);

  // Those from now on, until it is gone.
  std::unique_ptr<ControlStream> follow(policy::DecisionFilter filter);

 private:
  class Follower;

  void tell(const policy::Request& request, const policy::Verdict* verdict, std::string_view store, Duration took);

  const Clock& clock_;
  std::vector<Follower*> followers_;
};

}  // namespace mxwarden::server
