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

TEST_CASE("a terminal gets no control character, no broken UTF-8, and nothing that turns text around") {
  struct Row {
    const char* text;
    const char* shown;
  };
  for (const auto& row : {Row{"plain \"text\" \\", "plain \"text\" \\"}, Row{"\x1b[31m", "\\x1b[31m"},
                          Row{"a\nb\x7f", "a\\x0ab\\x7f"}, Row{"\xC3\xBC", "\xC3\xBC"}, Row{"\xC2\x9B", "\\xc2\\x9b"},
                          Row{"\xC3", "\\xc3"}, Row{"\xFF", "\\xff"}, Row{"\xE2\x82\xAC", "\xE2\x82\xAC"},
                          Row{"\xE2\x80\xAE", "\\xe2\\x80\\xae"}, Row{"\xE2\x81\xA6", "\\xe2\\x81\\xa6"}}) {
    CAPTURE(row.shown);
    CHECK(printable(row.text) == row.shown);
  }
  CHECK(printable(std::string(1000, 'x')) == std::string(1000, 'x'));
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
