#include "base/log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

namespace mxwarden {
namespace {

// stderr as a pipe that nobody reads until read_all().
class StuckStderr {
 public:
  StuckStderr() : before_(dup(STDERR_FILENO)) {
    REQUIRE(pipe(ends_.data()) == 0);
    REQUIRE(fcntl(ends_[1], F_SETPIPE_SZ, 4096) >= 4096);
    dup2(ends_[1], STDERR_FILENO);
    close(ends_[1]);
  }
  ~StuckStderr() { close(before_); }
  StuckStderr(const StuckStderr&) = delete;
  StuckStderr& operator=(const StuckStderr&) = delete;

  // Ends the log, and says what it wrote: what each read got.
  std::vector<std::string> read_pieces() {
    std::vector<std::string> pieces;
    std::thread reader([&] {
      std::array<char, 4096> buffer;
      for (ssize_t got = 0; (got = read(ends_[0], buffer.data(), buffer.size())) > 0;) {
        pieces.emplace_back(buffer.data(), static_cast<std::size_t>(got));
      }
    });
    log::stop();
    dup2(before_, STDERR_FILENO);
    reader.join();
    close(ends_[0]);
    return pieces;
  }

  std::string read_all() {
    std::string text;
    for (const auto& piece : read_pieces()) text += piece;
    return text;
  }

 private:
  int before_;
  std::array<int, 2> ends_{};
};

void write_lines(int count) {
  for (int at = 0; at < count; ++at) log::info(std::string(200, 'x'));
}

std::string log_to_stuck_target(int lines) {
  StuckStderr target;
  REQUIRE(log::start("unit", "stderr", log::Level::info).has_value());
  write_lines(lines);
  return target.read_all();
}

}  // namespace

TEST_CASE("a target that is stuck does not hold up a start that changes the level alone") {
  StuckStderr target;
  REQUIRE(log::start("unit", "stderr", log::Level::info).has_value());
  write_lines(100);
  CHECK(log::start("unit", "stderr", log::Level::debug).has_value());
  CHECK(log::enabled(log::Level::debug));
  log::debug("still the same writer");
  CHECK(target.read_all().find("still the same writer") != std::string::npos);
}

TEST_CASE("stderr gets whole lines, many in a write") {
  StuckStderr target;
  REQUIRE(log::start("unit", "stderr", log::Level::info).has_value());
  write_lines(100);
  const auto pieces = target.read_pieces();
  CHECK(pieces.size() < 50);
  for (const auto& piece : pieces) CHECK(piece.ends_with('\n'));
}

TEST_CASE("each writer counts the lines it has lost for itself") {
  // Of 8192 lines that can wait.
  CHECK(log_to_stuck_target(12'000).find("lines were lost") != std::string::npos);
  CHECK(log_to_stuck_target(9'000).find("lines were lost") != std::string::npos);
}

}  // namespace mxwarden
