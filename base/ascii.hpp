#pragma once
// ASCII and nothing else, whatever the locale: protocols and files of configuration mean that by case.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace mxwarden {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Eight bytes of a text at once, as every request has names and addresses to be brought into lower case.
inline std::uint64_t load_eight(const char* from) {
  std::uint64_t eight;
  std::memcpy(&eight, from, sizeof eight);
  return eight;
}

inline std::uint64_t lower_eight(std::uint64_t eight) {
  constexpr std::uint64_t each = 0x0101010101010101;
  const auto low_bits = eight & 0x7F * each;
  const auto from_a = low_bits + (0x80 - 'A') * each;  // the highest bit of each: at least `A'
  const auto behind_z = low_bits + (0x7F - 'Z') * each;
  const auto upper = (from_a ^ behind_z) & ~eight & 0x80 * each;
  return eight | upper >> 2U;
}

// Writes as many bytes as `text` has.
inline void copy_lower(char* to, std::string_view text) {
  constexpr auto step = sizeof(std::uint64_t);
  if (text.size() < step) {
    for (std::size_t at = 0; at < text.size(); ++at) to[at] = lower(text[at]);
    return;
  }
  const auto put = [&](std::size_t at) {
    const auto eight = lower_eight(load_eight(text.data() + at));
    std::memcpy(to + at, &eight, step);
  };
  const auto last = text.size() - step;
  for (std::size_t at = 0; at < last; at += step) put(at);
  put(last);  // some of it once more
}

inline bool is_ascii(std::string_view text) {
  constexpr auto step = sizeof(std::uint64_t);
  std::uint64_t seen = 0;
  for (; text.size() >= step; text.remove_prefix(step)) seen |= load_eight(text.data());
  for (const char c : text) seen |= static_cast<unsigned char>(c);
  return (seen & 0x8080808080808080) == 0;
}

// Where `wanted` stands for the last time, or std::string_view::npos. std::string_view::rfind() goes byte by byte.
inline std::size_t find_last(std::string_view text, char wanted) {
  const auto* found = text.empty() ? nullptr : static_cast<const char*>(::memrchr(text.data(), wanted, text.size()));
  return found == nullptr ? std::string_view::npos : static_cast<std::size_t>(found - text.data());
}

}  // namespace mxwarden
