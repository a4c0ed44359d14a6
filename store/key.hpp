#pragma once
// What the tables know an entry by: 128 bits of a seeded hash. Two things that share one would be counted together;
// with a seed a stranger does not know, a million entries have a chance of 1 in 10^26 of that, whoever chooses the
// names.

#include <cstdint>
#include <span>
#include <string_view>

#include "store/store.hpp"

namespace mxwarden::store {

struct Key {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  bool operator==(const Key&) const = default;
};

// How an entry remembers.
enum class Form : std::uint8_t { narrow_rings, wide_ring, members };

// The memory of one counter of one entity, `part` of those it needs; `windows` are the ones that part holds. Only their
// lengths count: a limit that is changed keeps what was counted.
Key memory_key(std::uint64_t seed, const Count& count, Form form, std::uint32_t part, std::span<const Window> windows);

// The counter of an entity with its windows and their limits: two counts that would be answered alike.
Key question_key(std::uint64_t seed, const Count& count);

std::uint64_t member_hash(std::uint64_t seed, std::string_view member);

}  // namespace mxwarden::store
