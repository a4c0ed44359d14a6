#include "base/escape.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace mxwarden {
namespace {

constexpr std::size_t longest_value = 256;

unsigned char byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

// Length of the well-formed UTF-8 sequence that `text` begins with, 0 if it does not (RFC 3629, section 4).
std::size_t utf8_sequence(std::string_view text) {
  const auto first = byte_at(text, 0);
  if (first < 0x80) return 1;
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (text.size() < length) return 0;
  if (byte_at(text, 1) < low || byte_at(text, 1) > high) return 0;
  for (std::size_t at = 2; at < length; ++at) {
    if ((byte_at(text, at) & 0xC0) != 0x80) return 0;
  }
  return length;
}

// By byte: whether it may stand in a value that is not quoted.
constexpr auto plain = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0x21; c < 0x7F; ++c) table[c] = c != '"' && c != '=' && c != '\\';
  return table;
}();

void append_hex(std::string& line, unsigned char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  line += "\\x";
  line += digits[c >> 4];
  line += digits[c & 15];
}

// `character` is one well-formed sequence: U+0000 to U+001F, U+007F to U+009F.
bool is_control(std::string_view character) {
  const auto c = byte_at(character, 0);
  return c < 0x20 || c == 0x7F || (c == 0xC2 && byte_at(character, 1) < 0xA0);
}

// U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069 (Unicode Standard Annex #9); U+2028 and U+2029, which end a line.
bool changes_direction(std::string_view character) {
  if (character.size() != 3 || byte_at(character, 0) != 0xE2) return false;
  const auto second = byte_at(character, 1);
  const auto third = byte_at(character, 2);
  if (second == 0x80) return third == 0x8E || third == 0x8F || (third >= 0xA8 && third <= 0xAE);
  return second == 0x81 && third >= 0xA6 && third <= 0xA9;
}

void append_quoted(std::string& line, std::string_view value) {
  const bool cut = value.size() > longest_value;
  if (cut) value = value.substr(0, longest_value);
  line += '"';
  while (!value.empty()) {
    const auto c = byte_at(value, 0);
    const auto length = utf8_sequence(value);
    if (length == 0) {
      append_hex(line, c);
      value.remove_prefix(1);
      continue;
    }
    if (is_control(value.substr(0, length))) {
      for (std::size_t at = 0; at < length; ++at) append_hex(line, byte_at(value, at));
    } else {
      if (c == '"' || c == '\\') line += '\\';
      line += value.substr(0, length);
    }
    value.remove_prefix(length);
  }
  if (cut) line += "...";
  line += '"';
}

}  // namespace

void append_logfmt(std::string& line, std::string_view key, std::string_view value) {
  line += ' ';
  line += key;
  line += '=';
  const bool fits = !value.empty() && value.size() <= longest_value;
  if (fits && std::ranges::all_of(value, [](char c) { return plain[static_cast<unsigned char>(c)]; })) {
    line += value;
  } else {
    append_quoted(line, value);
  }
}

std::string quoted(std::string_view value) {
  std::string text;
  append_quoted(text, value);
  return text;
}

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const auto length = std::max<std::size_t>(utf8_sequence(text), 1);
    const auto character = text.substr(0, length);
    if (utf8_sequence(text) == 0 || is_control(character) || changes_direction(character)) {
      for (const char c : character) append_hex(shown, static_cast<unsigned char>(c));
    } else {
      shown += character;
    }
    text.remove_prefix(length);
  }
  return shown;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace mxwarden
