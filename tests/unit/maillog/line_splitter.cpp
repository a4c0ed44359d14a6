#include "maillog/source/line_splitter.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace mxwarden::maillog;

namespace {

struct Split {
  void feed(std::string_view bytes) {
    splitter.feed(bytes, [this](std::optional<std::string_view> line, std::uint64_t end) {
      lines.push_back(line ? std::string(*line) : "too long");
      ends.push_back(end);
    });
  }

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
    for (std::size_t at = 0; at < text.size(); at += piece) split.feed(std::string_view(text).substr(at, piece));
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

TEST_CASE("a line may have 64 KiB, and a longer one is passed over in one go") {
  const std::string longest(LineSplitter::longest_line, 'x');
  for (const std::size_t piece : {std::size_t{1000}, std::size_t{65536}, std::size_t{500'000}}) {
    CAPTURE(piece);
    Split split;
    const auto text = longest + "\n" + longest + "y\n" + longest + longest + longest + "\nlast\n";
    for (std::size_t at = 0; at < text.size(); at += piece) split.feed(std::string_view(text).substr(at, piece));
    CHECK(split.lines == std::vector<std::string>{longest, "too long", "too long", "last"});
    CHECK(split.ends.back() == text.size());
    CHECK(split.splitter.too_long() == 2);
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
