#include "maillog/source/line_splitter.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace mxwarden::maillog;

namespace {

struct Split {
  void feed(std::string_view bytes) { splitter.feed(bytes, take); }
  void feed(std::string_view text, std::size_t piece) {
    for (std::size_t at = 0; at < text.size(); at += piece) feed(text.substr(at, piece));
  }
  void end() { splitter.end(take); }

  LineSplitter::Take take = [this](std::optional<std::string_view> line, std::uint64_t end) {
    lines.push_back(line ? std::string(*line) : "too long");
    ends.push_back(end);
  };

  LineSplitter splitter;
  std::vector<std::string> lines;
  std::vector<std::uint64_t> ends;
};

}  // namespace

TEST_CASE("lines come out as they went in, wherever the bytes are cut") {
  const std::string text = "one\r\n\ntwo words\nthree\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    CAPTURE(piece);
    Split split;
    split.feed(text, piece);
    CHECK(split.lines == std::vector<std::string>{"one", "", "two words", "three"});
    CHECK(split.ends == std::vector<std::uint64_t>{5, 6, 16, 22});
  }
}

TEST_CASE("a line without its end waits for it") {
  Split split;
  split.feed("one\ntw");
  CHECK(split.lines == std::vector<std::string>{"one"});
  CHECK(split.splitter.fed() == 6);
  CHECK(split.splitter.ended() == 4);
  split.feed("o\n");
  CHECK(split.lines == std::vector<std::string>{"one", "two"});
}

TEST_CASE("the last line is one also without its end, once") {
  Split split;
  split.end();
  CHECK(split.lines.empty());
  split.feed("one\ntwo\r");
  split.end();
  split.end();
  CHECK(split.lines == std::vector<std::string>{"one", "two"});
  CHECK(split.ends == std::vector<std::uint64_t>{4, 8});
}

TEST_CASE("zero bytes and bytes that are no text are in a line as any other") {
  Split split;
  const std::string text("a\0b\xFF\x1B\r\r\n", 8);
  split.feed(text);
  CHECK(split.lines == std::vector<std::string>{text.substr(0, 6)});
}

TEST_CASE("a line may have 64 KiB beside its end, and a longer one is passed over in one go") {
  const std::string longest(LineSplitter::longest_line, 'x');
  struct Row {
    const char* label;
    std::string line;
    bool too_long;
  };
  for (const auto& row : {Row{"just as long", longest, false}, Row{"with a carriage return", longest + "\r", false},
                          Row{"one byte too long", longest + "x", true}, Row{"two returns", longest + "\r\r", true},
                          Row{"many times too long", std::string(3 * longest.size(), 'x'), true}}) {
    for (const std::size_t piece : std::vector<std::size_t>{1000, 65536, 65537, 65538, 500'000}) {
      CAPTURE(row.label);
      CAPTURE(piece);
      const auto expected = row.too_long ? "too long" : longest;
      Split split;
      const auto text = row.line + "\nafter\n" + row.line;
      split.feed(text, piece);
      CHECK(split.lines == std::vector<std::string>{expected, "after"});
      split.end();
      CHECK(split.lines.back() == expected);
      CHECK(split.ends == std::vector<std::uint64_t>{row.line.size() + 1, row.line.size() + 7, text.size()});
      CHECK(split.splitter.too_long() == (row.too_long ? 2 : 0));
    }
  }
}

TEST_CASE("what was begun is forgotten when it begins anew") {
  Split split;
  split.feed("half");
  split.splitter.begin_anew(100);
  split.feed("whole\n");
  CHECK(split.lines == std::vector<std::string>{"whole"});
  CHECK(split.ends == std::vector<std::uint64_t>{106});
}
