#include "server/control_firewall.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

namespace mxwarden::server {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr std::size_t longest_trouble = 500;
// What is longer is cut to it.
constexpr std::uint64_t longest_ms = milliseconds(std::chrono::hours(24) * 3650).count();

struct Count {
  std::string_view name;
  std::uint64_t FirewallReport::*count;
};

constexpr std::array counts{Count{"waiting", &FirewallReport::waiting},
                            Count{"too_short", &FirewallReport::too_short},
                            Count{"guarded", &FirewallReport::guarded},
                            Count{"gave_way", &FirewallReport::gave_way},
                            Count{"rebuilds", &FirewallReport::rebuilds},
                            Count{"refused_batches", &FirewallReport::refused_batches},
                            Count{"refused_elements", &FirewallReport::refused_elements},
                            Count{"dropped", &FirewallReport::dropped}};

struct Time {
  std::string_view name;
  std::optional<milliseconds> FirewallReport::*time;
};

constexpr std::array times{Time{"lag_ms", &FirewallReport::lag}, Time{"checked_ms", &FirewallReport::checked}};

std::string read_mode(Members& members) {
  auto mode = members.text("mode", Need::required);
  if (mode != "enforce" && mode != "monitor") members.fail("`mode' must be enforce or monitor");
  return mode;
}

}  // namespace

void take_firewall_report(Call& call) {
  auto& members = call.members;
  FirewallReport report;
  report.mode = read_mode(members);
  report.healthy = members.flag("healthy", Need::required);
  report.trouble = members.text("trouble", Need::optional, longest_trouble);
  for (std::size_t set = 0; set < firewall_sets.size(); ++set) {
    report.elements[set] = members.count(firewall_sets[set]).value_or(0);
  }
  for (const auto& row : counts) report.*row.count = members.count(row.name).value_or(0);
  for (const auto& row : times) {
    if (const auto time = members.count(row.name)) report.*row.time = milliseconds(std::min(*time, longest_ms));
  }
  if (call.faulty()) return;
  call.daemon.firewall.put(std::move(report), call.now());
  call.reply.ok();
}

json::value firewall_status(const LastFirewallReport& last, Instant now) {
  const auto heard = last.heard(now);
  if (!heard) return nullptr;
  const auto& report = heard->report;
  json::object object{{"age_ms", std::chrono::floor<milliseconds>(heard->age).count()},
                      {"mode", report.mode},
                      {"healthy", report.healthy}};
  if (!report.trouble.empty()) object["trouble"] = report.trouble;
  for (std::size_t set = 0; set < firewall_sets.size(); ++set) object[firewall_sets[set]] = report.elements[set];
  for (const auto& row : counts) object[row.name] = report.*row.count;
  for (const auto& row : times) {
    if (const auto& time = report.*row.time) object[row.name] = time->count();
  }
  return object;
}

}  // namespace mxwarden::server
