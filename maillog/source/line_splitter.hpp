#pragma once
// Bytes in, lines out, however the bytes are cut. Pure.
//
// A line is given without its line feed, and without a carriage return before that. One that then has more than 64 KiB
// is passed over as a whole, and counted. What else a line holds, zero bytes included, is nobody's business here.
// Memory: the line that was begun; one that lies whole in what is fed is not copied.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mxwarden::maillog {

class LineSplitter {
 public:
  static constexpr std::size_t longest_line = 65536;

  // Nothing instead of a line: it was too long. `end` counts the bytes up to it, line feed included, of all since
  // begin_anew().
  using Take = std::function<void(std::optional<std::string_view> line, std::uint64_t end)>;

  void feed(std::string_view bytes, const Take& take);
  // There are no more bytes: what was begun is a line also without its end.
  void end(const Take& take);

  // Bytes that were fed, and of them those of whole lines.
  std::uint64_t fed() const { return fed_; }
  std::uint64_t ended() const { return ended_; }
  // Forgets the line that was begun.
  void begin_anew(std::uint64_t fed = 0);

  std::uint64_t too_long() const { return too_long_; }

 private:
  void finish(std::string_view rest_of_line, const Take& take);
  void keep(std::string_view begin_of_line);

  std::string begun_;
  bool passing_over_ = false;  // the line that was begun is too long
  std::uint64_t fed_ = 0;
  std::uint64_t ended_ = 0;
  std::uint64_t too_long_ = 0;
};

}  // namespace mxwarden::maillog
