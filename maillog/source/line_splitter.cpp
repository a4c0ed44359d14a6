#include "maillog/source/line_splitter.hpp"

#include <utility>

namespace mxwarden::maillog {
namespace {

std::string_view without_carriage_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

void LineSplitter::feed(std::string_view bytes, const Take& take) {
  while (!bytes.empty()) {
    const auto length = bytes.find('\n');
    if (length == std::string_view::npos) return keep(bytes);
    finish(bytes.substr(0, length), take);
    bytes.remove_prefix(length + 1);
  }
}

void LineSplitter::finish(std::string_view end_of_line, const Take& take) {
  fed_ += end_of_line.size() + 1;
  ended_ = fed_;
  const auto too_long = std::exchange(passing_over_, false) || begun_.size() + end_of_line.size() > longest_line;
  const auto begun = std::exchange(begun_, {});
  if (too_long) {
    ++too_long_;
    take(std::nullopt, ended_);
  } else if (begun.empty()) {
    take(without_carriage_return(end_of_line), ended_);
  } else {
    take(without_carriage_return(begun + std::string(end_of_line)), ended_);
  }
}

void LineSplitter::keep(std::string_view begin_of_line) {
  fed_ += begin_of_line.size();
  if (passing_over_) return;
  passing_over_ = begun_.size() + begin_of_line.size() > longest_line;
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
