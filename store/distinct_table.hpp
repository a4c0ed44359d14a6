#pragma once
// Distinct counts: which members an entity had, each with the instant it was last recorded. Exact.
//
// A set holds distinct_most members at most, and all sets together one for each entry the store is sized for: beyond
// that other sets give way, and at the very last the oldest member of the set itself. Members stand in the order of
// their instants, so that a window is their end.
//
// Time that goes back stays at the newest member's.

#include <cstdint>
#include <span>

#include "store/flood_table.hpp"

namespace mxwarden::store {

struct Member {
  std::uint64_t hash;
  Instant seen;
};

struct MemberSet {
  Member* members;
  std::uint32_t size;
  std::uint32_t capacity;

  std::uint16_t weight() const { return static_cast<std::uint16_t>(size); }
  std::span<const Member> all() const { return {members, size}; }
};

class DistinctTable {
 public:
  using Entry = FloodTable<MemberSet>::Entry;

  // `entries`: what the store is sized for; a sixteenth of it may be sets.
  DistinctTable(std::size_t entries, std::uint64_t seed);

  // In the order of their instants; none if the key is unknown.
  std::span<const Member> find(const Key& key, Instant now);

  // The member was seen now. What was not seen within `longest` is forgotten.
  void record(const Key& key, std::uint64_t member, Duration longest, Instant now);

  void sweep(Instant now) { table_.sweep(now); }

  std::size_t sets() const { return table_.size(); }
  std::size_t members_room() const { return room_; }
  std::uint64_t evicted() const { return table_.evicted(); }
  std::uint64_t turned_away() const { return table_.turned_away(); }

 private:
  // Room for one more member, or false.
  bool make_room(Entry& entry, Instant now);

  std::size_t room_most_;
  std::size_t room_ = 0;  // members that memory is taken for
  FloodTable<MemberSet> table_;
};

}  // namespace mxwarden::store
