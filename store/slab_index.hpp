#pragma once
// From the hash of a key to its place in a slab: open addressing in one piece of memory that never grows.
//
// A place is 32 bits of the hash and the slab's number; where it would like to stand is a part of those bits, so that
// places move without a look at the slab. Linear probing, at most half full; what is erased leaves no mark, as its
// followers move up.

#include <bit>
#include <cstdint>
#include <optional>

#include "store/zeroed_array.hpp"

namespace mxwarden::store {

class SlabIndex {
 public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  // For slabs of up to `most` entries, below 2^31.
  explicit SlabIndex(std::size_t most)
      : places_(std::bit_ceil(most * 2)), mask_(static_cast<std::uint32_t>(places_.size() - 1)) {}

  // The entry with this tag that `same` recognises.
  template <class Same>
  std::optional<std::uint32_t> find(std::uint32_t tag, Same same) const {
    for (std::uint32_t at = tag & mask_; places_[at].entry_after != 0; at = (at + 1) & mask_) {
      const Place& place = places_[at];
      if (place.tag == tag && same(place.entry_after - 1)) return place.entry_after - 1;
    }
    return std::nullopt;
  }

  // The first entry with this tag, most likely the one that find() will return; or none.
  [[gnu::always_inline]] std::uint32_t find_by_tag(std::uint32_t tag) const {
    for (std::uint32_t at = tag & mask_; places_[at].entry_after != 0; at = (at + 1) & mask_) {
      if (places_[at].tag == tag) return places_[at].entry_after - 1;
    }
    return none;
  }

  // Asks for the memory that find() will look at first.
  void prefetch(std::uint32_t tag) const { __builtin_prefetch(&places_[tag & mask_]); }

  void insert(std::uint32_t tag, std::uint32_t entry) {
    std::uint32_t at = tag & mask_;
    while (places_[at].entry_after != 0) at = (at + 1) & mask_;
    places_[at] = {tag, entry + 1};
  }

  // It must be there.
  void erase(std::uint32_t tag, std::uint32_t entry) {
    std::uint32_t hole = tag & mask_;
    while (places_[hole].entry_after != entry + 1) hole = (hole + 1) & mask_;
    for (std::uint32_t at = (hole + 1) & mask_; places_[at].entry_after != 0; at = (at + 1) & mask_) {
      const std::uint32_t from_home = (at - places_[at].tag) & mask_;
      const std::uint32_t from_hole = (at - hole) & mask_;
      if (from_home < from_hole) continue;  // it would stand before its home
      places_[hole] = places_[at];
      hole = at;
    }
    places_[hole] = {};
  }

 private:
  struct Place {
    std::uint32_t tag;
    std::uint32_t entry_after;  // its number and one; 0: nobody stands here
  };

  ZeroedArray<Place> places_;
  std::uint32_t mask_;
};

}  // namespace mxwarden::store
