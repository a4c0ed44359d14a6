#include "maillog/source/file_follower.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace mxwarden;
using namespace mxwarden::maillog;
using tests::TemporaryFolder;
using Lines = std::vector<std::string>;

namespace {

// A log, and who follows it over restarts.
class Log {
 public:
  Log() { restart(); }

  const TemporaryFolder& folder() const { return folder_; }
  void write(std::string_view text, std::string_view name = "log") const { folder_.append(name, text); }
  void rename(std::string_view from, std::string_view to) const {
    std::filesystem::rename(folder_.path(from), folder_.path(to));
  }
  // The kernel's own are only good for some milliseconds.
  void set_written(std::string_view name, int seconds) const {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    REQUIRE(::utimensat(AT_FDCWD, folder_.path(name).c_str(), times, 0) == 0);
  }

  // All that there is.
  Lines read() {
    lines_.clear();
    while (follower_->read() == FileFollower::Next::more) continue;
    return lines_;
  }
  void acknowledge() { follower_->acknowledge(last_); }
  // What is read and not acknowledged is read again.
  void restart() {
    remembered.clear();
    said.clear();
    FileFollower::Listener listener;
    listener.take = [this](std::optional<std::string_view> line, std::uint64_t position) {
      lines_.push_back(line ? std::string(*line) : "too long");
      positions.push_back(position);
      last_ = position;
    };
    listener.remember = [this](std::string_view line) { remembered.emplace_back(line); };
    listener.keep_bookmark = [this] { keep(); };
    listener.say = [this](log::Level, std::string line) { said.push_back(std::move(line)); };
    follower_.emplace(folder_.path("log"), std::move(listener));
    REQUIRE(follower_->begin(kept).has_value());
    keep();
  }
  // As after an acknowledgement.
  void keep() {
    kept = follower_->bookmark();
    kept->source = "x";
    kept->kept_at = now;
  }
  bool heard(std::string_view part) const {
    return std::ranges::any_of(said, [&](const auto& line) { return line.find(part) != std::string::npos; });
  }

  std::vector<std::uint64_t> positions;
  Lines remembered;
  Lines said;
  std::optional<Bookmark> kept;
  WallTime now{std::chrono::seconds(1'000'000)};

 private:
  TemporaryFolder folder_;
  std::optional<FileFollower> follower_;
  Lines lines_;
  std::uint64_t last_ = 0;
};

}  // namespace

TEST_CASE("a log that is there already is no news, and remembered alone") {
  Log log;
  log.write("old 1\nold 2\nhalf");
  log.kept.reset();
  log.restart();
  CHECK(log.read().empty());
  CHECK(log.remembered == Lines{"old 1", "old 2"});
  log.write(" a line\nnew\n");
  CHECK(log.read() == Lines{"half a line", "new"});
  CHECK(log.positions == std::vector<std::uint64_t>{24, 28});
}

TEST_CASE("a log that is not there is waited for, and read from its beginning") {
  Log log;
  CHECK(log.read().empty());
  CHECK(log.read().empty());
  CHECK(log.said.size() == 1);
  CHECK(log.heard("is not there; it is waited for"));
  log.write("first\n");
  CHECK(log.read() == Lines{"first"});
}

TEST_CASE("a log that came while nobody read, and was not there before, is read from its beginning") {
  Log log;
  CHECK(log.read().empty());
  log.write("first\n");
  log.restart();
  CHECK(log.read() == Lines{"first"});
}

TEST_CASE("what was not acknowledged is read again, at the same positions") {
  Log log;
  log.write("one\ntwo\n");
  CHECK(log.read() == Lines{"one", "two"});
  log.acknowledge();
  log.keep();
  log.write("three\nfo");
  CHECK(log.read() == Lines{"three"});
  log.restart();
  CHECK(log.remembered == Lines{"one", "two"});
  CHECK(log.read() == Lines{"three"});
  log.write("ur\n");
  CHECK(log.read() == Lines{"four"});
  CHECK(log.positions == std::vector<std::uint64_t>{4, 8, 14, 14, 19});
}

