#pragma once
// A number that tells texts apart, and stays the same over releases as it is kept on disk: FNV-1a, 64 bits. Nobody has
// anything to win by a collision.

#include <cstdint>
#include <string_view>

namespace mxwarden::maillog {

constexpr std::uint64_t fingerprint(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const auto byte : text) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 0x100000001b3U;
  }
  return hash;
}

}  // namespace mxwarden::maillog
