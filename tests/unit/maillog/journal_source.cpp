#include "maillog/source/journal_source.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace mxwarden;
using namespace mxwarden::maillog;
using namespace std::chrono_literals;
using tests::TemporaryFolder;
using Texts = std::vector<std::string>;

namespace {

struct Taker final : LineTaker {
  void take(const LogLine* line, std::uint64_t position) override {
    texts.push_back(line == nullptr ? "none" : std::string(line->text));
    positions.push_back(position);
  }
  void remember(const LogLine&) override {}
  void taken() override {}
  bool full() const override { return is_full; }
  void keep_bookmark() override {}
  void ended() override {}

  Texts texts;
  std::vector<std::uint64_t> positions;
  bool is_full = false;
};

std::string entry(const std::string& number) {
  return R"({"__CURSOR":"c)" + number + R"(","__REALTIME_TIMESTAMP":"1","SYSLOG_IDENTIFIER":"dovecot","MESSAGE":")" +
         number + "\"}\n";
}

// Stands for journalctl: writes down what it was asked, and says what a file says.
struct Rig {
  explicit Rig(std::optional<Bookmark> bookmark = std::nullopt, const std::string& then = "exec sleep 60") {
    const auto script = "echo \"$*\" >> " + folder.path("asked") + "; cat " + folder.path("said") + "; " + then;
    source.emplace(context, clock, taker, Texts{"/bin/sh", "-c", script, "journalctl"}, std::move(bookmark), 1);
  }

  bool read(std::size_t lines) {
    context.restart();
    for (int turns = 0; taker.texts.size() < lines && turns < 1000; ++turns) context.run_one_for(10s);
    return taker.texts.size() == lines;
  }
  Texts asked() const {
    Texts lines;
    std::ifstream file(folder.path("asked"));
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  TemporaryFolder folder;
  boost::asio::io_context context;
  ManualClock clock;
  Taker taker;
  std::optional<JournalSource> source;
};

constexpr const char* common = "--follow --output=json SYSLOG_FACILITY=2 SYSLOG_FACILITY=22";

}  // namespace

TEST_CASE("without a bookmark the journal is read from now on, and entries are counted") {
  Rig rig;
  rig.folder.append("said", entry("1") + "no entry\n" + entry("2"));
  REQUIRE(rig.source->start().has_value());
  REQUIRE(rig.read(3));
  CHECK(rig.taker.texts == Texts{"1", "none", "2"});
  CHECK(rig.taker.positions == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(rig.asked() == Texts{common + std::string(" --since=@86400.000000 --no-tail")});
  rig.source->acknowledge(2);
  CHECK(rig.source->bookmark()->position == 1);
  CHECK(rig.source->bookmark()->cursor == "c1");
  rig.source->acknowledge(3);
  CHECK(rig.source->bookmark()->position == 3);
  CHECK(rig.source->bookmark()->cursor == "c2");
  rig.source->stop();
}

TEST_CASE("what journalctl remarks between entries is no line") {
  Rig rig;
  rig.folder.append("said", "-- Boot 5fb1c5d0e3a14c7f8f4b0d5c2a7e9b11 --\n" + entry("1"));
  REQUIRE(rig.source->start().has_value());
  REQUIRE(rig.read(1));
  CHECK(rig.taker.texts == Texts{"1"});
  CHECK(rig.taker.positions == std::vector<std::uint64_t>{1});
  rig.source->stop();
}

TEST_CASE("with a bookmark reading goes on after its cursor, and counting after its position") {
  Bookmark bookmark;
  bookmark.position = 40;
  bookmark.cursor = "s=1;i=2";
  Rig rig(bookmark);
  rig.folder.append("said", entry("1"));
  REQUIRE(rig.source->start().has_value());
  REQUIRE(rig.read(1));
  CHECK(rig.taker.positions == std::vector<std::uint64_t>{41});
  CHECK(rig.asked() == Texts{common + std::string(" --after-cursor=s=1;i=2 --no-tail")});
  CHECK(rig.source->bookmark()->cursor == "s=1;i=2");
  rig.source->stop();
}

TEST_CASE("a journalctl that ends is started again, after the last entry it gave") {
  Rig rig(std::nullopt, "exit 1");
  rig.folder.append("said", entry("1") + entry("2") + "{\"half");
  REQUIRE(rig.source->start().has_value());
  REQUIRE(rig.read(4));
  CHECK(rig.taker.texts == Texts{"1", "2", "1", "2"});
  CHECK(rig.taker.positions == std::vector<std::uint64_t>{1, 2, 3, 4});
  CHECK(rig.asked().at(1) == common + std::string(" --after-cursor=c2 --no-tail"));
  rig.source->stop();
}

TEST_CASE("while the taker is full nothing is read") {
  Rig rig;
  rig.folder.append("said", entry("1"));
  rig.taker.is_full = true;
  REQUIRE(rig.source->start().has_value());
  rig.context.run_one_for(10s);
  CHECK(rig.context.run_one_for(50ms) == 0);
  CHECK(rig.taker.texts.empty());
  rig.taker.is_full = false;
  rig.source->go_on();
  CHECK(rig.read(1));
  rig.source->stop();
}

TEST_CASE("a journalctl that is not there is an error with a remedy") {
  boost::asio::io_context context;
  SystemClock clock;
  Taker taker;
  JournalSource source(context, clock, taker, {"/nowhere/journalctl"}, std::nullopt, 1);
  const auto started = source.start();
  REQUIRE(!started);
  CHECK(started.error().message ==
        "/nowhere/journalctl cannot be run: No such file or directory; install systemd, or name another [maillog] "
        "source");
}
