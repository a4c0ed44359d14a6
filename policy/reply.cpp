#include "policy/reply.hpp"

#include <algorithm>
#include <array>

#include "base/escape.hpp"

namespace mxwarden::policy {
namespace {

constexpr std::size_t longest_reply = 399;

struct Placeholder {
  std::string_view name;
  std::string_view Placeholders::*value;
};

constexpr std::array known{Placeholder{"{rule}", &Placeholders::rule}, Placeholder{"{client}", &Placeholders::client},
                           Placeholder{"{list}", &Placeholders::list}, Placeholder{"{reason}", &Placeholders::reason}};

// What a placeholder stands for may come from outside.
void append_clean(std::string& to, std::string_view value) {
  if (!is_utf8(value)) {
    to += '?';
    return;
  }
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    to += byte < 0x20 || byte == 0x7F ? '?' : c;
  }
}

// The placeholder that `text` begins with, or null.
const Placeholder* placeholder_of(std::string_view text) {
  const auto found =
      std::ranges::find_if(known, [&](const auto& placeholder) { return text.starts_with(placeholder.name); });
  return found == known.end() ? nullptr : &*found;
}

std::string fill(std::string_view text, const Placeholders& placeholders) {
  std::string filled;
  while (true) {
    const auto brace = text.find('{');
    filled += text.substr(0, brace);
    if (brace == std::string_view::npos) return filled;
    text.remove_prefix(brace);
    if (const auto* placeholder = placeholder_of(text)) {
      append_clean(filled, placeholders.*placeholder->value);
      text.remove_prefix(placeholder->name.size());
    } else {
      filled += text.front();
      text.remove_prefix(1);
    }
  }
}

void cut(std::string& text, std::size_t longest) {
  if (text.size() <= longest) return;
  auto end = longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
}

}  // namespace

std::string render(const conf::Action& action, const Placeholders& placeholders) {
  if (action.kind() == conf::Action::Kind::dunno) return action.word();
  std::string mark = " [mxw:";
  mark += placeholders.rule;
  mark += ']';
  std::string reply = action.word();
  reply += ' ';
  reply += fill(action.text().empty() ? "Access denied" : action.text(), placeholders);
  cut(reply, longest_reply - mark.size());
  reply += mark;
  return reply;
}

}  // namespace mxwarden::policy
