#include "cli/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <istream>
#include <sstream>
#include <utility>

#include "base/duration.hpp"
#include "base/escape.hpp"
#include "base/table.hpp"
#include "cli/members.hpp"
#include "cli/report.hpp"

namespace mxwarden::cli {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

// As much as a request of Postfix's may have.
constexpr std::size_t longest_request = 65536;
constexpr std::array columns{Column{"RULE"}, Column{"MODE"}, Column{"SAYS"}, Column{"COUNT"}, Column{"WHY"}};

const json::object* object_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

std::vector<const json::object*> objects_of(const json::object& object, std::string_view name) {
  std::vector<const json::object*> objects;
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_array()) return objects;
  for (const auto& element : value->get_array()) {
    if (element.is_object()) objects.push_back(&element.get_object());
  }
  return objects;
}

void append(std::string& to, std::string_view part, std::string_view separator) {
  if (part.empty()) return;
  if (!to.empty()) to += separator;
  to += part;
}

std::string limit_of(const json::object& count) {
  const auto limit = number_of(count, "limit");
  return limit == 0 ? "any number" : std::to_string(limit);
}

// `3 of 60 in 1m`, `3 of 30 now`, `3 of 2 in the message`.
std::string figures_of(const json::object& count) {
  const auto span = count.contains("window_ms")
                        ? "in " + to_string(milliseconds(std::max<std::int64_t>(number_of(count, "window_ms"), 0)))
                        : std::string(count.contains("entity") ? "now" : "in the message");
  return fmt::format("{} of {} {}", number_of(count, "count"), limit_of(count), span);
}

std::string wait_of(const json::object& count) {
  const auto* wait = count.if_contains("retry_after_ms");
  if (wait == nullptr) return {};
  if (wait->is_null()) return "never has room for it";
  const milliseconds left(std::max<std::int64_t>(number_of(count, "retry_after_ms"), 0));
  return "has room again in " + time_left(std::chrono::ceil<std::chrono::seconds>(left));
}

std::string entity_of(const json::object& count) {
  auto text = text_of(count, "entity");
  append(text, text_of(count, "member"), " with ");
  return text;
}

std::string record_of(const json::object& record) {
  auto text = fmt::format("{} of {}", text_of(record, "kind"), text_of(record, "net"));
  for (const auto* member : {"rule", "list"}) append(text, text_of(record, member), " by ");
  append(text, text_of(record, "reason"), ": ");
  return text;
}

std::string access_of(const json::object& access) {
  const auto key = text_of(access, "key");
  return fmt::format("line {} of the access table{}", number_of(access, "line"), key.empty() ? "" : " (" + key + ")");
}

std::string why_of(const json::object& rule, const std::string& decider) {
  std::string why = text_of(rule, "why");
  for (const auto* count : objects_of(rule, "counts")) {
    append(why, entity_of(*count), "; ");
    append(why, wait_of(*count), "; ");
  }
  if (const auto* record = object_of(rule, "record")) append(why, record_of(*record), "; ");
  if (const auto* access = object_of(rule, "access")) append(why, access_of(*access), "; ");
  if (text_of(rule, "says") != "answers") append(why, text_of(rule, "action"), "; ");
  const bool spared = is_true(rule, "behind") && text_of(rule, "says") != "passes";
  if (spared && !decider.empty()) append(why, decider + " decides before it", "; ");
  return why;
}

Cells cells_of(const json::object& rule, const std::string& decider) {
  std::string figures;
  for (const auto* count : objects_of(rule, "counts")) append(figures, figures_of(*count), ", ");
  return {text_of(rule, "rule"), text_of(rule, "mode"), text_of(rule, "says"), figures, why_of(rule, decider)};
}

std::string heading(const json::object& answer, bool colours) {
  const auto action = text_of(answer, "action");
  const auto rule = text_of(answer, "rule");
  auto text = coloured(action, rule.empty() ? bold : red, colours) + "\n";
  text += rule.empty() ? "no rule decides" : rule + " decides";
  if (const auto held = number_of(answer, "held_ms"); held > 0) text += ", after " + to_string(milliseconds(held));
  const auto store = text_of(answer, "store");
  text += store == "none" ? "; the store cannot say what was counted" : "; counted by the store " + store;
  return text + (is_true(answer, "new_session") ? "; the first request of its session\n" : "\n");
}

// No more than `most` bytes, wherever they come from.
std::string read_some(std::istream& in, std::size_t most) {
  std::string text(most, '\0');
  in.read(text.data(), static_cast<std::streamsize>(most));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

}  // namespace

Result<std::vector<AttributeValue>> read_attributes(std::istream& in) {
  std::vector<AttributeValue> attributes;
  std::size_t size = 0;
  std::istringstream request(read_some(in, longest_request + 1));
  for (std::string line; std::getline(request, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) break;
    size += line.size() + 1;
    if (size > longest_request) return Error{fmt::format("a request has {} bytes at most", longest_request)};
    const auto equals = line.find('=');
    if (equals == std::string::npos) return Error{fmt::format("{} is no name=value", quoted(line))};
    if (!is_utf8(line)) return Error{fmt::format("{} is not UTF-8", quoted(line))};
    attributes.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  if (attributes.empty()) return Error{"standard input has no request: lines of name=value"};
  return Result<std::vector<AttributeValue>>(boost::system::in_place_value, std::move(attributes));
}

json::object explain_request(const Invocation& invocation) {
  json::object attributes;
  for (const auto& [name, value] : invocation.attributes) attributes[name] = value;
  json::object request{{"op", "explain"}, {"attributes", std::move(attributes)}};
  if (!invocation.listener.empty()) request["listener"] = invocation.listener;
  return request;
}

std::string explanation_text(const json::object& answer, bool colours) {
  std::vector<Cells> rows;
  for (const auto* rule : objects_of(answer, "rules")) rows.push_back(cells_of(*rule, text_of(answer, "rule")));
  auto text = heading(answer, colours) + "\n" + Table(columns, colours).page(rows);
  if (const auto left_out = number_of(answer, "left_out"); left_out > 0) {
    text += fmt::format("and {} more\n", left_out);
  }
  return text;
}

}  // namespace mxwarden::cli
