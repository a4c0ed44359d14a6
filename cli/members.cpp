#include "cli/members.hpp"

#include <boost/json.hpp>
#include <limits>

#include "base/escape.hpp"

namespace mxwarden::cli {

namespace json = boost::json;

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

}  // namespace mxwarden::cli
