#include "conf/action.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "conf/text.hpp"

namespace mxwarden::conf {
namespace {

constexpr std::size_t longest_text = 300;
constexpr std::string_view allowed =
    "DUNNO, REJECT, DEFER, DEFER_IF_PERMIT, DEFER_IF_REJECT or HOLD, each but DUNNO "
    "with or without a text, or a reply such as `450 4.7.1 Text'";
constexpr std::string_view placeholders = "{client}, {rule}, {list} or {reason}";

struct Word {
  std::string_view name;
  Action::Kind kind;
};

constexpr std::array action_words{Word{"DUNNO", Action::Kind::dunno},
                                  Word{"REJECT", Action::Kind::reject},
                                  Word{"DEFER", Action::Kind::defer},
                                  Word{"DEFER_IF_PERMIT", Action::Kind::defer_if_permit},
                                  Word{"DEFER_IF_REJECT", Action::Kind::defer_if_reject},
                                  Word{"HOLD", Action::Kind::hold},
                                  Word{"DISCARD", Action::Kind::discard}};

// An enhanced status code (RFC 3463), of whatever class.
bool is_status(std::string_view word) {
  const auto parts = words(word, ".");
  if (parts.size() != 3 || word.size() != parts[0].size() + parts[1].size() + parts[2].size() + 2) return false;
  return all_digits(parts[0]) && parts[0].size() == 1 && all_digits(parts[1]) && parts[1].size() <= 3 &&
         all_digits(parts[2]) && parts[2].size() <= 3;
}

// A misspelt placeholder would be shown to a stranger as it stands.
std::string unknown_placeholder(std::string_view text) {
  for (auto open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
    const auto close = std::min(text.find('}', open), text.size() - 1);
    const auto found = text.substr(open, close - open + 1);
    if (found == "{client}" || found == "{rule}" || found == "{list}" || found == "{reason}") continue;
    return std::string(found);
  }
  return {};
}

Result<void> check_text(std::string_view text) {
  if (text.size() > longest_text) {
    return Error{fmt::format("the text has {} bytes, at most {} are allowed", text.size(), longest_text)};
  }
  if (!is_clean(text) || text.find('\t') != std::string_view::npos) {
    return Error{"the text must be valid UTF-8 without control characters"};
  }
  if (const auto unknown = unknown_placeholder(text); !unknown.empty()) {
    return Error{fmt::format("`{}' is not a placeholder; allowed are {}", unknown, placeholders)};
  }
  return {};
}

// `421`, or `421 4.7.0` when a status code follows, which `text` then loses.
Result<std::string> reply_word(std::string_view code, std::string_view& text) {
  auto rest = text;
  const auto status = take_word(rest);
  std::string word(code);
  if (is_status(status)) {
    if (status[0] != code[0]) {
      return Error{fmt::format("status {} does not go with {}; it must begin with {}.", status, code, code[0])};
    }
    word += fmt::format(" {}", status);
    text = rest;
  }
  if (text.empty()) return Error{fmt::format("`{}' needs a text, as in `{} Text'", word, word)};
  return text_value(word);
}

bool is_reply_code(std::string_view word) {
  return word.size() == 3 && all_digits(word) && (word[0] == '4' || word[0] == '5');
}

}  // namespace

Result<Action> Action::parse_connect(std::string_view text) {
  auto rest = text;
  const auto first = take_word(rest);
  Action action;
  if (is_reply_code(first)) {
    auto word = reply_word(first, rest);
    if (!word) return word.error();
    action.kind_ = Kind::reply;
    action.word_ = std::move(*word);
  } else {
    const auto* found =
        std::ranges::find_if(action_words, [&](const Word& word) { return same_word(word.name, first); });
    if (found == action_words.end()) {
      return Error{fmt::format("`{}' is not an action; allowed are {}", first, allowed)};
    }
    if (found->kind == Kind::dunno && !rest.empty()) return Error{"DUNNO takes no text"};
    action.kind_ = found->kind;
    action.word_ = found->name;
  }
  if (const auto checked = check_text(rest); !checked) return checked.error();
  action.text_ = rest;
  return action;
}

Result<Action> Action::parse(std::string_view text) {
  auto action = parse_connect(text);
  if (action && action->kind() == Kind::discard) {
    return Error{fmt::format("DISCARD is allowed for Connect entries of the access table alone; here {}", allowed)};
  }
  return action;
}

}  // namespace mxwarden::conf