TEST_CASE("rotation by rename: the old file is read to its end, and then the new one") {
  Log log;
  log.write("one\n");
  CHECK(log.read() == Lines{"one"});
  log.rename("log", "log.1");
  CHECK(log.read().empty());
  log.write("two\n", "log.1");
  CHECK(log.read() == Lines{"two"});
  log.write("", "log");
  CHECK(log.read().empty());
  // Who writes has not opened the new one yet.
  log.write("three\n", "log.1");
  CHECK(log.read() == Lines{"three"});
  log.write("four\n", "log.1");
  log.write("five\n");
  CHECK(log.read() == Lines{"four", "five"});
  CHECK(log.positions == std::vector<std::uint64_t>{4, 8, 14, 19, 24});
  log.write("six\n");
  CHECK(log.read() == Lines{"six"});
}

TEST_CASE("rotations that come faster than reading are followed one by one") {
  Log log;
  log.write("one\n");
  CHECK(log.read() == Lines{"one"});
  for (const auto* next : {"two\n", "three\n", "four\n"}) {
    if (std::filesystem::exists(log.folder().path("log.2"))) log.rename("log.2", "log.3");
    if (std::filesystem::exists(log.folder().path("log.1"))) log.rename("log.1", "log.2");
    log.rename("log", "log.1");
    log.write(next);
  }
  CHECK(log.read() == Lines{"two", "three", "four"});
}

