#pragma once
// What Postfix is told, and why.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "conf/limit.hpp"
#include "policy/client_socket.hpp"
#include "store/record_book.hpp"

namespace mxwarden::policy {

// The figures behind a verdict, where it has any.
struct Cause {
  std::uint64_t count = 0;  // with what was asked for
  std::uint64_t limit = 0;
  std::optional<Duration> window;  // zero: within the message; nothing: it is how many there are now
  Duration retry_after{};          // Duration::max(): never; zero: not known
};

// What a rule says when it has something to say.
struct Verdict {
  std::string_view rule;  // the rule's own name
  conf::Mode mode = conf::Mode::enforce;
  std::string action;  // as it would stand after `action=`
  bool refuses = false;
  std::optional<Cause> cause;
  Duration held{};                  // so long was the answer held back for it, or would be
  store::RecordBook::Entry record;  // that it goes by; null: none
  Duration left{};                  // until that ends
  bool of_operator = false;         // it is what the operator has said of just this client
  bool attempt = false;             // the first refusal of this session because of a listing, which is noted in it
};

// The answer is not yet to be given: wait, then decide again with Question::held set.
struct Hold {
  Duration length{};
  bool look = false;  // at the client's socket, before and after: Question::socket says what it showed
};

struct Decision {
  // After `action=`: one line, clean UTF-8, short, never empty, never a bare number.
  std::string action = "DUNNO";
  std::optional<Verdict> verdict;  // the rule that spoke; none: nobody had anything against it
  // What is to be logged besides: rules in monitor mode that would have answered, and rules whose action is DUNNO.
  std::vector<Verdict> remarks;
  std::optional<Hold> hold;
  ClientSocket socket = ClientSocket::none;  // what it showed, where a rule wanted to know
  std::string_view store;  // which one has answered; `none`: it could not; a name that lives as long as the program
  std::string failure;     // not empty: an exception kept the rules from deciding
};

// How a verdict or a remark reads in the log and wherever decisions are shown; null: nobody had anything against it.

// The rule only says what it would have answered.
inline bool is_monitored(const Verdict* verdict) {
  return verdict != nullptr && verdict->mode == conf::Mode::monitor;
}

// What was answered, as far as this rule goes.
inline std::string_view answered(const Verdict* verdict) {
  return verdict == nullptr || is_monitored(verdict) ? std::string_view("DUNNO") : verdict->action;
}

// `421`, `REJECT`: the word an answer begins with.
inline std::string_view word_of(std::string_view action) {
  return action.substr(0, action.find(' '));
}

}  // namespace mxwarden::policy
