#pragma once
// ASCII and nothing else, whatever the locale: protocols and files of configuration mean that by case.

#include <algorithm>
#include <string_view>

namespace mxwarden {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace mxwarden
