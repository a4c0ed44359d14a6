#pragma once
// An address as Postfix logs it between `<' and `>': its local part is quoted where RFC 5321 wants it, so that no
// character of a stranger's can end it.

#include <optional>
#include <string>

#include "maillog/recognise/cursor.hpp"

namespace mxwarden::maillog {

// The characters that stand in no quotes.
constexpr bool is_plain_in_address(char c) {
  return c != ' ' && c != '<' && c != '>' && c != '"' && c != '\\' && c != ';';
}

// Up to where an address cannot go on; may be empty, as the null sender is. Without its quotes, as Postfix has it
// internally: `"jane q public"@example.org` is `jane q public@example.org`.
std::optional<std::string> take_address(Cursor& cursor);

}  // namespace mxwarden::maillog
