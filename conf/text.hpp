#pragma once
// Small questions about the text of an administrator's file, shared by the readers of settings and of the access table.
// Case means ASCII case. Blanks are spaces and tabs.

#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.hpp"
#include "base/result.hpp"

namespace mxwarden::conf {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

using mxwarden::lower;  // of one character
std::string lower(std::string_view text);
bool same_word(std::string_view one, std::string_view other);  // without regard to case
bool all_digits(std::string_view text);                        // and at least one

std::string_view trim(std::string_view text);
// The words between `separators`, none of them empty.
std::vector<std::string_view> words(std::string_view text, std::string_view separators = " \t");
// The first word, which is taken away from `text` together with the blanks around it.
std::string_view take_word(std::string_view& text);

// The candidate that was probably meant; empty if none is near enough.
std::string_view nearest(std::string_view text, const std::vector<std::string_view>& candidates);
// `a, b or c`
std::string alternatives(const std::vector<std::string_view>& words);

// A Result that holds text must be told that it is the value: an Error could be made of it as well.
inline Result<std::string> text_value(std::string_view text) {
  return Result<std::string>(boost::system::in_place_value, text);
}

// Valid UTF-8 without control characters other than tabs.
bool is_clean(std::string_view text);
std::string_view without_comment(std::string_view line);

// The next line of `text`, which loses it: without its end (LF or CRLF). A byte order mark is the caller's affair.
std::string_view take_line(std::string_view& text);

}  // namespace mxwarden::conf
