#pragma once
// Prefixes as keys of hash tables.

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

}  // namespace mxwarden::store
