#pragma once
// The files that a log's rotation leaves beside it, in the order in which they were written.
//
// Looked at are the file itself and NAME.1, NAME-20261121 and the like: NAME, a dot or a dash, and nothing but digits
// and marks. Those that were compressed since are not read, and only counted among what is lost.
//
// BUGS: the order is that of the last write. A rotated file that somebody writes to, or touches, later on is taken for
// a later one.

#include <time.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace mxwarden::maillog {

struct LogFile {
  std::string path;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  WallTime written{};  // last
  bool live = false;   // it has the log's own name

  bool operator==(const LogFile&) const = default;
};

struct LogFiles {
  std::vector<LogFile> files;       // the oldest first, the live one last
  std::vector<LogFile> compressed;  // likewise
};

// In that order. The kernel's time of a write is only good for some milliseconds: of two as old the name decides.
bool older(const LogFile& left, const LogFile& right);

WallTime time_of(const timespec& time);

// What cannot be looked at is not there.
LogFiles log_files(const std::string& path);

}  // namespace mxwarden::maillog
