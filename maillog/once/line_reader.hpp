#pragma once
// The lines of a descriptor, read in large blocks: a line is a view of the block it came with. Only one that goes over
// the end of a block is moved.
//
//   for (bool more = true; more;) {
//     more = reader.read().value();
//     while (const auto line = reader.next()) ...
//   }
//
// A line end is `\n` or `\r\n`; the last line needs none. A line that is longer than longest_line is passed over and
// counted. What else a line holds, zero bytes included, is nobody's business here.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace mxwarden::maillog {

class LineReader {
 public:
  static constexpr std::size_t block_size = 256 * 1024;
  static constexpr std::size_t longest_line = 64 * 1024;

  // The descriptor stays the caller's, and waits where there is nothing yet.
  explicit LineReader(int descriptor) : descriptor_(descriptor), buffer_(longest_line + 2 + block_size) {}

  // One more block, or what there is of it, once next() has no more; ends all lines handed out before. False: that was
  // the last of it.
  Result<bool> read();
  // Nothing: read() comes next. Else a line, which lives until then.
  std::optional<std::string_view> next();

  // Of the line that next() has returned: where it begins in what was read, in bytes, and its number, from 1.
  std::uint64_t position() const { return position_; }
  std::uint64_t lines() const { return lines_; }  // those passed over are counted too
  std::uint64_t too_long() const { return too_long_; }
  std::uint64_t bytes() const { return base_ + end_; }
  // What was read last; for who wants to know what sort of file it is.
  std::string_view block() const { return {buffer_.data() + begin_, end_ - begin_}; }

 private:
  std::optional<std::string_view> take(std::size_t size, std::size_t with_end);
  std::optional<std::string_view> rest();

  int descriptor_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what no line was made of yet
  std::size_t seen_ = 0;   // until there it has no line end
  std::size_t end_ = 0;
  std::uint64_t base_ = 0;     // bytes read before the buffer's first
  bool passing_over_ = false;  // the line that begins here has begun before, and is too long
  bool ended_ = false;
  std::uint64_t position_ = 0;
  std::uint64_t lines_ = 0;
  std::uint64_t too_long_ = 0;
};

}  // namespace mxwarden::maillog
