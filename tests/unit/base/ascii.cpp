#include "base/ascii.hpp"

#include <doctest/doctest.h>

#include <string>

namespace mxwarden {
namespace {

// Each byte once, from `first` on.
std::string all_bytes(int first) {
  std::string bytes;
  for (int at = 0; at < 256; ++at) bytes += static_cast<char>(first + at);
  return bytes;
}

}  // namespace

TEST_CASE("only the letters of ASCII have a lower case") {
  CHECK(lower('A') == 'a');
  CHECK(lower('Z') == 'z');
  for (const char c : {'a', '@', '[', '0', '\xC4', '\0'}) CHECK(lower(c) == c);
}

TEST_CASE("a text of any length is brought into lower case byte by byte, and nothing behind it is touched") {
  // Each byte comes to stand in each place of a word.
  for (int first = 0; first < 8; ++first) {
    const auto bytes = all_bytes(first);
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
      std::string written(size + 1, '#');
      copy_lower(written.data(), std::string_view(bytes).substr(0, size));
      CAPTURE(first);
      CAPTURE(size);
      REQUIRE(written[size] == '#');
      for (std::size_t at = 0; at < size; ++at) REQUIRE(written[at] == lower(bytes[at]));
    }
  }
}

TEST_CASE("the last place of a byte is found") {
  CHECK(find_last("a@b@c", '@') == 3);
  CHECK(find_last("@", '@') == 0);
  CHECK(find_last("abc", '@') == std::string_view::npos);
  CHECK(find_last("", '@') == std::string_view::npos);
  CHECK(find_last({}, '@') == std::string_view::npos);
}

TEST_CASE("a text is ASCII if no byte of it is beyond 127") {
  CHECK(is_ascii(""));
  CHECK(is_ascii("a\x7F"));
  CHECK_FALSE(is_ascii("a\x80"));
  CHECK_FALSE(is_ascii("gr\u00fcn"));
  CHECK(is_ascii("0123456789abcdef"));
  for (std::size_t at = 0; at < 20; ++at) {
    std::string text(20, 'a');
    text[at] = '\x80';
    CHECK_FALSE(is_ascii(text));
  }
}

}  // namespace mxwarden
