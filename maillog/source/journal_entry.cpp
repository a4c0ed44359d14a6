#include "maillog/source/journal_entry.hpp"

#include <boost/json.hpp>
#include <charconv>

namespace mxwarden::maillog {
namespace {

namespace json = boost::json;

// A field that stands several times in an entry is a list of texts; a text that is no UTF-8, of bytes.
std::string text_of(const json::value& value) {
  if (const auto* text = value.if_string()) return std::string(*text);
  const auto* list = value.if_array();
  if (list == nullptr || list->empty()) return {};
  if (list->front().is_string()) return std::string(list->front().get_string());
  std::string bytes;
  for (const auto& element : *list) {
    json::error_code error;
    const auto byte = element.to_number<std::uint8_t>(error);
    if (error) return {};
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

std::string field(const json::object& entry, std::string_view name) {
  const auto* value = entry.if_contains(name);
  return value == nullptr ? std::string() : text_of(*value);
}

template <class Number>
std::optional<Number> number(const std::string& text) {
  Number number{};
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

std::optional<JournalEntry> parse_journal_entry(std::string_view line) {
  json::error_code error;
  const auto value = json::parse(line, error);
  const auto* object = error ? nullptr : value.if_object();
  if (object == nullptr) return std::nullopt;
  JournalEntry entry;
  entry.cursor = field(*object, "__CURSOR");
  const auto microseconds = number<std::int64_t>(field(*object, "__REALTIME_TIMESTAMP"));
  if (entry.cursor.empty() || !microseconds) return std::nullopt;
  entry.time = WallTime(std::chrono::microseconds(*microseconds));
  entry.program = field(*object, "SYSLOG_IDENTIFIER");
  const auto said = number<std::uint32_t>(field(*object, "SYSLOG_PID"));
  entry.pid = said ? *said : number<std::uint32_t>(field(*object, "_PID")).value_or(0);
  entry.text = field(*object, "MESSAGE");
  return entry;
}

}  // namespace mxwarden::maillog
