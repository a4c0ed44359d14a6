#include "base/clock.hpp"

namespace mxwarden {

Instant SteadyClock::now() const {
  return std::chrono::steady_clock::now();
}

}  // namespace mxwarden
