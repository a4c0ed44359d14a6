#include "store/ring.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace mxwarden;
using namespace mxwarden::store;
using namespace std::chrono_literals;

namespace {

Instant at(Duration since_epoch) {
  return Instant(since_epoch);
}

template <class Slice>
Ring<Slice> started(Duration window, Instant now) {
  Ring<Slice> ring;
  ring.start(RingTime(window, now));
  return ring;
}

}  // namespace

TEST_CASE("a slice begins at its border and not a nanosecond before, whatever the length of the window") {
  const Duration windows[] = {1ms, Duration(1'000'003), 61ms, 7s, 60s, 1h, 24h, Duration(999'999'937), longest_window};
  const Duration instants[] = {0ns, 1ns, 59s, 24h, 24h * 365 * 56 + 12345ns};
  for (const Duration window : windows) {
    for (const Duration instant : instants) {
      CAPTURE(window.count());
      CAPTURE(instant.count());
      const RingTime time(window, at(instant));
      const Duration to_next = time.until(time.slot() + 1);
      const Duration to_own = time.until(time.slot());
      CHECK(to_own <= 0ns);
      CHECK(to_next > 0ns);
      CHECK(RingTime(window, at(instant + to_own)).slot() == time.slot());
      if (instant + to_own > 0ns) CHECK(RingTime(window, at(instant + to_own - 1ns)).slot() < time.slot());
      CHECK(RingTime(window, at(instant + to_next)).slot() >= time.slot() + 1);
      CHECK(RingTime(window, at(instant + to_next - 1ns)).slot() == time.slot());
    }
  }
}

TEST_CASE("what was added is held for the window and at most a slice longer") {
  const Duration offsets[] = {0ns, 1ns, 2s, 4'999'999'999ns};
  for (const Duration offset : offsets) {
    CAPTURE(offset.count());
    const Instant begin = at(24h + offset);
    auto ring = started<std::uint16_t>(60s, begin);
    ring.add(3, RingTime(60s, begin));
    CHECK(ring.total(RingTime(60s, begin + 60s)) == 3);
    CHECK(ring.total(RingTime(60s, begin + 65s - offset - 1ns)) == 3);
    CHECK(ring.total(RingTime(60s, begin + 65s - offset)) == 0);
    CHECK(RingTime(60s, begin).forgotten_at() == begin + 65s - offset);
  }
}

TEST_CASE("adding later forgets exactly what has left") {
  auto ring = started<std::uint16_t>(60s, at(24h));
  for (int slice = 0; slice < 13; ++slice) ring.add(1, RingTime(60s, at(24h + slice * 5s)));
  CHECK(ring.total(RingTime(60s, at(24h + 60s))) == 13);
  ring.add(1, RingTime(60s, at(24h + 75s)));
  CHECK(ring.total(RingTime(60s, at(24h + 75s))) == 11);
  ring.add(1, RingTime(60s, at(48h)));
  CHECK(ring.total(RingTime(60s, at(48h))) == 1);
}

TEST_CASE("retry_after is the first border with room") {
  auto ring = started<std::uint16_t>(60s, at(24h));
  ring.add(2, RingTime(60s, at(24h + 1s)));
  ring.add(3, RingTime(60s, at(24h + 12s)));
  const RingTime now(60s, at(24h + 13s));
  struct Row {
    const char* label;
    std::uint64_t n;
    std::uint64_t limit;
    Duration expected;
  };
  const Row rows[] = {
      {"room at once", 1, 6, 0s},
      {"when the first slice leaves", 1, 5, 52s},
      {"when the second one leaves too", 3, 5, 62s},
      {"all of it, when all has left", 5, 5, 62s},
      {"never", 6, 5, Duration::max()},
      {"only a look, over a limit that was lowered", 0, 3, 52s},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.label));
    CHECK(ring.retry_after(row.n, row.limit, now).count() == row.expected.count());
  }
}

TEST_CASE("counters stop at their most instead of wrapping") {
  const Instant now = at(24h);
  auto narrow = started<std::uint16_t>(60s, now);
  narrow.add(65'000, RingTime(60s, now));
  narrow.add(65'000, RingTime(60s, now));
  CHECK(narrow.total(RingTime(60s, now)) == 65'535);
  auto wide = started<WideSlice>(60s, now);
  wide.add(5'000'000'000, RingTime(60s, now));
  CHECK(wide.total(RingTime(60s, now)) == 5'000'000'000);
  wide.add(~std::uint64_t{0}, RingTime(60s, now));
  CHECK(wide.total(RingTime(60s, now)) == (std::uint64_t{1} << 48U) - 1);
  CHECK(wide.total(RingTime(60s, now + 65s)) == 0);
}

TEST_CASE("time that goes back stays in the newest slice") {
  auto ring = started<std::uint16_t>(60s, at(24h));
  ring.add(1, RingTime(60s, at(24h)));
  ring.add(1, RingTime(60s, at(23h)));
  CHECK(ring.total(RingTime(60s, at(23h))) == 2);
  CHECK(ring.total(RingTime(60s, at(24h))) == 2);
  CHECK(ring.retry_after(1, 2, RingTime(60s, at(23h))) == 1h + 65s);
  CHECK(ring.total(RingTime(60s, at(24h + 65s))) == 0);
}

TEST_CASE("slice numbers of more than 32 bits go on") {
  // 61 ms slices by the twelve: 2^32 of them have passed after 252 days.
  const Duration window = 61ms;
  const Duration border = Duration((std::int64_t{1} << 32) / 12 * window.count());
  for (Duration offset = -100ms; offset <= 100ms; offset += 1ms) {
    CAPTURE(offset.count());
    const Instant now = at(border + offset);
    auto ring = started<std::uint16_t>(window, now);
    ring.add(1, RingTime(window, now));
    CHECK(ring.total(RingTime(window, now + window)) == 1);
    CHECK(ring.total(RingTime(window, now + window * 13 / 12 + 1ns)) == 0);
    ring.add(1, RingTime(window, now + window / 2));
    CHECK(ring.retry_after(2, 2, RingTime(window, now + window / 2)) > window);
    CHECK(ring.total(RingTime(window, now + window)) == 2);
  }
}
