// The only file that knows RE2.
//
// Case does not matter, as in Postfix's own regexp tables; `(?-i)` makes it matter. Text is taken as bytes: a
// stranger's need not be UTF-8, and must not escape a pattern by that.

#include <fmt/format.h>
#include <re2/re2.h>

#include "conf/limit.hpp"

namespace mxwarden::conf {
namespace {

re2::RE2::Options options() {
  re2::RE2::Options options(re2::RE2::Latin1);
  options.set_case_sensitive(false);
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(1 << 20);
  return options;
}

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

struct Pattern::Compiled {
  explicit Compiled(std::string_view text) : expression(piece(text), options()) {}

  re2::RE2 expression;
};

Result<Pattern> Pattern::parse(std::string_view text) {
  auto compiled = std::make_shared<const Compiled>(text);
  if (!compiled->expression.ok()) {
    return Error{fmt::format("`{}' is not a regular expression in RE2 syntax: {}", text, compiled->expression.error())};
  }
  Pattern pattern;
  pattern.compiled_ = std::move(compiled);
  return pattern;
}

bool Pattern::matches(std::string_view text) const {
  return compiled_ && re2::RE2::PartialMatch(piece(text), compiled_->expression);
}

}  // namespace mxwarden::conf
