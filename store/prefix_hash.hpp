#pragma once
// Prefixes as keys of hash tables, and how such a table grows a little at a time.

#include <array>
#include <boost/container_hash/hash.hpp>
#include <cstddef>

#include "base/address.hpp"

namespace mxwarden::store {

struct PrefixHash {
  std::size_t operator()(const Prefix& prefix) const {
    const auto& bytes = prefix.address().bytes();
    auto hash = boost::hash_range(bytes.begin(), bytes.end());
    boost::hash_combine(hash, prefix.length());
    return hash;
  }
};

// Tables that share what would be one: one of 200,000 entries takes 70 ms to grow, one of these a part of a
// millisecond, and they do not all grow at once. Each has its own by chance of the hash.
template <class Table>
class PrefixTables {
 public:
  Table& of(const Prefix& net) { return tables_[PrefixHash()(net) % number]; }
  const Table& of(const Prefix& net) const { return tables_[PrefixHash()(net) % number]; }

 private:
  static constexpr std::size_t number = 256;

  std::array<Table, number> tables_;
};

}  // namespace mxwarden::store
