#include "base/escape.hpp"

#include <doctest/doctest.h>

namespace mxwarden {
namespace {

std::string logfmt(std::string_view value) {
  std::string line;
  append_logfmt(line, "k", value);
  return line;
}

}  // namespace

TEST_CASE("plain values stand bare, all others in quotes") {
  CHECK(logfmt("user@example.org") == " k=user@example.org");
  CHECK(logfmt("") == " k=\"\"");
  CHECK(logfmt("a b") == " k=\"a b\"");
  CHECK(logfmt("a=b") == " k=\"a=b\"");
  CHECK(logfmt("say \"hi\"\\") == " k=\"say \\\"hi\\\"\\\\\"");
}

TEST_CASE("control characters and broken UTF-8 are shown as bytes, good UTF-8 stays") {
  CHECK(logfmt("a\nb\x7f") == " k=\"a\\x0ab\\x7f\"");
  CHECK(logfmt("\xC3\xBC") == " k=\"\xC3\xBC\"");
  CHECK(logfmt("\xC2\x85") == " k=\"\\xc2\\x85\"");
  CHECK(logfmt("\xC3(") == " k=\"\\xc3(\"");
  CHECK(logfmt("\xED\xA0\x80") == " k=\"\\xed\\xa0\\x80\"");
}

TEST_CASE("a long value is cut and says so") {
  CHECK(logfmt(std::string(300, 'x')) == " k=\"" + std::string(256, 'x') + "...\"");
}

TEST_CASE("UTF-8 is what RFC 3629 says") {
  for (const auto* good : {"", "abc", "\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x93\xA7", "\xF4\x8F\xBF\xBF"}) {
    CAPTURE(good);
    CHECK(is_utf8(good));
  }
  for (const auto* bad : {"\x80", "\xC0\xAF", "\xC3", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_utf8(bad));
  }
}

}  // namespace mxwarden
