#include "base/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

namespace mxwarden {
namespace {

constexpr std::string_view plain = "\x1b[0m";

}  // namespace

std::string coloured(std::string_view text, std::string_view colour, bool colours) {
  return colours ? fmt::format("{}{}{}", colour, text, plain) : std::string(text);
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string local_time(std::int64_t milliseconds) {
  const std::time_t since_1970 = milliseconds / 1000;
  std::tm local{};
  if (::localtime_r(&since_1970, &local) == nullptr) return "?";
  std::array<char, 64> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local);
  return {text.data(), size};
}

std::string time_left(Duration duration) {
  constexpr std::array<std::pair<std::int64_t, char>, 4> units{{{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}}};
  auto rest = std::max<std::int64_t>(std::chrono::floor<std::chrono::seconds>(duration).count(), 0);
  for (std::size_t at = 0; at < units.size(); ++at) {
    const auto [length, name] = units[at];
    if (rest < length) continue;
    auto text = fmt::format("{}{}", rest / length, name);
    if (at + 1 < units.size()) {
      const auto [next_length, next_name] = units[at + 1];
      if (const auto next = rest % length / next_length; next > 0) text += fmt::format(" {}{}", next, next_name);
    }
    return text;
  }
  return "0s";
}

std::string with_commas(std::uint64_t number) {
  auto text = std::to_string(number);
  for (auto at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string Table::page(const std::vector<Cells>& rows) {
  if (rows.empty()) return {};
  std::string text;
  if (widths_.empty()) {
    for (std::size_t at = 0; at < columns_.size(); ++at) {
      widths_.push_back(columns_[at].title.size());
      for (const auto& row : rows) widths_.back() = std::max(widths_.back(), width_of(row[at]));
    }
    text = heading();
  }
  for (const auto& row : rows) {
    append_row(text, row);
    text += '\n';
  }
  return text;
}

std::string Table::heading() const {
  Cells titles;
  for (const auto& column : columns_) titles.emplace_back(column.title);
  std::string text;
  append_row(text, titles);
  return coloured(text, bold, colours_) + "\n";
}

void Table::append_row(std::string& to, const Cells& cells) const {
  for (std::size_t at = 0; at < columns_.size(); ++at) {
    const auto width = width_of(cells[at]);
    const std::string padding(widths_[at] > width ? widths_[at] - width : 0, ' ');
    if (at > 0) to += "  ";
    if (columns_[at].is_number) to += padding;
    to += cells[at];
    if (!columns_[at].is_number) to += padding;
  }
  to.erase(to.find_last_not_of(' ') + 1);
}

}  // namespace mxwarden
