#pragma once
// Postfix's policy requests out of a stream of bytes (SMTPD_POLICY_README): `name=value` lines, ended by an empty one.
// No I/O: a session receives into prepare() and says how much came; each byte is looked at once, however they dribble
// in.
//
//   auto room = parser.prepare();  parser.commit(receive(room));  while (parser.next(request) == Outcome::request) ...
//
// Attributes may come in any order; those of names unknown here are passed over; a value may hold `=`. Postfix's own
// order is only guessed first, which makes it fast.
//
// Memory: 2 KiB for an ordinary connection, limits::request and a little at most; what a giant needed is given back
// once it was answered.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/attribute.hpp"
#include "policy/request.hpp"

namespace mxwarden::server {

class RequestParser {
 public:
  // The largest request ever seen of a Postfix has 7049 bytes and 29 attributes.
  struct Limits {
    static constexpr std::size_t line = 8192;       // without its newline
    static constexpr std::size_t request = 65536;   // with the empty line
    static constexpr std::size_t attributes = 100;  // unknown ones too
  };

  enum class Outcome : std::uint8_t {
    need_more,
    request,
    malformed,  // reason() says why; the stream is lost, nothing more comes of it
  };

  RequestParser();

  // Room for the next bytes, never empty. Ends the life of the last request's values.
  std::span<char> prepare();
  // That many bytes of it were filled.
  void commit(std::size_t size) { end_ += size; }

  // The next request whose empty line is there. Sets its values and state; they live until next() or prepare() is
  // called again. Leaves the request alone otherwise.
  Outcome next(policy::Request& request);
  const std::string& reason() const { return reason_; }

  // Bytes wait that are not yet a whole request.
  bool has_unread() const { return end_ > begin_; }
  std::size_t capacity() const { return capacity_; }

 private:
  // Offsets, as the buffer may move while a request is incomplete.
  struct Field {
    std::uint32_t at = 0;
    std::uint32_t size = 0;
  };

  enum class LineEnd : std::uint8_t { found, missing, over_limit };

  void take_expected_lines();
  LineEnd find_line_end();
  bool take_line();
  bool take_attribute(std::string_view name, std::size_t value_at);
  Outcome finish(policy::Request& request);
  Outcome malformed(std::string reason);
  void reallocate(std::size_t capacity);

  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_;
  std::size_t begin_ = 0;  // of the request, in buffer_
  std::size_t end_ = 0;    // of what was received

  // All below are counted from begin_.
  std::size_t line_ = 0;      // where the current line begins
  std::size_t scanned_ = 0;   // no newline of it before here
  std::size_t line_end_ = 0;  // its newline, once found
  std::array<Field, attribute_names.size()> fields_{};
  std::uint32_t seen_ = 0;      // a bit for each attribute
  std::size_t expected_ = 0;    // the attribute Postfix would send next
  std::size_t attributes_ = 0;  // so far
  std::string reason_;
};

}  // namespace mxwarden::server
