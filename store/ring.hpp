#pragma once
// The conservative ring: how much happened within a window, in constant memory.
//
// A window of length W is cut into 12 slices; slice k begins at border(k) = ceil(k * W / 12) nanoseconds of the steady
// clock, and an instant t lies in slot(t) = floor(12 * t / W). The ring keeps the running slice and the 12 before it,
// and its total is their sum. So the total is never below the exact count over W and never above the exact count over
// W * 13 / 12. It can fall only at a border; that is what makes retry_after exact.
//
// Time that goes back stays in the newest slice. Counters stop at their slice's most. The number of the newest slice is
// kept in 32 bits and compared modulo 2^32: whoever keeps a ring must have forgotten it before its window passed 2^31
// slices (embedded_store does within seconds after the last one has left).
//
// A Ring is plain memory; it is of no use before start(). Two bytes of alignment, so that three fit an entry.

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/clock.hpp"

namespace mxwarden::store {

inline constexpr std::uint64_t ring_slices = 12;                 // full ones
inline constexpr std::uint64_t ring_counters = ring_slices + 1;  // and the running one

// Longer windows would overflow twelve times their nanoseconds.
inline constexpr Duration longest_window = std::chrono::hours(24 * 366 * 10);

// One instant as a window's slices see it: worked out once, used for every question.
class RingTime {
 public:
  RingTime() = default;
  // 1 ms <= window <= longest_window.
  RingTime(Duration window, Instant now)
      : window_(static_cast<std::uint64_t>(window.count())),
        now_(now.time_since_epoch()),
        slot_(slot_of(static_cast<std::uint64_t>(std::max<std::int64_t>(now_.count(), 0)), window_)) {}

  std::uint64_t slot() const { return slot_; }
  // From now until slice `slot` begins.
  Duration until(std::uint64_t slot) const { return border(slot) - now_; }
  // When nothing recorded now is left.
  Instant forgotten_at() const { return Instant(border(slot_ + ring_counters)); }

 private:
  // In whole windows and the rest, so that nothing overflows and nothing is rounded.
  static std::uint64_t slot_of(std::uint64_t t, std::uint64_t window) {
    return t / window * ring_slices + t % window * ring_slices / window;
  }
  Duration border(std::uint64_t slot) const {
    const std::uint64_t rest = slot % ring_slices * window_;
    return Duration(static_cast<std::int64_t>(slot / ring_slices * window_ + (rest + ring_slices - 1) / ring_slices));
  }

  std::uint64_t window_ = 1;
  Duration now_{};
  std::uint64_t slot_ = 0;
};

// A counter of 48 bits in the alignment of 16, for what is counted in bytes.
class WideSlice {
 public:
  WideSlice() = default;
  explicit constexpr WideSlice(std::uint64_t value)
      : parts_{static_cast<std::uint16_t>(value), static_cast<std::uint16_t>(value >> 16U),
               static_cast<std::uint16_t>(value >> 32U)} {}
  constexpr operator std::uint64_t() const {
    return parts_[0] | std::uint64_t{parts_[1]} << 16U | std::uint64_t{parts_[2]} << 32U;
  }

 private:
  std::array<std::uint16_t, 3> parts_;
};

template <class Slice>
inline constexpr std::uint64_t slice_most = std::numeric_limits<Slice>::max();
template <>
inline constexpr std::uint64_t slice_most<WideSlice> = (std::uint64_t{1} << 48U) - 1;

template <class Slice>
class Ring {
 public:
  // Empty, from now on.
  void start(const RingTime& time) {
    set_newest(time.slot());
    slices_.fill(Slice(0));
  }

  std::uint64_t total(const RingTime& time) const {
    const Position at = position(time);
    if (at.age >= ring_counters) return 0;
    std::uint64_t sum = sum_of_all();
    for (std::uint64_t gone = 1; gone <= at.age; ++gone) sum -= slices_[(at.newest + gone) % ring_counters];
    return sum;
  }

  void add(std::uint64_t n, const RingTime& time) {
    const Position at = position(time);
    if (at.age >= ring_counters) {
      start(time);
    } else {
      for (std::uint64_t gone = 1; gone <= at.age; ++gone) slices_[(at.newest + gone) % ring_counters] = Slice(0);
      set_newest(at.newest + at.age);
    }
    Slice& running = slices_[(at.newest + at.age) % ring_counters];
    const std::uint64_t room = slice_most<Slice> - running;
    running = static_cast<Slice>(running + std::min(n, room));
  }

  // From now until n more would keep within `limit`, if nothing else came. Duration::max(): never.
  Duration retry_after(std::uint64_t n, std::uint64_t limit, const RingTime& time) const {
    if (n > limit) return Duration::max();
    std::uint64_t left = total(time);
    if (left <= limit - n) return Duration::zero();
    const Position at = position(time);
    for (std::uint64_t gone = at.age + 1; gone <= ring_counters; ++gone) {
      left -= slices_[(at.newest + gone) % ring_counters];
      if (left <= limit - n) return time.until(at.newest + gone);
    }
    return Duration::zero();  // not reached: after ring_counters slices nothing is left
  }

 private:
  struct Position {
    std::uint64_t newest;  // the whole number of the newest slice
    std::uint64_t age;     // slices begun since then
  };

  Position position(const RingTime& time) const {
    const auto ahead =
        static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(newest_) - static_cast<std::uint32_t>(time.slot()));
    const std::uint64_t newest = time.slot() + static_cast<std::uint64_t>(std::int64_t{ahead});
    return {newest, ahead > 0 ? 0 : time.slot() - newest};
  }

  std::uint64_t sum_of_all() const {
    std::uint64_t sum = 0;
    if constexpr (std::is_same_v<Slice, std::uint16_t>) {
      // Four at a time, in two sums of 32 bits: this is what a decision does most often.
      constexpr std::uint64_t every_second = 0x0000FFFF0000FFFF;
      std::array<std::uint64_t, ring_slices / 4> words;
      std::memcpy(words.data(), slices_.data(), sizeof words);
      std::uint64_t sums = 0;
      for (const auto word : words) sums += (word & every_second) + (word >> 16U & every_second);
      sum = (sums & 0xFFFFFFFF) + (sums >> 32U) + slices_.back();
    } else {
      for (const Slice slice : slices_) sum += slice;
    }
    return sum;
  }

  void set_newest(std::uint64_t slot) {
    newest_ = std::bit_cast<std::array<std::uint16_t, 2>>(static_cast<std::uint32_t>(slot));
  }

  std::array<std::uint16_t, 2> newest_;  // 32 bits
  std::array<Slice, ring_counters> slices_;
};

}  // namespace mxwarden::store
