#pragma once
// How far a source was read, as it is kept over a restart (maillog/source/state_file.hpp).

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace mxwarden::maillog {

// A log file, as the first, second, ... generation of what is written to one path. Known by its inode; its device is
// not asked for, as all that it is looked for among is in one directory, and a device's number may change at a reboot.
struct FilePart {
  std::uint64_t inode = 0;
  std::uint64_t base = 0;  // the position of its beginning

  bool operator==(const FilePart&) const = default;
};

struct Bookmark {
  std::string source;          // names whose positions these are: node, source and a random number
  std::uint64_t position = 0;  // of the last line that is done with
  WallTime kept_at{};          // when this was kept

  // Of a file: the parts from that of `position` on to that which is read. And a fingerprint of the bytes before
  // `position` in its part, so that another file with its inode is not taken for it; 0: there are none.
  std::vector<FilePart> parts;
  std::uint64_t fingerprint = 0;

  // Of the journal: of the entry at `position`; before the first entry, when reading began.
  std::string cursor;

  bool operator==(const Bookmark&) const = default;
};

}  // namespace mxwarden::maillog
