#pragma once
// How far the reading of a long log has come, as a line at the bottom of a terminal:
//
//   [########            ]  42 %  1,260,000 lines  310,211/s  5s left
//
// It is there from the second second on, changes five times a second, and is to be taken away before anything else is
// written to the terminal. Without a size, as of a pipe, only what is behind the share is said. Pure but for the
// stream: the time is the caller's.

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

#include "base/clock.hpp"

namespace mxwarden::maillog {

struct ReadSoFar {
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;
};

class Progress {
 public:
  static constexpr Duration silent_for = std::chrono::seconds(1);
  static constexpr Duration between_lines = std::chrono::milliseconds(200);

  // `size` in bytes, of a file that has one; `columns` of the terminal.
  Progress(Instant began, std::optional<std::uint64_t> size, std::size_t columns)
      : began_(began), next_(began + silent_for), size_(size), columns_(columns) {}

  void show(std::ostream& terminal, const ReadSoFar& read, Instant now);
  // If it is there.
  void take_away(std::ostream& terminal);

  std::string text(const ReadSoFar& read, Instant now) const;

 private:
  Instant began_;
  Instant next_;
  std::optional<std::uint64_t> size_;
  std::size_t columns_;
  bool there_ = false;
};

}  // namespace mxwarden::maillog
