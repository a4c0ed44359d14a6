#include "maillog/source/line_splitter.hpp"

#include <utility>

namespace mxwarden::maillog {

void LineSplitter::feed(std::string_view bytes, const Take& take) {
  while (!bytes.empty()) {
    const auto length = bytes.find('\n');
    if (length == std::string_view::npos) return keep(bytes);
    fed_ += length + 1;
    finish(bytes.substr(0, length), take);
    bytes.remove_prefix(length + 1);
  }
}

void LineSplitter::end(const Take& take) {
  if (fed_ > ended_) finish({}, take);
}

// The line has its end here, and that is counted.
void LineSplitter::finish(std::string_view rest_of_line, const Take& take) {
  ended_ = fed_;
  const auto was_too_long = std::exchange(passing_over_, false);
  auto begun = std::exchange(begun_, {});
  auto line = begun.empty() ? rest_of_line : std::string_view(begun += rest_of_line);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!was_too_long && line.size() <= longest_line) return take(line, ended_);
  ++too_long_;
  take(std::nullopt, ended_);
}

void LineSplitter::keep(std::string_view begin_of_line) {
  fed_ += begin_of_line.size();
  // One byte more may be the carriage return of its end.
  passing_over_ = passing_over_ || begun_.size() + begin_of_line.size() > longest_line + 1;
  if (passing_over_) {
    begun_ = {};
  } else {
    begun_ += begin_of_line;
  }
}

void LineSplitter::begin_anew(std::uint64_t fed) {
  begun_ = {};
  passing_over_ = false;
  fed_ = fed;
  ended_ = fed;
}

}  // namespace mxwarden::maillog
