#include "maillog/source/state_file.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "support/temporary_folder.hpp"

using namespace mxwarden;
using namespace mxwarden::maillog;
using tests::TemporaryFolder;

namespace {

constexpr const char* source = "file:/var/log/mail.log";

Bookmark some_bookmark() {
  return {.source = "mx:file:/var/log/mail.log:00c0ffee",
          .position = std::uint64_t{1} << 60U,
          .kept_at = WallTime(std::chrono::milliseconds(1'763'770'000'123)),
          .parts = {{.inode = 131, .base = 0}, {.inode = 18'446'744'073'709'551'615U, .base = 4096}},
          .fingerprint = 0xfedcba9876543210U,
          .cursor = "s=0639;i=1f;b=\"quoted\""};
}

}  // namespace

TEST_CASE("a bookmark is read as it was written") {
  const auto read = parse_bookmark(to_text(some_bookmark()));
  REQUIRE(read.has_value());
  CHECK(*read == some_bookmark());
}

TEST_CASE("a text that is no bookmark is refused with the reason") {
  const struct {
    const char* label;
    std::string text;
    const char* error;
  } rows[] = {
      {"no JSON", "{\"format\":1", "it is no JSON object"},
      {"empty", "", "it is no JSON object"},
      {"a later release's", R"({"format":2})", "it is of format 2, and this release knows 1"},
      {"without a source", R"({"format":1,"position":1,"kept_at":1,"parts":[],"fingerprint":"0","cursor":""})",
       "`source' is missing, or no text"},
      {"parts that do not ascend",
       R"({"format":1,"source":"s","position":1,"kept_at":1,"parts":[{"inode":1,"base":9},{"inode":2,"base":8}],)"
       R"("fingerprint":"0","cursor":""})",
       "`parts' are not in their order"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.label);
    const auto read = parse_bookmark(row.text);
    REQUIRE(!read);
    CHECK(read.error().message == row.error);
  }
}

TEST_CASE("what was written is there for the next process, in a directory that is made") {
  const TemporaryFolder folder;
  {
    auto opened = StateFile::open(folder.path("state"), source);
    REQUIRE(opened.has_value());
    CHECK(!opened->bookmark);
    CHECK(!opened->set_aside);
    REQUIRE(opened->file.write(Bookmark()).has_value());
    REQUIRE(opened->file.write(some_bookmark()).has_value());
  }
  const auto opened = StateFile::open(folder.path("state"), source);
  REQUIRE(opened.has_value());
  CHECK(opened->bookmark == some_bookmark());
}

TEST_CASE("two sources have two files, also where their names differ in marks alone") {
  const TemporaryFolder folder;
  const auto one = StateFile::open(folder.path(), "file:/var/log/a-b");
  const auto other = StateFile::open(folder.path(), "file:/var/log/a_b");
  REQUIRE(one.has_value());
  REQUIRE(other.has_value());
  CHECK(one->file.path() != other->file.path());
}

TEST_CASE("a damaged file is set aside, and reading begins as at the first start") {
  const TemporaryFolder folder;
  std::string path;
  {
    const auto opened = StateFile::open(folder.path(), source);
    REQUIRE(opened.has_value());
    path = opened->file.path();
  }
  folder.append(std::filesystem::path(path).filename().string(), "{\"format\":1,\"sou");
  const auto opened = StateFile::open(folder.path(), source);
  REQUIRE(opened.has_value());
  CHECK(!opened->bookmark);
  REQUIRE(opened->set_aside);
  CHECK(opened->set_aside->message.find(path + ".damaged") != std::string::npos);
  CHECK(std::filesystem::exists(path + ".damaged"));
  CHECK(!std::filesystem::exists(path));
}

TEST_CASE("one process follows a source, and the lock of one that was killed is none") {
  const TemporaryFolder folder;
  const auto child = ::fork();
  if (child == 0) {
    const auto held = StateFile::open(folder.path(), source);
    ::raise(SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  const auto first = StateFile::open(folder.path(), source);
  REQUIRE(first.has_value());
  const auto second = StateFile::open(folder.path(), source);
  REQUIRE(!second);
  CHECK(second.error().message.find("another mxwarden-maillog follows file:/var/log/mail.log") == 0);
}

TEST_CASE("a directory that cannot be made says so, and what to do") {
  const auto opened = StateFile::open("/proc/nowhere/state", source);
  REQUIRE(!opened);
  CHECK(
      opened.error().message ==
      "how far the log was read cannot be kept in /proc/nowhere/state: No such file or directory; make the directory, "
      "give it to the user that this runs as, or name another in [maillog] state");
}
