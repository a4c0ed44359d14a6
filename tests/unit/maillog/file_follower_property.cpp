// Whatever is done to a log, in whatever order, and however often its follower is killed: each line is read, in its
// order, and has one position.

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "maillog/source/file_follower.hpp"
#include "support/temporary_folder.hpp"

using namespace mxwarden;
using namespace mxwarden::maillog;

namespace {

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    log_.open(folder_.path("log"), std::ios::app);
    restart();
  }

  void step() {
    const auto dice = random_() % 100;
    if (dice < 40) return write();
    if (dice < 45) return rotate();
    if (dice < 60) return reopen();
    if (dice < 80) return read(1 + random_() % 4);
    if (dice < 92) return acknowledge();
    restart();
  }

  void finish() {
    finish_line();
    reopen();
    write();
    finish_line();
    read(1'000'000);
    CHECK(seen_ == written_);
    std::uint64_t last = 0;
    for (std::uint64_t line = 0; line < seen_; ++line) {
      CHECK(positions_[line] > last);
      last = positions_[line];
    }
  }

 private:
  // Numbered, some of them in two halves, some long.
  void write() {
    finish_line();
    const auto text =
        std::to_string(written_++) + " " + std::string(random_() % 20 == 0 ? 30'000 : random_() % 50, 'x');
    const auto half = random_() % 4 == 0 ? random_() % text.size() : text.size();
    rest_ = text.substr(half) + "\n";
    log_ << text.substr(0, half) << std::flush;
    if (half == text.size()) finish_line();
  }
  void finish_line() { log_ << std::exchange(rest_, {}) << std::flush; }

  void rotate() {
    if (!std::filesystem::exists(folder_.path("log"))) return;
    for (auto number = rotations_; number > 0; --number) {
      std::filesystem::rename(folder_.path("log." + std::to_string(number)),
                              folder_.path("log." + std::to_string(number + 1)));
    }
    std::filesystem::rename(folder_.path("log"), folder_.path("log.1"));
    ++rotations_;
    if (random_() % 2 == 0) folder_.append("log", "");
  }
  // Who writes ends what it has begun in the old file.
  void reopen() {
    finish_line();
    log_.close();
    log_.open(folder_.path("log"), std::ios::app);
  }

  void read(std::uint64_t pieces) {
    for (; pieces > 0 && follower_->read() == FileFollower::Next::more; --pieces) continue;
  }
  void acknowledge() {
    if (read_.empty()) return;
    const auto upto = random_() % read_.size();
    follower_->acknowledge(read_[upto]);
    read_.erase(read_.begin(), read_.begin() + static_cast<std::ptrdiff_t>(upto) + 1);
    if (random_() % 2 == 0) keep();
  }
  void keep() {
    kept_ = follower_->bookmark();
    kept_->source = "x";
  }

  void take(std::string_view line, std::uint64_t position) {
    const auto number = std::stoull(std::string(line.substr(0, line.find(' '))));
    read_.push_back(position);
    if (number == seen_) {
      positions_[number] = position;
      ++seen_;
    }
    REQUIRE(number < seen_);
    CHECK(positions_[number] == position);
  }
  void restart() {
    read_.clear();
    FileFollower::Listener listener;
    listener.take = [this](std::optional<std::string_view> line, std::uint64_t position) { take(*line, position); };
    listener.remember = [](std::string_view) {};
    listener.keep_bookmark = [this] { keep(); };
    listener.say = [](log::Level level, const std::string& line) {
      INFO(line);
      CHECK(level == log::Level::info);
    };
    follower_.emplace(folder_.path("log"), std::move(listener));
    REQUIRE(follower_->begin(kept_).has_value());
    keep();
  }

  tests::TemporaryFolder folder_;
  std::mt19937_64 random_;
  std::ofstream log_;
  std::string rest_;  // of the line that was begun
  int rotations_ = 0;
  std::optional<FileFollower> follower_;
  std::optional<Bookmark> kept_;
  std::vector<std::uint64_t> read_;  // by this follower, and not acknowledged
  std::uint64_t written_ = 0;
  std::uint64_t seen_ = 0;
  std::map<std::uint64_t, std::uint64_t> positions_;
};

}  // namespace

TEST_CASE("each line is read, in its order, and at one position, whatever is done to the log") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    World world(seed);
    for (int step = 0; step < 400; ++step) world.step();
    world.finish();
  }
}
