#include "base/duration.hpp"

#include <doctest/doctest.h>

namespace mxwarden {
using namespace std::chrono_literals;

TEST_CASE("durations are read with their unit, and written with the largest exact one") {
  struct Row {
    const char* text;
    Duration value;
    const char* canonical;
  };
  for (const auto& row :
       {Row{"700ms", 700ms, "700ms"}, Row{"60s", 60s, "60s"}, Row{"120s", 120s, "2m"}, Row{"90s", 90s, "90s"},
        Row{"10m", 10min, "10m"}, Row{"24h", 24h, "1d"}, Row{"7d", 168h, "7d"}, Row{"0s", 0s, "0s"}}) {
    CAPTURE(row.text);
    const auto parsed = parse_duration(row.text);
    REQUIRE(parsed.has_value());
    CHECK(*parsed == row.value);
    CHECK(to_string(row.value) == row.canonical);
  }
}

TEST_CASE("what is no duration is refused") {
  for (const auto* text : {"", "60", "s", "-1s", "1.5h", "1h30m", "60 s", "3651d", "99999999999999999999s", "1w"}) {
    CAPTURE(text);
    CHECK(parse_duration(text).has_error());
  }
}

TEST_CASE("a wait below a millisecond is rounded up") {
  CHECK(to_string(1ns) == "1ms");
  CHECK(to_string(6s + 1ns) == "6001ms");
}

}  // namespace mxwarden
