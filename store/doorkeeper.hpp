#pragma once
// Who came once lately, when there is no room to remember more of them: a Bloom filter of two generations.
//
// A generation takes marks for a minute, or until it holds as many as it is sized for; then it becomes the older one
// and the oldest is forgotten. So a second hit within one to two minutes is recognised, sooner forgotten only when more
// than its share arrive: 4 million a generation at full size, twice 8 MB. About one in a thousand is recognised though
// it never came. All bits of a key lie in one cache line. Memory is taken at the first mark.

#include <array>
#include <cstdint>

#include "base/clock.hpp"
#include "store/key.hpp"
#include "store/zeroed_array.hpp"

namespace mxwarden::store {

class Doorkeeper {
 public:
  static constexpr Duration generation = std::chrono::seconds(60);

  // Sized for a table of `entries`: 512 bits for each, at most 2^26 for a generation.
  explicit Doorkeeper(std::size_t entries);

  // Whether the key was marked before, within this generation or the one before it; marks it if not.
  bool knew_or_mark(const Key& key, Instant now);

  std::size_t marks_most() const { return blocks_ * bits_of_block / bits_of_mark; }

 private:
  static constexpr std::size_t bits_of_block = 512;
  static constexpr std::size_t bits_of_mark = 16;

  struct Block {
    std::array<std::uint64_t, bits_of_block / 64> words;
  };

  void rotate(Instant now);

  std::size_t blocks_;
  ZeroedArray<Block> newer_;
  ZeroedArray<Block> older_;
  std::size_t marks_ = 0;
  Instant begun_{};
};

}  // namespace mxwarden::store
