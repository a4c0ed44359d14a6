#include "maillog/once/log_input.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>

namespace mxwarden::maillog {
namespace {

using Kind = conf::LogSource::Kind;

conf::Started started(Kind kind, std::optional<std::string> operand = {}) {
  conf::Started started;
  started.configuration.settings.maillog.source = {kind, kind == Kind::file ? "/var/log/mail.log" : "/run/x"};
  started.operand = std::move(operand);
  return started;
}

}  // namespace

TEST_CASE("what the command line names comes before the setting") {
  CHECK(path_of_log(started(Kind::file, "other.log")).value() == "other.log");
  CHECK(path_of_log(started(Kind::journal, "-")).value() == "-");
  CHECK(path_of_log(started(Kind::file)).value() == "/var/log/mail.log");
}

TEST_CASE("a source that is no file cannot be read once, and the error says what can") {
  for (const auto kind : {Kind::fifo, Kind::syslog, Kind::standard_input}) {
    CHECK(path_of_log(started(kind)).error().message ==
          "[maillog] source is no file; name a FILE, or `-' for standard input");
  }
  CHECK(path_of_log(started(Kind::journal)).error().message.find("journalctl -o short") != std::string::npos);
}

TEST_CASE("what cannot be opened is named, with the reason and what to do") {
  CHECK(LogInput::open("/no/such\x1b/file").error().message ==
        "/no/such\\x1b/file: No such file or directory; name the log, or `-' for standard input");
  CHECK(LogInput::open("/").error().message == "/ is a directory; name the log in it");
}

TEST_CASE("of a file the size and its last change are known, of a device they are not") {
  const auto device = LogInput::open("/dev/null");
  REQUIRE(device.has_value());
  CHECK_FALSE(device->size());
  CHECK_FALSE(device->written_at());
  const auto file = LogInput::open(MXWARDEN_SOURCE_DIR "/tests/unit/maillog/log_input.cpp");
  REQUIRE(file.has_value());
  CHECK(*file->size() > 1000);
  CHECK(*file->written_at() > WallTime());
}

TEST_CASE("what is read comes in blocks, and the last one is empty") {
  auto file = LogInput::open(MXWARDEN_SOURCE_DIR "/tests/unit/maillog/log_input.cpp");
  REQUIRE(file.has_value());
  const auto block = file->read();
  REQUIRE(block.has_value());
  CHECK(block->starts_with("#include"));
  CHECK(block->size() == *file->size());
  CHECK(file->read().value().empty());
}

TEST_CASE("what cannot be read says why") {
  auto file = LogInput::open("/proc/self/mem");
  REQUIRE(file.has_value());
  CHECK(file->read().error().message == "Input/output error");
}

TEST_CASE("a compressed log is known by its first bytes") {
  CHECK(decompressor_of("\x1F\x8B\x08...") == "zcat");
  CHECK(decompressor_of(std::string_view("\xFD"
                                         "7zXZ\0\0",
                                         7)) == "xzcat");
  CHECK(decompressor_of("BZh91AY") == "bzcat");
  CHECK(decompressor_of("\x28\xB5\x2F\xFD") == "zstdcat");
  CHECK(decompressor_of("Nov 20 23:33:36 mx").empty());
  CHECK(decompressor_of("").empty());
}

}  // namespace mxwarden::maillog
