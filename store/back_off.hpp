#pragma once
// How long to wait before the next try: 50 ms doubling to 5 s, each between half and all of it by chance, so that fifty
// nodes do not come at once.

#include <cstdint>

#include "base/clock.hpp"

namespace mxwarden::store {

class BackOff {
 public:
  explicit BackOff(std::uint64_t seed) : chance_(seed) {}

  Duration next();
  void begin_anew() { whole_ = first; }

 private:
  static constexpr Duration first = std::chrono::milliseconds(50);

  std::uint64_t chance();

  Duration whole_ = first;  // the next one, all of it
  std::uint64_t chance_;
};

}  // namespace mxwarden::store
