#include "server/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>

namespace mxwarden::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

std::string_view first_word(std::string_view action) {
  return action.substr(0, action.find(' '));
}

std::string_view to_string(conf::Mode mode) {
  return mode == conf::Mode::monitor ? "monitor" : "enforce";
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

class Text {
 public:
  void family(std::string name, std::string help, MetricType type) {
    families_.push_back({std::move(name), std::move(help), type, {}});
  }
  ClientMetric& add(Labels labels) {
    auto& metric = families_.back().metric.emplace_back();
    metric.label = std::move(labels);
    return metric;
  }
  void counter(Labels labels, std::uint64_t value) {
    add(std::move(labels)).counter.value = static_cast<double>(value);
  }
  void counter(std::string name, std::string help, std::uint64_t value) {
    family(std::move(name), std::move(help), MetricType::Counter);
    counter({}, value);
  }
  void gauge(std::string name, std::string help, double value, Labels labels = {}) {
    family(std::move(name), std::move(help), MetricType::Gauge);
    add(std::move(labels)).gauge.value = value;
  }
  std::string serialize() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<MetricFamily> families_;
};

void add_redis(Text& text, const RedisGauges& redis) {
  text.gauge("mxwarden_redis_up", "1: Redis is connected and counts; 0: it does not.", redis.up ? 1 : 0);
  text.counter("mxwarden_redis_questions_total", "Questions to the counting script, one for each entity of a request.",
               redis.questions);
  text.counter("mxwarden_redis_calls_total", "Calls of the counting script, of one question or several.", redis.calls);
  text.counter("mxwarden_redis_connections_total", "Connections to Redis that were tried.", redis.connections);
  text.counter("mxwarden_redis_unanswered_total", "Requests that Redis could not answer, or not in time.",
               redis.unanswered);
  text.counter("mxwarden_store_fallback_total", "Those of them that this node's own counts have answered.",
               redis.fallbacks);
  text.counter("mxwarden_store_refused_from_memory_total",
               "Requests refused without asking Redis, as their client was known to be over its limit.",
               redis.refused_from_memory);
}

void add_connections(Text& text, const ConnectionGauges& gauges) {
  text.gauge("mxwarden_smtp_connections", "Open SMTP connections of clients at this node, as client_conn counts them.",
             static_cast<double>(gauges.connections));
  text.gauge("mxwarden_smtp_clients", "Clients with such connections.", static_cast<double>(gauges.clients));
  text.counter("mxwarden_connection_looks_total", "Looks at the kernel's table of connections.", gauges.looks);
  text.counter("mxwarden_connection_looks_failed_total", "Those of them that failed.", gauges.failed_looks);
}

void add_firewall_counters(Text& text, const FirewallReport& report) {
  text.counter("mxwarden_firewall_rebuilds_total", "Times that the kernel's table was built anew, after the first.",
               report.rebuilds);
  text.counter("mxwarden_firewall_refused_batches_total", "Transactions that the kernel has refused.",
               report.refused_batches);
  text.counter("mxwarden_firewall_refused_elements_total", "Bans that the kernel has refused.",
               report.refused_elements);
  text.counter("mxwarden_firewall_dropped_packets_total", "Packets of banned clients that were dropped.",
               report.dropped);
}

// What was reported, as it is now.
void add_firewall(Text& text, const std::optional<LastFirewallReport::Heard>& heard) {
  text.gauge("mxwarden_firewall_up", "1: mxwarden-firewall has reported within the last minute; 0: it has not.",
             heard ? 1 : 0);
  if (!heard) return;
  const auto& report = heard->report;
  text.gauge("mxwarden_firewall_healthy", "1: the kernel's sets are as they should be; 0: they are not.",
             report.healthy ? 1 : 0);
  text.family("mxwarden_firewall_elements", "Bans in the kernel, by set.", MetricType::Gauge);
  for (std::size_t set = 0; set < firewall_sets.size(); ++set) {
    text.add({{"set", std::string(firewall_sets[set])}}).gauge.value = static_cast<double>(report.elements[set]);
  }
  text.gauge("mxwarden_firewall_waiting", "Changes on their way to the kernel.", static_cast<double>(report.waiting));
  text.gauge("mxwarden_firewall_guarded", "Bans that a guard keeps out of the kernel.",
             static_cast<double>(report.guarded));
  add_firewall_counters(text, report);
  if (report.lag) {
    text.gauge("mxwarden_firewall_lag_seconds", "From a ban to the kernel: the longest of the last few seconds.",
               seconds(*report.lag));
  }
  if (report.checked) {
    text.gauge("mxwarden_firewall_last_good_check_seconds",
               "How long ago the kernel's sets were found as they should be.", seconds(*report.checked + heard->age));
  }
}

void add_gauges(Text& text, const Gauges& gauges) {
  text.gauge("mxwarden_policy_connections", "Open policy connections.", static_cast<double>(gauges.policy_connections));
  text.gauge("mxwarden_sessions", "SMTP sessions that are tracked.", static_cast<double>(gauges.sessions));
  add_connections(text, gauges.connections);
  text.gauge("mxwarden_store_entries", "Counters the store holds.", static_cast<double>(gauges.store_entries));
  text.counter("mxwarden_store_evicted_total", "Live counters that gave way to others.", gauges.store_evicted);
  text.counter("mxwarden_store_turned_away_total", "First hits that got no counter, as the store was full.",
               gauges.store_turned_away);
  if (gauges.redis) add_redis(text, *gauges.redis);
  add_firewall(text, gauges.firewall);
  text.gauge("mxwarden_build_info", "Always 1; the version is a label.", 1, {{"version", MXWARDEN_VERSION}});
  text.gauge("mxwarden_start_time_seconds", "When the daemon started, in seconds since 1970.", gauges.started);
}

}  // namespace

