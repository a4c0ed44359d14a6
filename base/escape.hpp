#pragma once
// Text from strangers on its way into a log line or to a terminal. Every such text passes here, and nowhere else is it
// escaped.

#include <string>
#include <string_view>

namespace mxwarden {

// Appends ` key=value` in logfmt. A value with blanks, quotes, `=`, a backslash or anything outside printable ASCII is
// quoted: `"` and `\` get a backslash, control characters and bytes that are not valid UTF-8 become \xNN. Valid UTF-8
// stays as it is, but for the control characters U+0080 to U+009F. Values are cut at 256 bytes, marked by `...`.
void append_logfmt(std::string& line, std::string_view key, std::string_view value);

// The value alone, escaped the same way and always quoted: for a warning's sentence.
std::string quoted(std::string_view value);

// For a person's terminal: control characters and bytes that are not valid UTF-8 become \xNN, and so do the characters
// that change the direction of text, as they could make a line read as what it is not. Neither quoted nor cut.
std::string printable(std::string_view text);

// True when `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
bool is_utf8(std::string_view text);

}  // namespace mxwarden
