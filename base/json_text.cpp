#include "base/json_text.hpp"

#include <algorithm>

#include "base/escape.hpp"

namespace mxwarden {
namespace {

// It may stand between quotes as it is.
bool is_plain(char c) {
  return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

std::string clean(std::string_view text) {
  if (text.size() <= JsonText::longest_text) return printable(text);
  auto end = JsonText::longest_text;
  // Not in the middle of a character, which has three more bytes at most.
  for (int back = 0; back < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80; ++back) --end;
  return printable(text.substr(0, end)) + "...";
}

}  // namespace

void JsonText::add(std::string_view name, std::string_view value) {
  if (value.empty()) return;
  begin(name);
  text_ += '"';
  if (value.size() <= longest_text && std::ranges::all_of(value, is_plain)) {
    text_ += value;
  } else {
    // Without control characters, these two alone would end the text (RFC 8259, section 7).
    for (const char c : clean(value)) {
      if (c == '"' || c == '\\') text_ += '\\';
      text_ += c;
    }
  }
  text_ += '"';
}

}  // namespace mxwarden
