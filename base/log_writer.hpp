#pragma once
// The thread that writes the log, and the lines that wait for it. Who hands over a line pays for a lock and a copy: the
// thread is woken by the first line after a quiet time, and rests after what it has written, so that under a storm of
// lines it is woken 200 times a second and not for each.
//
// Memory: as many lines as it was made for, each with the room of the longest that stood in its place. Beyond them the
// oldest are lost, and how many is written where they are missing. A line waits 5 ms at most for a target that keeps
// up.
//
// Threads: hand_over() from any; the target is used from its own thread alone.

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace mxwarden::log {

struct Line {
  Level level = Level::info;
  WallTime time;
  std::string text;
};

// Where lines go. What goes wrong there must not be thrown.
class Target {
 public:
  virtual ~Target() = default;
  virtual void write(const Line& line) = 0;
  // No line waits.
  virtual void flush() = 0;
};

class Writer {
 public:
  // `most`: lines that wait.
  Writer(std::unique_ptr<Target> target, std::size_t most);
  // Writes what waits.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void hand_over(Level level, std::string_view text);

 private:
  void run();
  std::size_t take(std::vector<Line>& lines);
  void write(const std::vector<Line>& lines, std::size_t count, std::size_t lost);

  std::unique_ptr<Target> target_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Line> lines_;  // a ring
  std::size_t oldest_ = 0;   // which of all that were ever handed over is the first that waits
  std::size_t next_ = 0;
  std::size_t lost_ = 0;  // since it was last written how many
  bool waits_ = false;    // the thread, for a line
  bool ends_ = false;
  std::thread thread_;  // the last, as it uses all others
};

}  // namespace mxwarden::log
