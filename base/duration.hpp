#pragma once
// Durations as administrators write them, in settings and in log lines: 700ms 60s 10m 1h 7d.

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace mxwarden {

// A whole number followed by ms, s, m, h or d; at most 3650d. A bare number has no unit and is refused.
Result<Duration> parse_duration(std::string_view text);

// The largest unit that is exact, minutes from two on: 60s, 2m, 90s, 1h, 1500ms. Below a millisecond it is rounded up,
// so that a wait is never said to be shorter than it is.
std::string to_string(Duration duration);

}  // namespace mxwarden
