#pragma once
// The log that is read once: which one it is, opened, and what is known of it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "conf/command_line.hpp"

namespace mxwarden::maillog {

class LogInput {
 public:
  // `path`, or `-` for standard input. The error names it, and says what to do.
  static Result<LogInput> open(const std::string& path);

  LogInput(LogInput&& other) noexcept;
  LogInput& operator=(LogInput&&) = delete;
  ~LogInput();

  // What comes next, 256 KiB at most, until the next call; where there is nothing yet it waits. Empty: that was all.
  Result<std::string_view> read();
  const std::string& name() const { return name_; }  // for people
  // Of a regular file.
  std::optional<std::uint64_t> size() const { return size_; }
  // When the last line was written, of a regular file: times without a year are to be those before it.
  std::optional<WallTime> written_at() const { return written_at_; }

 private:
  static constexpr std::size_t block_size = 256 * 1024;

  LogInput(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)), block_(block_size) {}

  int descriptor_;
  std::string name_;
  std::vector<char> block_;
  std::optional<std::uint64_t> size_;
  std::optional<WallTime> written_at_;
};

// What the command line names, else [maillog] source, if that is a file. The error is one of usage.
Result<std::string> path_of_log(const conf::Started& started);

// What a compressed file is to be read with, by its first bytes: `zcat` and the like; empty: it is not compressed.
std::string_view decompressor_of(std::string_view first_bytes);

}  // namespace mxwarden::maillog
