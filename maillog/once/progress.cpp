#include "maillog/once/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <utility>

#include "base/table.hpp"

namespace mxwarden::maillog {
namespace {

constexpr std::size_t bar_width = 20;
constexpr std::string_view to_begin_and_clear = "\r\x1b[K";

using Seconds = std::chrono::duration<double>;

std::string bar(double share) {
  const auto full = static_cast<std::size_t>(share * static_cast<double>(bar_width));
  return fmt::format("[{:#<{}}{: <{}}]  {:2.0f} %  ", "", full, "", bar_width - full, std::floor(share * 100));
}

}  // namespace

void Progress::show(std::ostream& terminal, const ReadSoFar& read, Instant now) {
  if (now < next_) return;
  next_ = now + between_lines;
  there_ = true;
  // One that is as wide as the terminal would go on in the next row.
  terminal << to_begin_and_clear << text(read, now).substr(0, columns_ - std::min<std::size_t>(columns_, 1))
           << std::flush;
}

void Progress::take_away(std::ostream& terminal) {
  if (std::exchange(there_, false)) terminal << to_begin_and_clear << std::flush;
}

std::string Progress::text(const ReadSoFar& read, Instant now) const {
  const auto passed = Seconds(now - began_).count();
  const auto rate = passed > 0 ? static_cast<double>(read.lines) / passed : 0;
  auto lines = fmt::format("{} lines  {}/s", with_commas(read.lines), with_commas(static_cast<std::uint64_t>(rate)));
  if (!size_ || *size_ == 0) return lines;
  // What is written while it is read makes it longer.
  const auto share = std::min(static_cast<double>(read.bytes) / static_cast<double>(*size_), 1.0);
  if (share <= 0) return bar(0) + lines;
  const std::chrono::duration<double> left(passed * (1 - share) / share);
  return fmt::format("{}{}  {} left", bar(share), lines, time_left(std::chrono::ceil<std::chrono::seconds>(left)));
}

}  // namespace mxwarden::maillog
