#include "server/recorder.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/escape.hpp"
#include "policy/decision_log.hpp"

namespace mxwarden::server {
namespace {

constexpr std::string_view no_opinion = "DUNNO";

}  // namespace

void Recorder::decided(const policy::Request& request, const policy::Decision& decision, Duration took) {
  ++this_second_;
  ++totals_.decisions;
  metrics_.decided(request, decision, took);
  if (decision.socket == policy::ClientSocket::gone && log::enabled(log::Level::debug)) {
    log::write(log::Level::debug, fmt::format("greet_pause: {} has hung up while it was to wait for the banner",
                                              quoted(request[Attribute::client_address])));
  }
  if (feed_ != nullptr && feed_->followed()) feed_->decided(request, decision, took);
  if (!decision.verdict && decision.remarks.empty() && !log::enabled(log::Level::debug)) return;
  if (decision.verdict && decision.verdict->refuses) {
    count_refusal(period_.refusals, decision.verdict->rule);
    count_refusal(totals_.refusals, decision.verdict->rule);
  }
  log(request, decision, took);
}

void Recorder::log(const policy::Request& request, const policy::Decision& decision, Duration took) const {
  for (const auto& remark : decision.remarks) log::info(policy::decision_line(request, &remark, decision.store, took));
  const auto* verdict = decision.verdict ? &*decision.verdict : nullptr;
  const auto level = decision.action == no_opinion ? log::Level::debug : log::Level::info;
  if (log::enabled(level)) log::write(level, policy::decision_line(request, verdict, decision.store, took));
}

void Recorder::malformed(std::string_view peer, std::string_view reason, Instant now) {
  metrics_.malformed();
  malformed_.warn(fmt::format("policy client {}: malformed request: {}; disconnected without an answer", peer, reason),
                  now);
}

void Recorder::failed(std::string_view what, Instant now) {
  metrics_.failed();
  failed_.warn(fmt::format("a request could not be decided and was let pass: {}", quoted(what)), now);
}

void Recorder::opened(std::size_t connections) {
  period_.most_connections = std::max(period_.most_connections, connections);
}

void Recorder::tick() {
  totals_.last_second = this_second_;
  end_second();
}

void Recorder::end_second() {
  period_.requests += this_second_;
  period_.busiest_second = std::max(period_.busiest_second, this_second_);
  this_second_ = 0;
}

void Recorder::count_refusal(Refusals& refusals, std::string_view rule) {
  const auto known = std::ranges::find(refusals, rule, &std::pair<std::string, std::uint64_t>::first);
  if (known != refusals.end()) {
    ++known->second;
  } else {
    refusals.emplace_back(rule, 1);
  }
}

std::string Recorder::summary() {
  end_second();
  auto line = fmt::format("summary requests={} busiest_second={} most_connections={}", period_.requests,
                          period_.busiest_second, period_.most_connections);
  for (const auto& [rule, count] : period_.refusals) {
    append_logfmt(line, "refused." + rule, std::to_string(count));
  }
  period_ = {};
  return line;
}

}  // namespace mxwarden::server
