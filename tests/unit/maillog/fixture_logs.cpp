// Every log that a real Postfix and Dovecot have written (tests/fixtures/maillog*), with the events that are to be
// found in it: tests/fixtures/maillog-events/NAME.ref, an event a line. The three forms of a log say the same.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "rig.hpp"

using namespace mxwarden;
using namespace mxwarden::maillog;
namespace filesystem = std::filesystem;

namespace {

const filesystem::path fixtures = filesystem::path(MXWARDEN_TESTS_DIR) / "fixtures";

struct Read {
  std::string events;  // a line each
  std::vector<std::string> unknown;
};

Read read_log(const filesystem::path& path) {
  Read read;
  LineParser parser;
  Recogniser recogniser(all_recognisers());
  std::ifstream file(path);
  std::string text;
  for (std::uint64_t position = 1; std::getline(file, text); ++position) {
    const auto line = parser.parse(text, Rig::read_at);
    if (!line) {
      read.unknown.push_back("no line of a log: " + text);
      continue;
    }
    const auto recognised = recogniser.see(*line, position);
    if (recognised.what == Recognised::What::unknown) read.unknown.push_back(text);
    if (recognised.event) read.events += summary(*recognised.event) + '\n';
    if (recognised.event) CHECK(recognised.event->time == line->time);
    if (recognised.event) CHECK(recognised.event->position == position);
  }
  return read;
}

std::string contents(const filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Two processes of Postfix may log in either order.
std::vector<std::string> sorted_lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  std::ranges::sort(lines);
  return lines;
}

// The three forms are of three runs; what went otherwise in one has a table of its own, in a folder of its name.
filesystem::path expected_of(const filesystem::path& log) {
  const auto tables = fixtures / "maillog-events";
  const auto name = log.filename().replace_extension(".ref");
  const auto own = tables / log.parent_path().filename() / name;
  return filesystem::exists(own) ? own : tables / name;
}

}  // namespace

TEST_CASE("the logs of a real Postfix and Dovecot say in all three forms what their tables expect") {
  std::size_t logs = 0;
  for (const auto* folder : {"maillog", "maillog-rsyslog-iso", "maillog-rsyslog-trad"}) {
    for (const auto& entry : filesystem::directory_iterator(fixtures / folder)) {
      ++logs;
      CAPTURE(entry.path().string());
      const auto read = read_log(entry.path());
      const auto expected = expected_of(entry.path());
      CHECK(filesystem::exists(expected));
      CHECK(sorted_lines(read.events) == sorted_lines(contents(expected)));
      CHECK(read.unknown == std::vector<std::string>{});
    }
  }
  CHECK(logs == 207);
}
