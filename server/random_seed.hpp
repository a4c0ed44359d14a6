#pragma once
// For hashes whose collisions nobody is to choose, and for jitter.

#include <cstdint>
#include <random>

namespace mxwarden::server {

inline std::uint64_t random_seed() {
  std::random_device random;
  return (std::uint64_t{random()} << 32) | random();
}

}  // namespace mxwarden::server
