#pragma once
// What an entry of a sliding count holds: up to three windows in 16-bit slices, or one in 48-bit slices. An entry with
// its key and its end is 112 bytes.

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "store/ring.hpp"

namespace mxwarden::store {

inline constexpr std::size_t narrow_windows = 3;
inline constexpr std::uint64_t narrow_limit_most = std::numeric_limits<std::uint16_t>::max();

struct RingBody {
  std::uint16_t heaviness;  // first, beside the key and the end: all that eviction reads
  union {
    std::array<Ring<std::uint16_t>, narrow_windows> narrow;
    Ring<WideSlice> wide;
  };

  std::uint16_t weight() const { return heaviness; }

  // It was hit once more and holds `total`. The fewer of hits and total: a few large messages weigh little, and a
  // regular of long standing no more than what it did lately.
  void weigh(std::uint64_t total) {
    const std::uint64_t hits = std::uint64_t{heaviness} + 1;
    heaviness =
        static_cast<std::uint16_t>(std::min({hits, total, std::uint64_t{std::numeric_limits<std::uint16_t>::max()}}));
  }
};

static_assert(sizeof(RingBody) == 92 && alignof(RingBody) == 2);

}  // namespace mxwarden::store
