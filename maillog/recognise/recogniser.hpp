#pragma once
// Finds in the lines of a mail log what has happened. Remote text never reaches a pattern: each scanner is anchored at
// what the program itself has written, from both ends of a line where it has to be, and what a stranger can write is
// only ever taken as a whole (a name, an address, a text).
//
// What a line does not say itself is remembered from the lines before: the SMTP session that a smtpd process is at, and
// the client of a message's queue id. A cleanup line is believed about the message only, never about the client.
// Bounded: 10,000 sessions, 10,000 messages; of more the one that is oldest is forgotten.
//
// Pure: a machine of (line).

#include <memory>
#include <optional>
#include <string_view>

#include "conf/settings.hpp"
#include "maillog/recognise/log_line.hpp"
#include "policy/mail_event.hpp"

namespace mxwarden::maillog {

struct Recognised {
  enum class What : std::uint8_t {
    event,
    known,         // a line that means nothing to us
    ours,          // a refusal of mxwardend: it has counted already
    unknown,       // of a program that is looked at, and no scanner knows it
    other_program  // of one that is not looked at
  };

  What what = What::other_program;
  std::string_view recogniser;             // of known lines and events: a literal, as `postfix/smtpd`
  std::optional<policy::MailEvent> event;  // position and time are set
};

class Recogniser {
 public:
  explicit Recogniser(const conf::Settings::Maillog& settings);
  ~Recogniser();

  Recognised see(const LogLine& line, std::uint64_t position);

  // A reload: what is remembered stays.
  void configure(const conf::Settings::Maillog& settings);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mxwarden::maillog