void Metrics::decided(const policy::Request& request, const policy::Decision& decision, Duration took) {
  ++requests_[static_cast<std::size_t>(request.state)];
  const auto bound = std::ranges::find_if(bounds, [&](Duration upper) { return took <= upper; });
  ++took_[static_cast<std::size_t>(bound - bounds.begin())];
  took_sum_ += took;
  ++greeted_[static_cast<std::size_t>(decision.socket)];
  for (const auto& remark : decision.remarks) count(remark);
  if (decision.verdict) {
    count(*decision.verdict);
  } else {
    ++passed_;
  }
}

// A dozen rows at most: rules with their few actions.
void Metrics::count(const policy::Verdict& verdict) {
  const auto action = first_word(verdict.action);
  for (auto& row : decided_) {
    if (row.mode == verdict.mode && row.rule == verdict.rule && row.action == action) {
      ++row.count;
      return;
    }
  }
  decided_.push_back({std::string(verdict.rule), std::string(action), verdict.mode, 1});
}

std::string Metrics::to_text(const Gauges& gauges) const {
  Text text;
  text.family("mxwarden_decisions_total", "Decisions; mode monitor: what would have been answered.",
              MetricType::Counter);
  text.counter({{"rule", "none"}, {"action", "DUNNO"}, {"mode", "enforce"}}, passed_);
  for (const auto& row : decided_) {
    text.counter({{"rule", row.rule}, {"action", row.action}, {"mode", std::string(to_string(row.mode))}}, row.count);
  }

  text.family("mxwarden_requests_total", "Requests answered, by protocol_state.", MetricType::Counter);
  for (std::size_t state = 0; state < requests_.size(); ++state) {
    const auto name = state < protocol_state_names.size() ? protocol_state_names[state] : "other";
    text.counter(Labels{{"state", std::string(name)}}, requests_[state]);
  }
  text.counter("mxwarden_malformed_requests_total", "Malformed requests, each the end of its connection.", malformed_);
  text.counter("mxwarden_failed_requests_total", "Requests let pass as deciding them failed.", failed_);

  text.family("mxwarden_policy_connections_closed_total", "Policy connections that ended, and why.",
              MetricType::Counter);
  for (std::size_t reason = 0; reason < closed_.size(); ++reason) {
    text.counter(Labels{{"reason", std::string(close_reason_names[reason])}}, closed_[reason]);
  }

  text.family(
      "mxwarden_greet_pauses_total",
      "Clients that were to wait for the banner, by what their socket showed; not_here: it is not at this host, "
      "and they were let pass.",
      MetricType::Counter);
  // The first are those that nobody had to look at.
  for (std::size_t shown = 1; shown < greeted_.size(); ++shown) {
    text.counter(Labels{{"client", std::string(greeted_names[shown])}}, greeted_[shown]);
  }

  text.counter("mxwarden_maillog_lines_total", "Lines of the mail log that mxwarden-maillog has read.", log_lines_);
  text.counter("mxwarden_maillog_unknown_lines_total",
               "Those of them, of programs that it looks at, that it did not know.", unknown_log_lines_);
  text.family("mxwarden_events_total",
              "What the mail log told, by event; after a restart once more, where it was handed over again.",
              MetricType::Counter);
  for (std::size_t event = 0; event < events_.size(); ++event) {
    text.counter(Labels{{"event", std::string(policy::event_names[event])}}, events_[event]);
  }

  text.family("mxwarden_decision_seconds", "From a request's last byte to its answer, with deliberate holds.",
              MetricType::Histogram);
  auto& histogram = text.add({}).histogram;
  for (std::size_t at = 0; at < took_.size(); ++at) {
    histogram.sample_count += took_[at];
    if (at < bounds.size()) histogram.bucket.push_back({histogram.sample_count, seconds(bounds[at])});
  }
  histogram.sample_sum = seconds(took_sum_);

  add_gauges(text, gauges);
  return text.serialize();
}

}  // namespace mxwarden::server
