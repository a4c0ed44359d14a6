#pragma once
// Aligned columns, times and colours for a person's eyes. Text that came from strangers is for the caller to escape
// (base/escape.hpp). Pure but for the time zone, which is the process's (TZ).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace mxwarden {

inline constexpr std::string_view bold = "\x1b[1m";
inline constexpr std::string_view red = "\x1b[31m";
inline constexpr std::string_view yellow = "\x1b[33m";

std::string coloured(std::string_view text, std::string_view colour, bool colours);

// Characters: bytes that do not continue one.
std::size_t width_of(std::string_view text);

// Milliseconds since 1970, as records have them.
std::string local_time(std::int64_t milliseconds);

// `3d 4h`, `59m 58s`, `7s`: the two largest units, rounded down. `0s` for what is over.
std::string time_left(Duration duration);

// 1,234,567
std::string with_commas(std::uint64_t number);

struct Column {
  std::string_view title;  // must stay
  bool is_number = false;
};

using Cells = std::vector<std::string>;

// Comes page by page. The first page decides how wide the columns are; a cell that is wider later pushes the rest of
// its row. Columns are counted in characters, not in what an East Asian one takes.
class Table {
 public:
  Table(std::span<const Column> columns, bool colours) : columns_(columns.begin(), columns.end()), colours_(colours) {}

  // The rows, each with a cell for each column, with the heading above the first of them; empty: there are none. No
  // line ends with a blank.
  std::string page(const std::vector<Cells>& rows);

 private:
  std::string heading() const;
  void append_row(std::string& to, const Cells& cells) const;

  std::vector<Column> columns_;
  bool colours_;
  std::vector<std::size_t> widths_;  // empty: no page was there
};

}  // namespace mxwarden
