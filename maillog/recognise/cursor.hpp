#pragma once
// A text that is taken apart from its front. Whatever is asked for and is not there leaves the rest as it was.

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace mxwarden::maillog {

class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  std::string_view rest() const { return rest_; }
  bool at_end() const { return rest_.empty(); }

  bool take(std::string_view literal) {
    if (!rest_.starts_with(literal)) return false;
    rest_.remove_prefix(literal.size());
    return true;
  }

  // What stands before the first `mark`; the mark is passed.
  std::optional<std::string_view> take_to(std::string_view mark) {
    const auto end = rest_.find(mark);
    if (end == std::string_view::npos) return std::nullopt;
    const auto taken = rest_.substr(0, end);
    rest_.remove_prefix(end + mark.size());
    return taken;
  }

  // A word: up to the first blank, which is passed; nothing is there if it is empty or no blank follows.
  std::optional<std::string_view> take_word() {
    const auto end = rest_.find(' ');
    if (end == std::string_view::npos || end == 0) return std::nullopt;
    const auto taken = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return taken;
  }

  // The longest front whose characters all satisfy `belongs`; may be empty.
  template <class Belongs>
  std::string_view take_while(Belongs belongs) {
    std::size_t end = 0;
    while (end < rest_.size() && belongs(rest_[end])) ++end;
    const auto taken = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return taken;
  }

  std::optional<std::uint32_t> take_number() {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc()) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return number;
  }

 private:
  std::string_view rest_;
};

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr bool is_letter_or_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace mxwarden::maillog
