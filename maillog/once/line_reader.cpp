#include "maillog/once/line_reader.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace mxwarden::maillog {

Result<bool> LineReader::read() {
  const auto left = end_ - begin_;
  std::memmove(buffer_.data(), buffer_.data() + begin_, left);
  base_ += begin_;
  seen_ -= begin_;
  begin_ = 0;
  end_ = left;
  ssize_t got = 0;
  do {
    got = ::read(descriptor_, buffer_.data() + end_, block_size);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return Error{std::generic_category().message(errno)};
  end_ += static_cast<std::size_t>(got);
  ended_ = got == 0;
  return !ended_;
}

std::optional<std::string_view> LineReader::next() {
  while (seen_ < end_) {
    const auto* const from = buffer_.data() + seen_;
    const auto* const found = static_cast<const char*>(std::memchr(from, '\n', end_ - seen_));
    if (found == nullptr) return rest();
    const auto size = static_cast<std::size_t>(found - (buffer_.data() + begin_));
    if (const auto line = take(size, size + 1)) return line;
  }
  return rest();
}

// The line that begins here. Nothing: it is passed over.
std::optional<std::string_view> LineReader::take(std::size_t size, std::size_t with_end) {
  std::string_view line(buffer_.data() + begin_, size);
  position_ = base_ + begin_;
  begin_ += with_end;
  seen_ = begin_;
  ++lines_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  const bool is_too_long = passing_over_ || line.size() > longest_line;
  passing_over_ = false;
  if (!is_too_long) return line;
  ++too_long_;
  return std::nullopt;
}

// There is no line end in what is left.
std::optional<std::string_view> LineReader::rest() {
  seen_ = end_;
  const auto size = end_ - begin_;
  if (ended_ && (size > 0 || passing_over_)) return take(size, size);
  // One byte more may be the `\r` of its end.
  if (passing_over_ || size > longest_line + 1) {
    passing_over_ = true;
    begin_ = end_;
  }
  return std::nullopt;
}

}  // namespace mxwarden::maillog
