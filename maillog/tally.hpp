#pragma once
// What was read and recognised, for the summary in the log. Pure.

#include <array>
#include <cstdint>
#include <string>

#include "maillog/recognise/recogniser.hpp"
#include "policy/mail_event.hpp"

namespace mxwarden::maillog {

class Tally {
 public:
  static constexpr std::uint64_t suspicious = 1000;

  // Null: the line was none of a log, or too long. True: this is the last of `suspicious` lines in a row of which none
  // was recognised, for the first time since one was. Once there was one, the lines of programs that are not looked at
  // do not count: a log may have many others.
  bool see(const Recognised* recognised);

  // `lines=48211 unknown=2 no_log=0 login_succeeded=12 ...` of all since the last call; kinds that did not happen are
  // left out.
  std::string take();

 private:
  std::uint64_t lines_ = 0;
  std::uint64_t unknown_ = 0;
  std::uint64_t no_log_ = 0;
  std::array<std::uint64_t, policy::event_names.size()> events_{};
  bool any_recognised_ = false;
  std::uint64_t unrecognised_ = 0;  // in a row
};

}  // namespace mxwarden::maillog
