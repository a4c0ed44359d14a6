#include "store/key.hpp"

#include <xxhash.h>

#include <array>
#include <boost/container/small_vector.hpp>
#include <cstring>
#include <string>

namespace mxwarden::store {
namespace {

// The bytes that are hashed, one after the other. Sizes go first, so that no two different sequences look the same.
class Writer {
 public:
  explicit Writer(char* to) : to_(to) {}
  void number(std::uint64_t value) { bytes(&value, sizeof(value)); }
  void text(std::string_view value) { bytes(value.data(), value.size()); }

 private:
  void bytes(const void* from, std::size_t size) {
    if (size > 0) std::memcpy(to_, from, size);
    to_ += size;
  }
  char* to_;
};

void write(char* to, const Count& count, Form form, std::uint32_t part, std::span<const Window> windows) {
  Writer writer(to);
  writer.number(static_cast<std::uint64_t>(form) << 32U | part);
  writer.number(windows.size());
  writer.number(std::uint64_t{count.entity.size()} << 32U | count.counter.size());
  for (const Window& window : windows) writer.number(static_cast<std::uint64_t>(window.length.count()));
  writer.text(count.entity);
  writer.text(count.counter);
}

Key hash(const char* bytes, std::size_t size, std::uint64_t seed) {
  const XXH128_hash_t value = XXH3_128bits_withSeed(bytes, size, seed);
  return {value.low64, value.high64};
}

}  // namespace

Key memory_key(std::uint64_t seed, const Count& count, Form form, std::uint32_t part, std::span<const Window> windows) {
  const std::size_t size = 8 * (3 + windows.size()) + count.entity.size() + count.counter.size();
  std::array<char, 512> usual;
  if (size <= usual.size()) {
    write(usual.data(), count, form, part, windows);
    return hash(usual.data(), size, seed);
  }
  std::string longer(size, '\0');
  write(longer.data(), count, form, part, windows);
  return hash(longer.data(), size, seed);
}

Key question_key(std::uint64_t seed, const Count& count) {
  boost::container::small_vector<char, 512> bytes(8 * (2 + 2 * count.windows.size()) + count.entity.size() +
                                                  count.counter.size());
  Writer writer(bytes.data());
  writer.number(count.windows.size());
  writer.number(std::uint64_t{count.entity.size()} << 32U | count.counter.size());
  for (const Window& window : count.windows) {
    writer.number(static_cast<std::uint64_t>(window.length.count()));
    writer.number(window.limit);
  }
  writer.text(count.entity);
  writer.text(count.counter);
  return hash(bytes.data(), bytes.size(), seed);
}

std::uint64_t member_hash(std::uint64_t seed, std::string_view member) {
  return XXH3_64bits_withSeed(member.data(), member.size(), seed);
}

}  // namespace mxwarden::store
