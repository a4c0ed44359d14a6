#include "base/duration.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace mxwarden {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view name;
  milliseconds length;
  milliseconds written_from;  // below it the next smaller unit reads better: 60s, not 1m
};

constexpr std::array units{
    Unit{"d", std::chrono::hours(24), std::chrono::hours(24)}, Unit{"h", std::chrono::hours(1), std::chrono::hours(1)},
    Unit{"m", std::chrono::minutes(1), std::chrono::minutes(2)},
    Unit{"s", std::chrono::seconds(1), std::chrono::seconds(1)}, Unit{"ms", milliseconds(1), milliseconds(1)}};

constexpr milliseconds longest = std::chrono::hours(24) * 3650;

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault == std::errc{} && end != text.data()) {
    const std::string_view name(end, static_cast<std::size_t>(text.data() + text.size() - end));
    for (const auto& unit : units) {
      if (unit.name != name) continue;
      if (number > static_cast<std::uint64_t>(longest / unit.length)) break;
      return Duration(unit.length * static_cast<std::int64_t>(number));
    }
  }
  return Error{
      fmt::format("`{}' is not a duration; write a whole number and a unit, as in 700ms 60s 10m 1h 7d "
                  "(3650d at most)",
                  text)};
}

std::string to_string(Duration duration) {
  const auto whole = std::chrono::ceil<milliseconds>(duration);
  if (whole == milliseconds::zero()) return "0s";
  for (const auto& unit : units) {
    if (whole >= unit.written_from && whole % unit.length == milliseconds::zero()) {
      return std::to_string(whole / unit.length).append(unit.name);
    }
  }
  return std::to_string(whole.count()) + "ms";
}

}  // namespace mxwarden
