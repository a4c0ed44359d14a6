#pragma once
// One JSON object (RFC 8259), written member by member: a quarter of what it costs to build it first. Names are plain.

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace mxwarden {

class JsonText {
 public:
  static constexpr std::size_t longest_text = 512;

  explicit JsonText(std::size_t usual_size = longest_text) { text_.reserve(usual_size); }

  // Nothing, if it is empty. A text from strangers: what is not printable in it is escaped as by printable(), and it is
  // cut at longest_text, marked by `...`.
  void add(std::string_view name, std::string_view value);
  template <class Integer>
  void add_number(std::string_view name, Integer number) {
    begin(name);
    text_ += fmt::format_int(number).c_str();
  }
  void add_null(std::string_view name) { add_json(name, "null"); }
  // `json` is a value already.
  void add_json(std::string_view name, std::string_view json) {
    begin(name);
    text_ += json;
  }
  std::string end() && { return std::move(text_ += '}'); }

 private:
  void begin(std::string_view name) { text_.append(text_.empty() ? "{\"" : ",\"").append(name).append("\":"); }

  std::string text_;
};

}  // namespace mxwarden
