// The conditions of a limit: `when = not logged in and server_port in 587 465 and helo_name ~ ^\[`.
//
// A value ends at a blank, or stands in double quotes; in quotes `\"` is a quote and every other backslash is itself,
// so that a regular expression stays as it is. Words of the language (and, in, not, or) must be quoted to be values: an
// `and` that was forgotten is found instead of taken for a value.

#include <fmt/format.h>

#include <algorithm>

#include "conf/limit.hpp"
#include "conf/text.hpp"

namespace mxwarden::conf {
namespace {

constexpr std::size_t most_conditions = 16;
constexpr std::size_t most_values = 100;

bool is_name_character(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_';
}

class WhenReader {
 public:
  explicit WhenReader(std::string_view text) : rest_(trim(text)) {}

  bool at_end() const { return rest_.empty(); }

  // Takes the word away if it comes next.
  bool take_keyword(std::string_view word) {
    if (!next_is(word)) return false;
    advance(word.size());
    return true;
  }

  Result<Condition> condition() {
    Condition condition;
    if (next_is("not") || next_is("logged")) {
      condition.negated = take_keyword("not");
      if (!take_keyword("logged") || !take_keyword("in")) return Error{"after `not' only `logged in' is allowed"};
      condition.test = Condition::Test::logged_in;
      return condition;
    }
    const auto subject = rest_.substr(0, run_of_name());
    advance(subject.size());
    const bool listener = subject == "listener";
    if (const auto attribute = find_attribute(subject)) {
      condition.attribute = *attribute;
    } else if (!listener) {
      return Error{unknown_subject(subject)};
    }
    if (const auto read = comparison(condition, listener); !read) return read.error();
    return condition;
  }

  std::string_view rest() const { return rest_; }

 private:
  std::size_t run_of_name() const {
    const auto* end = std::ranges::find_if_not(rest_, is_name_character);
    return static_cast<std::size_t>(end - rest_.begin());
  }

  bool next_is(std::string_view word) const { return same_word(rest_.substr(0, run_of_name()), word); }

  void advance(std::size_t size) { rest_ = trim(rest_.substr(size)); }

  bool take_operator(std::string_view symbol) {
    if (!rest_.starts_with(symbol)) return false;
    advance(symbol.size());
    return true;
  }

  std::string unknown_subject(std::string_view subject) const {
    if (subject.empty()) subject = rest_.substr(0, rest_.find_first_of(" \t"));
    std::vector<std::string_view> known(attribute_names.begin(), attribute_names.end());
    known.insert(known.end(), {"listener", "logged"});
    const auto meant = nearest(subject, known);
    if (!meant.empty()) return fmt::format("`{}' cannot be asked for; did you mean {}?", subject, meant);
    return fmt::format(
        "`{}' cannot be asked for; allowed are `logged in', `not logged in', `listener' and the "
        "attributes of Postfix's policy protocol, such as client_address or server_port",
        subject);
  }

  Result<void> comparison(Condition& condition, bool listener) {
    const auto in = listener ? Condition::Test::listener_in : Condition::Test::attribute_in;
    const auto matches = listener ? Condition::Test::listener_matches : Condition::Test::attribute_matches;
    condition.negated = rest_.starts_with('!') || next_is("not");
    if (take_operator("=") || take_operator("!=")) {
      condition.test = in;
      return add_value(condition);
    }
    if (take_operator("~") || take_operator("!~")) {
      condition.test = matches;
      return add_pattern(condition);
    }
    take_keyword("not");
    if (!take_keyword("in")) {
      return Error{fmt::format("`{}': after an attribute only =, !=, in, not in, ~ and !~ are allowed", rest_)};
    }
    condition.test = in;
    do {
      if (auto added = add_value(condition); !added) return added;
      if (condition.values.size() > most_values) return Error{fmt::format("more than {} values", most_values)};
    } while (!at_end() && !next_is("and"));
    return {};
  }

  Result<void> add_value(Condition& condition) {
    auto read = value();
    if (!read) return read.error();
    condition.values.push_back(std::move(*read));
    return {};
  }

  Result<void> add_pattern(Condition& condition) {
    const auto read = value();
    if (!read) return read.error();
    auto pattern = Pattern::parse(*read);
    if (!pattern) return pattern.error();
    condition.values.push_back(*read);
    condition.pattern = std::move(*pattern);
    return {};
  }

  Result<std::string> value() {
    if (at_end()) return Error{"a value is missing at the end; \"\" stands for an empty one"};
    if (rest_.starts_with('"')) return quoted_value();
    const auto word = rest_.substr(0, rest_.find_first_of(" \t"));
    for (const auto keyword : {"and", "or", "not", "in"}) {
      if (!same_word(word, keyword)) continue;
      return Error{
          same_word(word, "or")
              ? std::string("there is no `or'; write `in' with several values, or a second limit")
              : fmt::format("a value was expected, not `{}'; if it is meant as a value, write \"{}\"", word, word)};
    }
    advance(word.size());
    return text_value(word);
  }

  Result<std::string> quoted_value() {
    std::string result;
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == '"') {
        advance(at + 1);
        return text_value(result);
      }
      if (rest_[at] == '\\' && at + 1 < rest_.size() && rest_[at + 1] == '"') ++at;
      result += rest_[at];
    }
    return Error{"a double quote is not closed (in a file ` #' begins a comment even in quotes)"};
  }

  std::string_view rest_;
};

}  // namespace

Result<When> When::parse(std::string_view text) {
  When when;
  when.text = trim(text);
  WhenReader reader(when.text);
  if (reader.at_end()) return when;
  do {
    auto condition = reader.condition();
    if (!condition) return condition.error();
    when.conditions.push_back(std::move(*condition));
    if (when.conditions.size() > most_conditions) {
      return Error{fmt::format("at most {} conditions are allowed", most_conditions)};
    }
  } while (reader.take_keyword("and"));
  if (!reader.at_end()) {
    return Error{fmt::format("`{}': between two conditions only `and' is allowed", reader.rest())};
  }
  return when;
}

bool When::asks_for_login() const {
  using enum Condition::Test;
  return std::ranges::any_of(conditions, [](const Condition& condition) {
    if (condition.test == logged_in) return !condition.negated;
    const bool of_attribute = condition.test == attribute_in || condition.test == attribute_matches;
    return of_attribute && comes_with_login(condition.attribute);
  });
}

}  // namespace mxwarden::conf
