#include "server/request_parser.hpp"

#include <fmt/format.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/escape.hpp"

namespace mxwarden::server {
namespace {

constexpr std::size_t usual_capacity = 2048;
// A receive gets at least this much room; below it the buffer is tidied or grows.
constexpr std::size_t least_room = 512;
// A request at its limit, and room to see that it goes on.
constexpr std::size_t most_capacity = RequestParser::Limits::request + least_room;

constexpr std::string_view the_request = "smtpd_access_policy";

static_assert(attribute_names.size() <= 32, "seen_ has a bit for each attribute");

const char* find(const char* from, char byte, std::size_t size) {
  return static_cast<const char*>(std::memchr(from, byte, size));
}

// Where line ends are, sixteen bytes at a time, from `line` on: a bit for each byte of a block of 64. The next end does
// not wait for what is made of the last line, as it would if each value were searched for its own. Reads whole blocks:
// the buffer is as much longer.
class LineEnds {
 public:
  static constexpr std::size_t block = 64;

  [[gnu::always_inline]] LineEnds(const char* text, std::size_t line, std::size_t size)
      : text_(text), size_(size), block_(line), bits_(line < size ? bits_of(text + line) : 0) {}

  // The next one, or at least `size`.
  [[gnu::always_inline]] std::size_t next() {
    while (bits_ == 0) {
      block_ += block;
      if (block_ >= size_) return size_;
      bits_ = bits_of(text_ + block_);
    }
    const auto at = block_ + static_cast<std::size_t>(std::countr_zero(bits_));
    bits_ &= bits_ - 1;
    return at;
  }

 private:
  [[gnu::always_inline]] static std::uint64_t bits_of(const char* text) {
    std::uint64_t bits = 0;
#ifdef __SSE2__
    const auto newlines = _mm_set1_epi8('\n');
#pragma GCC unroll 4
    for (std::size_t at = 0; at < block; at += sizeof(__m128i)) {
      const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + at));
      const auto found = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, newlines)));
      bits |= std::uint64_t{found} << at;
    }
#else
    for (std::size_t at = 0; at < block; ++at) bits |= std::uint64_t{text[at] == '\n'} << at;
#endif
    return bits;
  }

  const char* text_;
  std::size_t size_;
  std::size_t block_;   // its first byte
  std::uint64_t bits_;  // of the line ends in it that were not given out
};

// What a line of an attribute begins with: `name=`, and zeros behind it.
struct Beginning {
  static constexpr std::size_t room = 32;

  std::array<char, room> text{};
  std::uint32_t size = 0;
  std::uint32_t bits = 0;  // one for each byte of it

  // With `room` bytes to be read.
  [[gnu::always_inline]] bool stands_at(const char* line) const {
#ifdef __SSE2__
    std::uint32_t same = 0;
    for (std::size_t at = 0; at < room; at += sizeof(__m128i)) {
      const auto there = _mm_loadu_si128(reinterpret_cast<const __m128i*>(line + at));
      const auto wanted = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
      same |= static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(there, wanted))) << at;
    }
    return (bits & ~same) == 0;
#else
    return std::memcmp(line, text.data(), size) == 0;
#endif
  }
};

constexpr auto beginnings = [] {
  std::array<Beginning, attribute_names.size()> all;
  for (std::size_t index = 0; index < all.size(); ++index) {
    auto& beginning = all[index];
    const auto name = attribute_names[index];
    std::ranges::copy(name, beginning.text.begin());
    beginning.text[name.size()] = '=';
    beginning.size = static_cast<std::uint32_t>(name.size() + 1);
    beginning.bits = (1U << beginning.size) - 1;
  }
  return all;
}();
static_assert(std::ranges::all_of(attribute_names, [](auto name) { return name.size() + 1 < Beginning::room; }));
static_assert(Beginning::room <= LineEnds::block, "what a line begins with is read as a whole");

}  // namespace

RequestParser::RequestParser()
    : buffer_(std::make_unique_for_overwrite<char[]>(usual_capacity + LineEnds::block)), capacity_(usual_capacity) {}

std::span<char> RequestParser::prepare() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (capacity_ > usual_capacity) reallocate(usual_capacity);
  }
  if (capacity_ - end_ < least_room) {
    // Tidying costs a copy of an incomplete request, and next() has taken at least as much in whole ones before it.
    if (begin_ >= end_ - begin_ && begin_ > 0) {
      std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (capacity_ - end_ < least_room) reallocate(std::min(2 * capacity_, most_capacity));
  }
  return {buffer_.get() + end_, capacity_ - end_};
}

void RequestParser::reallocate(std::size_t capacity) {
  const auto size = end_ - begin_;
  auto larger = std::make_unique_for_overwrite<char[]>(capacity + LineEnds::block);
  std::memcpy(larger.get(), buffer_.get() + begin_, size);
  buffer_ = std::move(larger);
  capacity_ = capacity;
  begin_ = 0;
  end_ = size;
}

