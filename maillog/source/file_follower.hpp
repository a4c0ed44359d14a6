#pragma once
// Reads a log file as it grows, through its rotation: by rename, where the old file is read to its end and then the new
// one from its beginning, and by copytruncate. Also what was rotated while nobody read: the file that was being read is
// found by its inode, or by what stands before the place where reading stopped, and after it come those that are later.
//
// Positions: the cumulative bytes of all parts, a part being a file, or what a truncated file holds anew. A line's is
// that of its end. So that a line has the same position when it is read again, the bookmark names the part that is read
// before a line of it is taken, and with it where the part before has ended.
//
// Where it is not known how what is found goes on from what was read, positions leap by 2^40: none is given twice.
//
// The file is left for the next one when somebody has written to that, or to one after it: until then whoever writes
// may still have the old one open.
//
// BUGS: what was written before a copytruncate, and not read by then, is lost, unless nobody read at all. Two programs
// that write to one log and reopen it at different times lose what the later one still writes to the old file.
//
// Calls read the disk, 64 KiB at a time. No thread, no timer, no inotify: who calls knows when there is something new.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_descriptor.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "maillog/source/bookmark.hpp"
#include "maillog/source/line_splitter.hpp"
#include "maillog/source/rotation.hpp"

namespace mxwarden::maillog {

class FileFollower {
 public:
  struct Listener {
    // Nothing: it was too long.
    std::function<void(std::optional<std::string_view> line, std::uint64_t position)> take;
    // One that was taken before the bookmark.
    std::function<void(std::string_view line)> remember;
    // bookmark() must be kept before the next line is taken.
    std::function<void()> keep_bookmark;
    std::function<void(log::Level, std::string)> say;
  };

  enum class Next : std::uint8_t {
    more,    // there may be more to read at once
    nothing  // until somebody has written
  };

  static constexpr std::uint64_t leap = std::uint64_t{1} << 40U;
  static constexpr std::uint64_t most_remembered = 1 << 20;

  FileFollower(std::string path, Listener listener);

  // Once. Without a bookmark at the end of the file as it is. The error: there is a file that must not be read.
  Result<void> begin(const std::optional<Bookmark>& bookmark);
  Next read();
  void acknowledge(std::uint64_t position);
  // `parts`, `fingerprint` and `position` alone.
  Bookmark bookmark() const;

  // The file that is being read; -1: none is.
  int descriptor() const { return parts_.empty() ? -1 : parts_.back().file.get(); }

 private:
  struct Part {
    FileDescriptor file;  // none: it was truncated
    std::uint64_t inode = 0;
    std::uint64_t base = 0;
  };

  void begin_at_end();
  void go_on_at(const Bookmark& bookmark);
  void say_part_is_gone() const;
  void lose_the_way(const Bookmark& bookmark, const LogFiles& found);
  bool open_first();
  bool open(const LogFile& file, std::uint64_t base);
  void begin_part(FileDescriptor file, std::uint64_t inode, std::uint64_t base);
  void begin_at(std::uint64_t offset);
  void say_unreadable(const std::string& path, int error);
  void remember_before(const std::vector<LogFile>& files, std::uint64_t end);

  Next at_end();
  Next begin_known_part();
  Next begin_truncated();
  Next leave();
  bool is_live() const;
  std::vector<LogFile> later_files() const;
  void say_half_line(std::uint64_t size) const;
  std::uint64_t next_base() const;

  std::string path_;
  Listener listener_;
  std::string buffer_;
  std::deque<Part> parts_;                 // from the acknowledged one to the one that is being read
  std::deque<FilePart> known_;             // after those, as the process before had begun them
  LineSplitter splitter_;                  // of the last part: it counts the part's bytes
  std::string tail_;                       // what was read last
  std::uint64_t position_ = 0;             // acknowledged
  std::uint64_t fingerprint_ = 0;          // of what stands before that
  std::uint64_t least_base_ = 0;           // of the next part
  WallTime read_until_ = WallTime::max();  // without a part: what was written last before this is not read
  bool leaving_ = false;                   // the next one was seen: this one is read to its end once more
  bool missing_ = false;                   // it was said that there is no file
  std::string unreadable_;                 // of which it was said that it cannot be read
};

}  // namespace mxwarden::maillog
