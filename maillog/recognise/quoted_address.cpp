#include "maillog/recognise/quoted_address.hpp"

namespace mxwarden::maillog {
namespace {

// `"` is passed already. Nothing: it does not end.
bool take_quoted(Cursor& cursor, std::string& into) {
  const auto text = cursor.rest();
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') {
      cursor = Cursor(text.substr(at + 1));
      return true;
    }
    if (text[at] == '\\' && ++at == text.size()) return false;
    into += text[at];
  }
  return false;
}

}  // namespace

std::optional<std::string> take_address(Cursor& cursor) {
  std::string address;
  if (cursor.take("\"")) {
    if (!take_quoted(cursor, address)) return std::nullopt;
    if (!cursor.rest().starts_with('@') && !cursor.rest().starts_with('>')) return std::nullopt;
  }
  address += cursor.take_while(is_plain_in_address);
  return address;
}

}  // namespace mxwarden::maillog
