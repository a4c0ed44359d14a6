#pragma once
// The command mxwarden: asks one thing, says what came of it.
//
// Exit status: 0; 1 the daemon says no, or there is nothing to remove; 2 wrong usage; 69 no daemon answers,
// or no longer.

#include <iosfwd>

#include "base/clock.hpp"
#include "cli/command_line.hpp"

namespace mxwarden::cli {

inline constexpr int exit_no = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_unavailable = 69;  // EX_UNAVAILABLE of sysexits(3)

struct Terminal {
  std::ostream& out;
  std::ostream& err;
  bool colours = false;
  std::istream* in = nullptr;  // null: nobody has anything to read there
};

// `words` without the program's own name.
int run(std::span<const std::string_view> words, const Clock& clock, const Terminal& terminal);

}  // namespace mxwarden::cli