RequestParser::Outcome RequestParser::next(policy::Request& request) {
  if (!reason_.empty()) return Outcome::malformed;
  while (true) {
    take_expected_lines();
    switch (find_line_end()) {
      case LineEnd::missing:
        return Outcome::need_more;
      case LineEnd::over_limit:
        return Outcome::malformed;
      case LineEnd::found:
        break;
    }
    if (line_end_ == line_) return finish(request);
    if (!take_line()) return Outcome::malformed;
    line_ = scanned_ = line_end_ + 1;
  }
}

// The usual case, all in registers: whole lines in the order in which Postfix sends them. It stops before any other
// line, of which find_line_end() and take_line() then make what is to be made; a line is tried here only once, when its
// first byte is there.
void RequestParser::take_expected_lines() {
  if (scanned_ != line_) return;
  const auto* text = buffer_.get() + begin_;
  const auto size = end_ - begin_;
  const auto within = size < Limits::request ? size : Limits::request;
  const auto first = expected_;
  const auto most = std::min(attribute_names.size(), first + (Limits::attributes - attributes_));
  LineEnds ends(text, line_, within);
  auto line = line_;
  auto expected = first;
  for (; expected < most; ++expected) {
    const auto& beginning = beginnings[expected];
    const auto value = line + beginning.size;
    if ((seen_ & (1U << expected)) != 0 || value >= within || !beginning.stands_at(text + line)) break;
    const auto end = ends.next();
    if (end >= within || end - line > Limits::line) break;
    fields_[expected] = {static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(end - value)};
    line = end + 1;
  }
  // A bit for each attribute from expected_ to before expected.
  seen_ |= static_cast<std::uint32_t>((std::uint64_t{1} << expected) - (std::uint64_t{1} << first));
  attributes_ += expected - first;
  expected_ = expected;
  line_ = scanned_ = line;
}

// Which limit is named depends on the bytes alone, not on how they were split.
RequestParser::LineEnd RequestParser::find_line_end() {
  const auto size = end_ - begin_;
  const auto limit = std::min(line_ + Limits::line, Limits::request - 1);  // the last place for the newline
  const auto* text = buffer_.get() + begin_;
  const auto until = std::min(size, limit + 1);
  if (const auto* newline = until > scanned_ ? find(text + scanned_, '\n', until - scanned_) : nullptr) {
    line_end_ = static_cast<std::size_t>(newline - text);
    return LineEnd::found;
  }
  scanned_ = until;
  if (size <= limit) return LineEnd::missing;
  malformed(limit == Limits::request - 1 ? fmt::format("a request of more than {} bytes", Limits::request)
                                         : fmt::format("a line of more than {} bytes", Limits::line));
  return LineEnd::over_limit;
}

bool RequestParser::take_line() {
  if (++attributes_ > Limits::attributes) {
    malformed(fmt::format("more than {} attributes", Limits::attributes));
    return false;
  }
  const std::string_view line{buffer_.get() + begin_ + line_, line_end_ - line_};
  const auto equals = line.find('=');
  if (equals == std::string_view::npos) {
    malformed(line == "\r" ? "lines end in CR LF, Postfix ends them in LF alone"
                           : "a line without `=': " + quoted(line.substr(0, 80)));
    return false;
  }
  return take_attribute(line.substr(0, equals), line_ + equals + 1);
}

bool RequestParser::take_attribute(std::string_view name, std::size_t value_at) {
  if (name.empty()) {
    malformed("a line without a name before `='");
    return false;
  }
  const auto attribute = find_attribute(name);
  if (!attribute) return true;
  const auto index = static_cast<std::size_t>(*attribute);
  expected_ = index + 1;
  fields_[index] = {static_cast<std::uint32_t>(value_at), static_cast<std::uint32_t>(line_end_ - value_at)};
  const auto bit = 1U << index;
  if ((seen_ & bit) != 0) {
    malformed(fmt::format("attribute `{}' twice", name));
    return false;
  }
  seen_ |= bit;
  return true;
}

RequestParser::Outcome RequestParser::finish(policy::Request& request) {
  const auto* text = buffer_.get() + begin_;
  const auto size = line_end_ + 1;
  const auto value = [&](std::size_t index) { return std::string_view{text + fields_[index].at, fields_[index].size}; };
  const auto kind = value(static_cast<std::size_t>(Attribute::request));
  if (kind != the_request) {
    const auto without_cr = kind.substr(0, the_request.size()) == the_request && kind.ends_with('\r');
    return malformed(without_cr ? "lines end in CR LF, Postfix ends them in LF alone"
                                : "no `request=smtpd_access_policy', this is no Postfix that asks");
  }
  if (find(text, '\0', size) != nullptr) return malformed("a NUL byte");
  for (std::size_t index = 0; index < fields_.size(); ++index) request.values[index] = value(index);
  request.state = parse_protocol_state(request[Attribute::protocol_state]);

  begin_ += size;
  line_ = scanned_ = 0;
  fields_ = {};
  seen_ = 0;
  expected_ = 0;
  attributes_ = 0;
  return Outcome::request;
}

RequestParser::Outcome RequestParser::malformed(std::string reason) {
  reason_ = std::move(reason);
  return Outcome::malformed;
}

}  // namespace mxwarden::server
