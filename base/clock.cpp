#include "base/clock.hpp"

#include <ctime>

namespace mxwarden {

Instant SystemClock::now() const {
  return std::chrono::steady_clock::now();
}
WallTime SystemClock::wall_now() const {
  return std::chrono::system_clock::now();
}

Instant BootClock::now() const {
  timespec time{};
  (void)::clock_gettime(CLOCK_BOOTTIME, &time);  // which every kernel has that this runs on
  return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}
WallTime BootClock::wall_now() const {
  return std::chrono::system_clock::now();
}

}  // namespace mxwarden
