#pragma once
// The log of a daemon. Severities as Postfix means them: debug is for a developer, info a transaction, warn wants a
// look, error means that something asked for is not done. Lines are written by a helper thread: a sink that is slow
// loses the oldest waiting lines, which are counted and reported, and never holds up an answer.
//
// Threads: start and stop from the main thread; everything else from any.

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace mxwarden::log {

enum class Level { debug, info, warn, error };

// target: `stderr`, `syslog` (facility mail, ident `name`) or `file:/path` (appended; reopened by the next start()).
// Before start() lines go to stderr at once. May be called again to change the level or the target; lines that wait
// are written first. Without another target, and if it is no file, only the level changes and nothing is waited for.
Result<void> start(std::string_view name, std::string_view target, Level level);
// Writes what waits and ends the helper thread.
void stop();

bool enabled(Level level);
void write(Level level, std::string_view line);

inline void debug(std::string_view line) {
  write(Level::debug, line);
}
inline void info(std::string_view line) {
  write(Level::info, line);
}
inline void warn(std::string_view line) {
  write(Level::warn, line);
}
inline void error(std::string_view line) {
  write(Level::error, line);
}

// A warning that may come a thousand times a second: the first is written, those within the next minute are counted,
// and the next one written says how many there were. One object for each kind of warning; not for several threads.
class RepeatedWarning {
 public:
  void warn(std::string_view line, Instant now);

 private:
  Instant silent_until_{};
  std::size_t suppressed_ = 0;
};

}  // namespace mxwarden::log
