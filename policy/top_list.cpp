#include "policy/top_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <charconv>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

namespace mxwarden::policy {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view version = "1";
constexpr std::string_view no_rule = "-";
constexpr std::size_t longest_rule = 63;
constexpr std::size_t most_read = 10'000;
// Also of milliseconds. Sums of thousands of them do not run over, nor does the time in nanoseconds.
constexpr std::uint64_t largest_number = std::uint64_t{1} << 42U;

constexpr std::string_view malformed = "it is no list of this release";

// Cuts off the part before the first `end`, and that.
std::string_view take(std::string_view& rest, char end) {
  const auto at = std::min(rest.find(end), rest.size());
  const auto part = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return part;
}

std::optional<std::uint64_t> take_number(std::string_view& rest, char end) {
  const auto digits = take(rest, end);
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || number > largest_number) return {};
  return number;
}

std::optional<TopEntry> parse_entry(std::string_view line) {
  const auto count = take_number(line, ' ');
  const auto error = take_number(line, ' ');
  const auto last = take_number(line, ' ');
  const auto rule = take(line, ' ');
  if (!count || !error || !last || *error > *count) return std::nullopt;
  if (rule.empty() || rule.size() > longest_rule || line.empty() || line.size() > longest_top_name) return std::nullopt;
  return TopEntry{.name = std::string(line),
                  .count = *count,
                  .error = *error,
                  .rule = rule == no_rule ? std::string() : std::string(rule),
                  .last = WallTime(milliseconds(*last))};
}

// What several lists say of one name, without those that do not name it.
struct Sum {
  std::int64_t above_floors = 0;  // what the count is more than the floors of the lists that name it
  std::uint64_t at_least = 0;
  const TopEntry* latest = nullptr;
};

}  // namespace

bool is_worse(const TopEntry& a, const TopEntry& b) {
  return std::tuple(b.at_least(), b.count, std::string_view(a.name)) <
         std::tuple(a.at_least(), a.count, std::string_view(b.name));
}

void TopList::cut(std::size_t most) {
  if (entries.size() <= most) return;
  const auto first = entries.begin() + static_cast<std::ptrdiff_t>(most);
  for (auto entry = first; entry != entries.end(); ++entry) floor = std::max(floor, entry->count);
  entries.erase(first, entries.end());
}

TopList merge(std::span<const TopList> lists) {
  TopList merged;
  for (const auto& list : lists) {
    merged.floor += list.floor;
    merged.covers = std::max(merged.covers, list.covers);
  }
  boost::unordered_flat_map<std::string_view, Sum> sums;
  for (const auto& list : lists) {
    for (const auto& entry : list.entries) {
      auto& sum = sums[entry.name];
      // Below 0 where a list was cut, as it may name some that have made less than its floor.
      sum.above_floors += static_cast<std::int64_t>(entry.count - list.floor);
      sum.at_least += entry.at_least();
      const bool newer = sum.latest == nullptr || entry.last > sum.latest->last;
      if (newer) sum.latest = &entry;
    }
  }
  merged.entries.reserve(sums.size());
  for (const auto& [name, sum] : sums) {
    const auto count = merged.floor + static_cast<std::uint64_t>(sum.above_floors);
    merged.entries.push_back({.name = std::string(name),
                              .count = count,
                              .error = count - sum.at_least,
                              .rule = sum.latest->rule,
                              .last = sum.latest->last});
  }
  std::ranges::sort(merged.entries, is_worse);
  return merged;
}

std::string to_text(TopList list, std::size_t largest) {
  // The first line is as long as it can be until it is known.
  constexpr std::size_t longest_heading = 48;
  std::string lines;
  std::size_t written = 0;
  for (const auto& entry : list.entries) {
    const auto before = lines.size();
    fmt::format_to(std::back_inserter(lines), "{} {} {} {} {}\n", entry.count, entry.error,
                   milliseconds_since_1970(entry.last), entry.rule.empty() ? no_rule : entry.rule, entry.name);
    if (longest_heading + lines.size() > largest) {
      lines.resize(before);
      break;
    }
    ++written;
  }
  list.cut(written);
  return fmt::format("{} {} {}\n", version, list.covers.count(), list.floor) + lines;
}

Result<TopList> parse_top_list(std::string_view text) {
  auto heading = take(text, '\n');
  if (take(heading, ' ') != version) return Error{std::string(malformed)};
  const auto covers = take_number(heading, ' ');
  const auto floor = take_number(heading, ' ');
  if (!covers || !floor) return Error{std::string(malformed)};
  TopList list;
  list.covers = milliseconds(*covers);
  list.floor = *floor;
  while (!text.empty()) {
    auto entry = parse_entry(take(text, '\n'));
    if (!entry || list.entries.size() == most_read) return Error{std::string(malformed)};
    list.entries.push_back(std::move(*entry));
  }
  // Each name once, the worst first, whoever wrote it.
  std::ranges::sort(list.entries, {}, &TopEntry::name);
  const auto is_same = [](const TopEntry& a, const TopEntry& b) { return a.name == b.name; };
  list.entries.erase(std::unique(list.entries.begin(), list.entries.end(), is_same), list.entries.end());
  std::ranges::sort(list.entries, is_worse);
  return list;
}

}  // namespace mxwarden::policy
