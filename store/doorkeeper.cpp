#include "store/doorkeeper.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace mxwarden::store {
namespace {

// Six bits of 512, each chosen by nine bits of the key.
template <class Block>
Block pattern(const Key& key) {
  Block block{};
  std::uint64_t choice = key.low;
  for (int i = 0; i < 6; ++i, choice >>= 9U) block.words[choice >> 6U & 7U] |= std::uint64_t{1} << (choice & 63U);
  return block;
}

template <class Block>
bool holds(const Block& block, const Block& wanted) {
  std::uint64_t missing = 0;
  for (std::size_t i = 0; i < block.words.size(); ++i) missing |= wanted.words[i] & ~block.words[i];
  return missing == 0;
}

}  // namespace

Doorkeeper::Doorkeeper(std::size_t entries)
    : blocks_(std::clamp(std::bit_ceil(entries), std::size_t{1} << 7U, std::size_t{1} << 17U)) {}

bool Doorkeeper::knew_or_mark(const Key& key, Instant now) {
  rotate(now);
  const std::size_t at = key.high & (blocks_ - 1);
  __builtin_prefetch(&older_[at]);
  const Block wanted = pattern<Block>(key);
  Block& block = newer_[at];
  if (holds(block, wanted) || holds(older_[at], wanted)) return true;
  for (std::size_t i = 0; i < block.words.size(); ++i) block.words[i] |= wanted.words[i];
  ++marks_;
  return false;
}

void Doorkeeper::rotate(Instant now) {
  const bool first = newer_.size() == 0;
  if (!first && now - begun_ < generation && marks_ < marks_most()) return;
  const bool both = first || now - begun_ >= 2 * generation;
  std::swap(newer_, older_);
  // Fresh zeroed pages come one by one as they are touched; clearing the old ones would take a millisecond at once.
  newer_ = ZeroedArray<Block>(blocks_);
  if (both) older_ = ZeroedArray<Block>(blocks_);
  marks_ = 0;
  begun_ = now;
}

}  // namespace mxwarden::store