TEST_CASE("what was rotated while nobody read is found and read on, in its order") {
  Log log;
  log.write("one\ntwo\n");
  log.read();
  log.acknowledge();
  log.keep();
  log.write("three\n");
  SUBCASE("named by date") {
    log.rename("log", "log-20261119");
    log.write("four\n", "log-20261120");
    log.write("five\n");
    log.set_written("log-20261119", 1'000'100);
    log.set_written("log-20261120", 1'000'200);
  }
  SUBCASE("named by number") {
    log.rename("log", "log.2");
    log.write("four\n", "log.1");
    log.write("five\n");
    log.set_written("log.2", 1'000'100);
    log.set_written("log.1", 1'000'200);
  }
  SUBCASE("within one tick of the file system's clock") {
    log.rename("log", "log.2");
    log.write("four\n", "log.1");
    log.write("five\n");
    for (const auto* name : {"log.2", "log.1", "log"}) log.set_written(name, 1'000'100);
  }
  log.write("much older\n", "log.9");
  log.set_written("log.9", 900'000);
  log.write("not a log of ours\n", "log.old");
  log.restart();
  CHECK(log.read() == Lines{"three", "four", "five"});
  CHECK(log.positions == std::vector<std::uint64_t>{4, 8, 14, 19, 24});
}

TEST_CASE("lines of a new file that were read, and not acknowledged, have the same positions after a restart") {
  Log log;
  log.write("one\n");
  log.read();
  log.acknowledge();
  log.keep();
  log.write("two\n");
  log.rename("log", "log.1");
  log.write("three\n");
  CHECK(log.read() == Lines{"two", "three"});
  // Too late: it has been left, and what is written there would change the positions of all that came after.
  log.write("late\n", "log.1");
  log.positions.clear();
  log.restart();
  CHECK(log.read() == Lines{"two", "three"});
  CHECK(log.positions == std::vector<std::uint64_t>{8, 14});
}

TEST_CASE("a file that was truncated is read from its beginning") {
  Log log;
  log.write("one\ntwo\n");
  CHECK(log.read() == Lines{"one", "two"});
  std::filesystem::resize_file(log.folder().path("log"), 0);
  CHECK(log.read().empty());
  log.write("three\n");
  CHECK(log.read() == Lines{"three"});
  CHECK(log.positions == std::vector<std::uint64_t>{4, 8, 14});
  SUBCASE("and read on there after a restart") {
    log.acknowledge();
    log.keep();
    log.write("four\n");
    log.restart();
    CHECK(log.read() == Lines{"four"});
    CHECK(log.positions.back() == 19);
  }
  SUBCASE("and after a restart that nothing was acknowledged before") {
    log.restart();
    CHECK(log.read() == Lines{"three"});
    CHECK(log.positions.back() == 14);
  }
}

TEST_CASE("a file that was truncated, and has grown again before it was looked at, is read from its beginning") {
  for (const auto* text : {"six\nten\n", "three\nfour\nfive\n"}) {
    CAPTURE(text);
    Log log;
    log.write("one\ntwo\n");
    CHECK(log.read() == Lines{"one", "two"});
    std::filesystem::resize_file(log.folder().path("log"), 0);
    log.write(text);
    CHECK(log.read().size() == (std::string_view(text).size() == 8 ? 2 : 3));
    CHECK(log.positions[2] == 8 + std::string_view(text).find('\n') + 1);
  }
}

TEST_CASE("copytruncate while nobody read: the rest stands in the copy, and then comes the file") {
  Log log;
  log.write("one\ntwo\n");
  log.read();
  log.acknowledge();
  log.keep();
  log.write("three\n");
  std::filesystem::copy_file(log.folder().path("log"), log.folder().path("log.1"));
  std::filesystem::resize_file(log.folder().path("log"), 0);
  log.write("four\n");
  log.set_written("log.1", 1'000'100);
  log.set_written("log", 1'000'200);
  SUBCASE("shorter than before") {}
  SUBCASE("longer than before") {
    log.write("five which is long\n");
  }
  log.restart();
  const auto lines = log.read();
  REQUIRE(lines.size() >= 2);
  CHECK(Lines(lines.begin(), lines.begin() + 2) == Lines{"three", "four"});
  CHECK(log.positions[2] == 14);
  CHECK(log.positions[3] == 19);
}

TEST_CASE("half a line at the end of a file that was left is passed over, and said") {
  Log log;
  log.write("one\nhal");
  CHECK(log.read() == Lines{"one"});
  log.rename("log", "log.1");
  log.write("two\n");
  CHECK(log.read() == Lines{"two"});
  CHECK(log.heard("its 3 bytes are passed over"));
  CHECK(log.positions == std::vector<std::uint64_t>{4, 11});
}

TEST_CASE("a file that was removed is read to its end, and the next one of its name from its beginning") {
  Log log;
  log.write("one\n");
  log.read();
  log.write("two\n");
  std::filesystem::remove(log.folder().path("log"));
  CHECK(log.read() == Lines{"two"});
  log.write("three\n");
  CHECK(log.read() == Lines{"three"});
}

TEST_CASE("where the place is gone it is said, and no position is given twice") {
  Log log;
  log.write("one\ntwo\n");
  log.read();
  log.acknowledge();
  log.keep();
  SUBCASE("the file was compressed") {
    log.rename("log", "log.2.gz");
    log.set_written("log.2.gz", 1'000'300);
    log.write("three\n", "log.1");
    log.write("four\n");
    log.set_written("log.1", 1'000'400);
    log.write("much older\n", "log.3");
    log.set_written("log.3", 900'000);
    log.restart();
    CHECK(log.read() == Lines{"three", "four"});
    CHECK(log.heard("Nothing was read of what was written from 1970-01-12 13:46:40 UTC until 1970-01-12 13:51:40 UTC"));
  }
  SUBCASE("another file has its inode") {
    std::filesystem::resize_file(log.folder().path("log"), 0);
    log.write("three, which is longer than what was there\n");
    log.restart();
    CHECK(log.read() == Lines{"three, which is longer than what was there"});
    CHECK(log.heard("cannot be found any more"));
  }
  SUBCASE("there is no file at all") {
    std::filesystem::remove(log.folder().path("log"));
    log.restart();
    CHECK(log.read().empty());
    log.write("three\n");
    CHECK(log.read() == Lines{"three"});
  }
  CHECK(log.positions[2] > FileFollower::leap);
  CHECK(std::set(log.positions.begin(), log.positions.end()).size() == log.positions.size());
}

TEST_CASE("a line of more than 64 KiB is passed over, and has a position") {
  Log log;
  log.write("one\n" + std::string(200'000, 'x') + "\ntwo\n");
  CHECK(log.read() == Lines{"one", "too long", "two"});
  CHECK(log.positions == std::vector<std::uint64_t>{4, 200'005, 200'009});
}

TEST_CASE("what is remembered is the last MiB, the file before included") {
  Log log;
  const std::string line(99, 'x');
  for (int count = 0; count < 20'000; ++count) log.write(line + "\n");
  log.read();
  log.acknowledge();
  log.keep();
  log.restart();
  CHECK(log.remembered.size() == FileFollower::most_remembered / 100);
  log.rename("log", "log.1");
  log.write("new\n");
  log.read();
  log.acknowledge();
  log.keep();
  log.restart();
  CHECK(log.remembered.size() == FileFollower::most_remembered / 100 + 1);
  CHECK(log.remembered.back() == "new");
}

TEST_CASE("what is no file is refused, as a FIFO would never end") {
  const TemporaryFolder folder;
  REQUIRE(::mkfifo(folder.path("log").c_str(), 0600) == 0);
  FileFollower follower(folder.path("log"), {});
  const auto begun = follower.begin(std::nullopt);
  REQUIRE(!begun);
  CHECK(begun.error().message.find("is no file; see [maillog] source") != std::string::npos);
}
