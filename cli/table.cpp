#include "cli/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <ctime>
#include <limits>

#include "base/escape.hpp"

namespace mxwarden::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view plain = "\x1b[0m";

}  // namespace

std::string coloured(std::string_view text, std::string_view colour, bool colours) {
  return colours ? fmt::format("{}{}{}", colour, text, plain) : std::string(text);
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string() : printable(*text);
}

std::int64_t number_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr) return 0;
  if (const auto* number = value->if_int64()) return *number;
  return value->is_uint64() ? std::numeric_limits<std::int64_t>::max() : 0;
}

bool is_true(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
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

}  // namespace mxwarden::cli
