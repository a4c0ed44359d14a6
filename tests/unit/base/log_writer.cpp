#include "base/log_writer.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace mxwarden::log {
namespace {

using namespace std::chrono_literals;

// What a target was told. It outlives the target.
struct Seen {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> lines;
  std::vector<Level> levels;
  std::vector<WallTime> times;
  int flushes = 0;
  bool stuck = false;

  void set_stuck(bool is) {
    {
      const std::lock_guard lock(mutex);
      stuck = is;
    }
    changed.notify_all();
  }
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 10s, condition);
  }
};

class WatchedTarget final : public Target {
 public:
  explicit WatchedTarget(Seen& seen) : seen_(seen) {}

  void write(const Line& line) override {
    std::unique_lock lock(seen_.mutex);
    seen_.lines.push_back(line.text);
    seen_.levels.push_back(line.level);
    seen_.times.push_back(line.time);
    seen_.changed.notify_all();
    seen_.changed.wait(lock, [&] { return !seen_.stuck; });
  }
  void flush() override {
    const std::lock_guard lock(seen_.mutex);
    ++seen_.flushes;
    seen_.changed.notify_all();
  }

 private:
  Seen& seen_;
};

}  // namespace

TEST_CASE("lines are written in their order, and all of them before the thread ends") {
  constexpr int lines = 20'000;
  Seen seen;
  {
    Writer writer(std::make_unique<WatchedTarget>(seen), lines);
    for (int at = 0; at < lines; ++at) writer.hand_over(Level::info, std::to_string(at));
  }
  REQUIRE(seen.lines.size() == lines);
  for (int at = 0; at < lines; ++at) REQUIRE(seen.lines[static_cast<std::size_t>(at)] == std::to_string(at));
}

TEST_CASE("lines of several threads are all written, those of each in their order") {
  constexpr int lines = 2'000;
  Seen seen;
  {
    Writer writer(std::make_unique<WatchedTarget>(seen), 4 * lines);
    std::vector<std::thread> threads;
    for (const char name : {'a', 'b', 'c', 'd'}) {
      threads.emplace_back([&writer, name] {
        for (int at = 0; at < lines; ++at) writer.hand_over(Level::info, name + std::to_string(at));
      });
    }
    for (auto& thread : threads) thread.join();
  }
  CHECK(seen.lines.size() == 4 * lines);
  for (const char name : {'a', 'b', 'c', 'd'}) {
    int next = 0;
    for (const auto& line : seen.lines) {
      if (line.front() == name) REQUIRE(line == name + std::to_string(next++));
    }
    CHECK(next == lines);
  }
}

TEST_CASE("a line that comes alone is written and flushed at once, and so is the next after a rest") {
  Seen seen;
  Writer writer(std::make_unique<WatchedTarget>(seen), 8);
  for (int at = 1; at <= 3; ++at) {
    writer.hand_over(Level::info, "a line");
    CHECK(seen.wait([&] { return seen.flushes == at; }));
  }
  CHECK(seen.lines.size() == 3);
}

TEST_CASE("a line says when it was handed over, and how grave it is") {
  Seen seen;
  const auto before = SystemClock().wall_now();
  {
    Writer writer(std::make_unique<WatchedTarget>(seen), 8);
    writer.hand_over(Level::error, "grave");
    writer.hand_over(Level::debug, "slight");
  }
  CHECK(seen.levels == std::vector<Level>{Level::error, Level::debug});
  REQUIRE(seen.times.size() == 2);
  CHECK(seen.times[0] >= before);
  CHECK(seen.times[1] >= seen.times[0]);
  CHECK(seen.times[1] <= SystemClock().wall_now());
}

TEST_CASE("while the target is stuck the oldest lines are lost, and it is said how many where they are missing") {
  Seen seen;
  seen.set_stuck(true);
  {
    Writer writer(std::make_unique<WatchedTarget>(seen), 4);
    writer.hand_over(Level::info, "the first");
    CHECK(seen.wait([&] { return seen.lines.size() == 1; }));
    for (int at = 0; at < 10; ++at) writer.hand_over(Level::info, std::to_string(at));
    seen.set_stuck(false);
  }
  CHECK(seen.levels[0] == Level::info);
  CHECK(seen.levels[1] == Level::warn);
  CHECK(seen.lines == std::vector<std::string>{"the first", "log: 6 lines were lost, the target did not keep up", "6",
                                               "7", "8", "9"});
}

}  // namespace mxwarden::log
