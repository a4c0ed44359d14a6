#pragma once
// The one place that reads the time. A program's edge (a session, a timer) reads its Clock once for a request and
// passes `now` down as a value; policy/ and store/ never ask. A test hands out a ManualClock.

#include <chrono>
#include <cstdint>

namespace mxwarden {

using Duration = std::chrono::nanoseconds;

// Steady time: never set back, not comparable between hosts or over a restart. For windows and deadlines.
using Instant = std::chrono::steady_clock::time_point;

// Wall time: for what people and other hosts read. May jump.
using WallTime = std::chrono::system_clock::time_point;

// Rounded down.
inline std::int64_t milliseconds_since_1970(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall_now() const = 0;
};

// CLOCK_MONOTONIC: goes on through changes of the wall clock, stands still while the machine is suspended.
class SystemClock final : public Clock {
 public:
  Instant now() const override;
  WallTime wall_now() const override;
};

// CLOCK_BOOTTIME (Linux 2.6.39): as SystemClock, but goes on while the machine is suspended. Its instants are not those
// of SystemClock.
class BootClock final : public Clock {
 public:
  Instant now() const override;
  WallTime wall_now() const override;
};

// A clock for tests and simulations: time passes when it is told to.
class ManualClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall_now() const override {
    return WallTime(std::chrono::duration_cast<WallTime::duration>(now_.time_since_epoch()));
  }
  void advance(Duration by) { now_ += by; }

 private:
  Instant now_{std::chrono::hours(24)};
};

}  // namespace mxwarden
