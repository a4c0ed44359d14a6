#include "maillog/once/line_reader.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace mxwarden::maillog {
namespace {

struct Line {
  std::uint64_t position;
  std::string text;

  bool operator==(const Line&) const = default;
};

struct Read {
  std::vector<Line> lines;
  std::uint64_t counted = 0;
  std::uint64_t too_long = 0;
  std::uint64_t bytes = 0;
};

Read read_all(int descriptor) {
  Read read;
  LineReader reader(descriptor);
  for (bool more = true; more;) {
    more = reader.read().value();
    while (const auto line = reader.next()) read.lines.push_back({reader.position(), std::string(*line)});
  }
  return {std::move(read.lines), reader.lines(), reader.too_long(), reader.bytes()};
}

// A file that goes with this object.
class File {
 public:
  explicit File(const std::string& text) : file_(std::tmpfile()) {
    REQUIRE(std::fwrite(text.data(), 1, text.size(), file_) == text.size());
    std::rewind(file_);
  }
  ~File() { std::fclose(file_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int descriptor() const { return ::fileno(file_); }

 private:
  std::FILE* file_;
};

Read read_text(const std::string& text) {
  return read_all(File(text).descriptor());
}

}  // namespace

TEST_CASE("each line comes with where it begins, however it ends") {
  const auto read = read_text("one\ntwo\r\n\nlast");
  CHECK(read.lines == std::vector<Line>{{0, "one"}, {4, "two"}, {9, ""}, {10, "last"}});
  CHECK(read.counted == 4);
  CHECK(read.bytes == 14);
}

TEST_CASE("an empty log has no line") {
  CHECK(read_text("").counted == 0);
  CHECK(read_text("\n").counted == 1);
}

TEST_CASE("zero bytes and bytes that are no text are in a line as any other") {
  const std::string text("a\0b\xFF\x1B\n", 6);
  CHECK(read_text(text).lines.front().text == text.substr(0, 5));
}

TEST_CASE("lines that go over the end of a block are whole") {
  std::string text;
  std::vector<Line> lines;
  for (int number = 0; text.size() < 3 * LineReader::block_size; ++number) {
    lines.push_back({text.size(), std::to_string(number) + std::string(static_cast<std::size_t>(number) % 777, 'x')});
    text += lines.back().text + "\n";
  }
  CHECK(read_text(text).lines == lines);
}

TEST_CASE("a line that comes piece by piece is one") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  std::thread writer([&] {
    for (const auto* piece : {"on", "e\ntw", "o\n", "thr", "ee"}) {
      CHECK(::write(ends[1], piece, std::string_view(piece).size()) > 0);
      std::this_thread::yield();
    }
    ::close(ends[1]);
  });
  const auto read = read_all(ends[0]);
  writer.join();
  ::close(ends[0]);
  CHECK(read.lines == std::vector<Line>{{0, "one"}, {4, "two"}, {8, "three"}});
}

TEST_CASE("a line that is too long is passed over and counted, wherever its end is") {
  const std::string longest(LineReader::longest_line, 'x');
  struct Row {
    const char* label;
    std::string line;
    bool too_long;
  };
  for (const auto& row : {Row{"just as long", longest, false}, Row{"with a carriage return", longest + "\r", false},
                          Row{"one byte too long", longest + "x", true},
                          Row{"over a block", std::string(LineReader::block_size + 5, 'x'), true},
                          Row{"over many", std::string(5 * LineReader::block_size, 'x'), true}}) {
    CAPTURE(row.label);
    const auto read = read_text("before\n" + row.line + "\nafter\n");
    CHECK(read.lines.front().text == "before");
    CHECK(read.lines.back() == Line{8 + row.line.size(), "after"});
    CHECK(read.lines.size() == (row.too_long ? 2 : 3));
    CHECK(read.too_long == (row.too_long ? 1 : 0));
    CHECK(read.counted == 3);
    const auto last = read_text("before\n" + row.line);
    CHECK(last.lines.size() == (row.too_long ? 1 : 2));
    CHECK(last.counted == 2);
  }
}

TEST_CASE("what cannot be read says why") {
  LineReader reader(-1);
  CHECK(reader.read().error().message == "Bad file descriptor");
}

}  // namespace mxwarden::maillog
