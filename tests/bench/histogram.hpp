#pragma once
// A histogram of durations, log-linear: each power of two is cut into 128 equal parts, so that a percentile is at most
// 0.8 % above the value it stands for. Up to 2^40 ns (18 minutes); longer ones count as that.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.hpp"

namespace mxwarden::bench {

class Histogram {
 public:
  Histogram() : buckets_(bucket_of(longest) + 1) {}

  void add(Duration length) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(length.count(), 0));
    ++buckets_[bucket_of(std::min(value, longest))];
    ++count_;
    max_ = std::max(max_, length);
  }

  std::uint64_t count() const { return count_; }
  Duration max() const { return max_; }

  // The least value that a `share` of all values does not exceed, rounded up to the end of its bucket.
  Duration percentile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t at = 0; at < buckets_.size(); ++at) {
      seen += buckets_[at];
      if (seen > wanted || seen == count_) return std::min(Duration(static_cast<std::int64_t>(end_of(at))), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned part_bits = 7;
  static constexpr std::uint64_t longest = (std::uint64_t{1} << 40) - 1;

  // The first two powers share one row: below 256 ns every value has a bucket of its own.
  static std::size_t bucket_of(std::uint64_t value) {
    const unsigned width = static_cast<unsigned>(std::bit_width(value));
    if (width <= part_bits + 1) return value;
    const unsigned shift = width - (part_bits + 1);
    return (std::size_t{shift} << part_bits) + (value >> shift);
  }
  static std::uint64_t end_of(std::size_t bucket) {
    constexpr std::size_t parts = std::size_t{1} << part_bits;
    if (bucket < 2 * parts) return bucket;
    const std::size_t shift = bucket / parts - 1;
    return ((bucket % parts + parts + 1) << shift) - 1;
  }

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  Duration max_{};
};

}  // namespace mxwarden::bench
