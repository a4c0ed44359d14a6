#include "base/ascii.hpp"

#include <doctest/doctest.h>

namespace mxwarden {

TEST_CASE("only the letters of ASCII have a lower case") {
  CHECK(lower('A') == 'a');
  CHECK(lower('Z') == 'z');
  for (const char c : {'a', '@', '[', '0', '\xC4', '\0'}) CHECK(lower(c) == c);
}

TEST_CASE("a text is ASCII if no byte of it is beyond 127") {
  CHECK(is_ascii(""));
  CHECK(is_ascii("a\x7F"));
  CHECK_FALSE(is_ascii("a\x80"));
  CHECK_FALSE(is_ascii("gr\u00fcn"));
}

}  // namespace mxwarden
