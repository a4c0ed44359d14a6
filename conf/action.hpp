#pragma once
// What a rule answers, as an administrator writes it in `action =` and in the access table.
//
// Only these: DUNNO, REJECT | DEFER | DEFER_IF_PERMIT | DEFER_IF_REJECT | HOLD [text], [45]NN [D.S.N] text. Postfix
// would take much more (access(5), and names of restrictions), some of which opens a relay: a bare number, an empty
// action and OK all mean permit. DISCARD exists for Connect entries of the access table alone.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mxwarden::conf {

class Action {
 public:
  enum class Kind : std::uint8_t { dunno, reject, defer, defer_if_permit, defer_if_reject, hold, discard, reply };

  Action() = default;  // DUNNO
  // Case of the word does not matter. Text: valid UTF-8, no control characters, at most 300 bytes. A D.S.N status must
  // be of the reply's own class. The error says what is allowed.
  static Result<Action> parse(std::string_view text);
  // For Connect entries, which may also say DISCARD [text].
  static Result<Action> parse_connect(std::string_view text);

  Kind kind() const { return kind_; }
  // `REJECT`, `421 4.7.0`: what stands before the text.
  const std::string& word() const { return word_; }
  // May hold the placeholders {client} {rule} {list} {reason}; may be empty unless a reply.
  const std::string& text() const { return text_; }
  // The mail does not get through, for now or at all. Not DUNNO; not HOLD and DISCARD, with which Postfix accepts; and
  // not DEFER_IF_REJECT, which only softens what something else refuses.
  bool refuses() const {
    return kind_ == Kind::reject || kind_ == Kind::defer || kind_ == Kind::defer_if_permit || kind_ == Kind::reply;
  }
  // As it would be written.
  std::string to_string() const { return text_.empty() ? word_ : word_ + " " + text_; }

 private:
  Kind kind_ = Kind::dunno;
  std::string word_ = "DUNNO";
  std::string text_;
};

}  // namespace mxwarden::conf
