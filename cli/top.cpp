#include "cli/top.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <utility>

#include "base/escape.hpp"
#include "cli/members.hpp"
#include "cli/report.hpp"

namespace mxwarden::cli {
namespace {

namespace json = boost::json;

constexpr std::array categories{
    TopCategory{"rejected", "client", "CLIENT", "requests of clients that were refused"},
    TopCategory{"rate", "client", "CLIENT", "SMTP sessions of clients"},
    TopCategory{"login", "login", "LOGIN", "recipients that logins asked for"},
    TopCategory{"banned", "client", "CLIENT", "requests of clients that were refused by a ban"},
    TopCategory{"network", "network", "NETWORK", "requests of networks that were refused"},
    TopCategory{"bad-recipients", "client", "CLIENT",
                "recipients that clients tried and that do not exist, as the mail log tells"},
};

const json::array& array_of(const json::object& object, std::string_view name) {
  static const json::array none;
  const auto* value = object.if_contains(name);
  const auto* found = value == nullptr ? nullptr : value->if_array();
  return found == nullptr ? none : *found;
}

std::vector<std::string> texts_of(const json::object& object, std::string_view name) {
  std::vector<std::string> texts;
  for (const auto& value : array_of(object, name)) {
    if (const auto* text = value.if_string()) texts.push_back(printable(*text));
  }
  return texts;
}

std::array<Column, 6> columns_of(const TopCategory& category) {
  return {Column{"RANK", true},    Column{category.heading}, Column{"AT LEAST", true},
          Column{"AT MOST", true}, Column{"RULE"},           Column{"LAST SEEN"}};
}

// `AT MOST` is empty where the count is exact.
Cells cells_of(const TopCategory& category, std::size_t rank, const json::object& entry) {
  const auto count = number_of(entry, "count");
  const auto error = std::clamp<std::int64_t>(number_of(entry, "error"), 0, count);
  return {std::to_string(rank),          text_of(entry, category.member),
          std::to_string(count - error), error == 0 ? std::string() : std::to_string(count),
          text_of(entry, "rule"),        local_time(number_of(entry, "last"))};
}

constexpr auto longest_covers = std::chrono::milliseconds(std::chrono::hours(24 * 3650)).count();

}  // namespace

std::span<const TopCategory> top_categories() {
  return categories;
}

const TopCategory* find_top_category(std::string_view name) {
  const auto* const found = std::ranges::find(categories, name, &TopCategory::name);
  return found == categories.end() ? nullptr : found;
}

std::vector<std::string> top_warnings(const json::object& answer) {
  std::vector<std::string> warnings;
  if (const auto alone = text_of(answer, "alone"); !alone.empty()) {
    warnings.push_back("what other nodes have counted is missing: " + alone);
  }
  for (const auto& node : texts_of(answer, "silent")) {
    warnings.push_back(fmt::format("the node {} is silent, and what it has counted is missing", node));
  }
  for (const auto& value : array_of(answer, "partial")) {
    const auto* partial = value.if_object();
    if (partial == nullptr) continue;
    const std::chrono::milliseconds covers(
        std::clamp<std::int64_t>(number_of(*partial, "covers_ms"), 0, longest_covers));
    warnings.push_back(
        fmt::format("the node {} has counted for {} only", text_of(*partial, "node"), time_left(covers)));
  }
  return warnings;
}

std::string top_lines(const json::object& answer) {
  std::string lines;
  for (const auto& value : array_of(answer, "entries")) {
    const auto* entry = value.if_object();
    if (entry == nullptr) continue;
    auto line = *entry;
    for (const auto* member : {"covers_ms", "nodes", "silent", "partial", "alone"}) {
      if (const auto* found = answer.if_contains(member)) line[member] = *found;
    }
    lines.append(json::serialize(line)).append("\n");
  }
  return lines;
}

TopTable::TopTable(const TopCategory& category, bool colours)
    : category_(category), table_(columns_of(category), colours) {}

std::string TopTable::page(const json::object& answer) {
  std::vector<Cells> rows;
  for (const auto& value : array_of(answer, "entries")) {
    if (const auto* entry = value.if_object()) rows.push_back(cells_of(category_, ++rank_, *entry));
  }
  if (std::exchange(begun_, true)) return table_.page(rows);
  return title(answer) + (rows.empty() ? "nobody\n" : table_.page(rows));
}

std::string TopTable::title(const json::object& answer) const {
  const std::chrono::milliseconds covers(std::clamp<std::int64_t>(number_of(answer, "covers_ms"), 0, longest_covers));
  return fmt::format("{} in the last {}, counted by {}\n", category_.counts, time_left(covers),
                     fmt::join(texts_of(answer, "nodes"), ", "));
}

}  // namespace mxwarden::cli
