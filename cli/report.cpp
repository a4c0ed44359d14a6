#include "cli/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <functional>
#include <span>
#include <utility>

#include "base/escape.hpp"
#include "cli/members.hpp"

namespace mxwarden::cli {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

const json::object& object_of(const json::object& object, std::string_view name) {
  static const json::object none;
  const auto* value = object.if_contains(name);
  const auto* found = value == nullptr ? nullptr : value->if_object();
  return found == nullptr ? none : *found;
}

constexpr std::int64_t longest_ms = std::chrono::milliseconds(std::chrono::hours(24) * 36500).count();

std::string left_until(std::int64_t milliseconds, WallTime now) {
  return time_left(time_until(milliseconds, now));
}

constexpr std::array ban_columns{Column{"NET"},  Column{"UNTIL"},          Column{"LEFT"},
                                 Column{"RULE"}, Column{"OFFENCES", true}, Column{"REASON"}};
constexpr std::array grant_columns{Column{"ADDRESS"}, Column{"UNTIL"}, Column{"LEFT"}, Column{"LAST LOGIN"},
                                   Column{"LOGINS"}};
constexpr std::array listing_columns{Column{"NET"},      Column{"UNTIL"},      Column{"LEFT"}, Column{"HITS", true},
                                     Column{"LAST HIT"}, Column{"BANS", true}, Column{"LIST"}, Column{"REASON"}};

std::span<const Column> columns_of(store::RecordKind kind) {
  if (kind == store::RecordKind::ban) return ban_columns;
  if (kind == store::RecordKind::grant) return grant_columns;
  return listing_columns;
}

void append_ban(Cells& cells, const json::object& record) {
  cells.push_back(text_of(record, "rule"));
  cells.push_back(std::to_string(number_of(record, "offences")));
  cells.push_back(text_of(record, "reason"));
}

// The last login and all names, with how often each came again.
void append_grant(Cells& cells, const json::object& record) {
  std::int64_t last = 0;
  std::string names;
  const auto* logins = record.if_contains("logins");
  if (logins != nullptr && logins->is_array()) {
    for (const auto& value : logins->get_array()) {
      const auto* login = value.if_object();
      if (login == nullptr) continue;
      last = std::max(last, number_of(*login, "last"));
      if (!names.empty()) names += ", ";
      names += text_of(*login, "name");
      if (const auto refreshes = number_of(*login, "refreshes"); refreshes > 0)
        names += fmt::format(" (+{})", refreshes);
    }
  }
  cells.push_back(local_time(last));
  cells.push_back(std::move(names));
}

void append_listing(Cells& cells, const json::object& record) {
  cells.push_back(std::to_string(number_of(record, "hits")));
  cells.push_back(local_time(number_of(record, "last")));
  cells.push_back(std::to_string(number_of(record, "bans")));
  cells.push_back(text_of(record, "list"));
  cells.push_back(text_of(record, "reason"));
}

Cells cells_of(store::RecordKind kind, const json::object& record, WallTime now) {
  constexpr std::array append{append_ban, append_grant, append_listing};
  const auto until = number_of(record, "until");
  Cells cells{text_of(record, "net"), local_time(until), left_until(until, now)};
  append[static_cast<std::size_t>(kind)](cells, record);
  return cells;
}

std::string plural(std::int64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// By rule, the one that refused most first.
std::string refusals_of(const json::object& status) {
  std::vector<std::pair<std::int64_t, std::string>> refusals;
  const auto& refused = object_of(status, "refused");
  for (const auto& [rule, count] : refused) refusals.emplace_back(number_of(refused, rule), printable(rule));
  std::ranges::stable_sort(refusals, std::greater(), &std::pair<std::int64_t, std::string>::first);
  std::string text;
  for (const auto& [count, rule] : refusals) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", rule, count);
  return text.empty() ? "nobody" : text;
}

std::string spared_by_guards(const json::object& status) {
  std::string text;
  const auto* spared = status.if_contains("spared");
  if (spared == nullptr || !spared->is_array()) return text;
  for (const auto& rule : spared->get_array()) {
    if (rule.is_string()) text += (text.empty() ? "" : ", ") + printable(rule.get_string());
  }
  return text;
}

std::chrono::milliseconds time_of(const json::object& object, std::string_view name) {
  return std::chrono::milliseconds(std::clamp<std::int64_t>(number_of(object, name), 0, longest_ms));
}

std::string elements_of(const json::object& firewall) {
  constexpr std::array sets{"ban4", "ban6", "net4", "net6"};
  std::string text;
  for (const auto* set : sets) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", set, number_of(firewall, set));
  return text;
}

// Empty: mxwardend does not know of firewalls.
std::string firewall_text(const json::object& status, bool colours) {
  const auto* value = status.if_contains("firewall");
  if (value == nullptr) return {};
  if (!value->is_object()) return "firewall   none reports\n";
  const auto& firewall = value->get_object();
  const auto since = time_left(time_of(firewall, "checked_ms") + time_of(firewall, "age_ms"));
  const auto checked = firewall.contains("checked_ms") ? fmt::format("found good {} ago", since) : "not found good yet";
  auto text = fmt::format("firewall   {}{} in the kernel, {} waiting; {}\n",
                          text_of(firewall, "mode") == "monitor" ? "monitor mode: " : "", elements_of(firewall),
                          number_of(firewall, "waiting"), checked);
  text += fmt::format("           {} dropped, {}, {} refused", plural(number_of(firewall, "dropped"), "packet"),
                      plural(number_of(firewall, "rebuilds"), "rebuild"),
                      plural(number_of(firewall, "refused_elements"), "element"));
  if (firewall.contains("lag_ms")) text += fmt::format(", {} ms behind", number_of(firewall, "lag_ms"));
  text += '\n';
  if (is_true(firewall, "healthy")) return text;
  const auto trouble = text_of(firewall, "trouble");
  const auto why = trouble.empty() ? "it does not say why" : trouble;
  return text + coloured(fmt::format("           the kernel does not match the bans: {}", why), red, colours) + "\n";
}

}  // namespace

seconds time_until(std::int64_t milliseconds, WallTime now) {
  const auto now_ms = milliseconds_since_1970(now);
  const std::chrono::milliseconds left(std::clamp(milliseconds, now_ms, now_ms + longest_ms) - now_ms);
  return std::chrono::ceil<seconds>(left);
}

std::string status_text(const json::object& status, bool colours) {
  const bool up = is_true(status, "store_up");
  const auto& records = object_of(status, "records");
  auto text =
      fmt::format("mxwardend {} on {}, process {}, up {}\n", text_of(status, "version"), text_of(status, "node"),
                  number_of(status, "pid"),
                  time_left(seconds(std::clamp<std::int64_t>(number_of(status, "uptime_s"), 0, 1'000'000'000))));
  text += fmt::format("store      {}, {}\n", text_of(status, "backend"), up ? "up" : coloured("down", red, colours));
  text += fmt::format(
      "records    {}, {}, {}{}\n", plural(number_of(records, "ban"), "ban"),
      plural(number_of(records, "grant"), "grant"), plural(number_of(records, "listing"), "listing"),
      is_true(status, "records_current") ? "" : "; " + coloured("those of other nodes may be missing", red, colours));
  text += fmt::format("decisions  {}, {} in the last second\n", number_of(status, "decisions"),
                      number_of(status, "decisions_per_s"));
  text += fmt::format("refused    {}\n", refusals_of(status));
  text += fmt::format("open       {}, {}, {}\n", plural(number_of(status, "connections"), "policy connection"),
                      plural(number_of(status, "smtp_connections"), "SMTP connection"),
                      plural(number_of(status, "sessions"), "tracked session"));
  text += firewall_text(status, colours);
  if (const auto spared = spared_by_guards(status); !spared.empty()) {
    text += coloured(
        fmt::format("guard      {}: kept from clients with a good record, of whom too many were refused\n", spared),
        red, colours);
  }
  return text;
}

std::string record_text(const json::object& record, WallTime now) {
  const auto until = number_of(record, "until");
  return fmt::format("{} of {} until {} ({})\n", text_of(record, "kind"), text_of(record, "net"), local_time(until),
                     left_until(until, now));
}

RecordTable::RecordTable(store::RecordKind kind, WallTime now, bool colours)
    : kind_(kind), now_(now), table_(columns_of(kind), colours) {}

std::string RecordTable::page(const json::array& records) {
  std::vector<Cells> rows;
  rows.reserve(records.size());
  for (const auto& record : records) {
    if (const auto* object = record.if_object()) rows.push_back(cells_of(kind_, *object, now_));
  }
  return table_.page(rows);
}

}  // namespace mxwarden::cli
