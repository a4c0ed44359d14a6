#include "policy/when.hpp"

#include <strings.h>

#include <algorithm>
#include <cstdlib>

namespace mxwarden::policy {
namespace {

bool is_one_of(std::string_view text, const std::vector<std::string>& values) {
  return std::ranges::any_of(values, [text](const std::string& value) {
    return value.size() == text.size() && strncasecmp(value.data(), text.data(), text.size()) == 0;
  });
}

bool holds(const conf::Condition& condition, const Request& request) {
  using Test = conf::Condition::Test;
  switch (condition.test) {
    case Test::logged_in:
      return request.logged_in();
    case Test::attribute_in:
      return is_one_of(request[condition.attribute], condition.values);
    case Test::listener_in:
      return is_one_of(request.listener, condition.values);
    case Test::attribute_matches:
      return condition.pattern.matches(request[condition.attribute]);
    case Test::listener_matches:
      return condition.pattern.matches(request.listener);
  }
  std::abort();
}

}  // namespace

bool holds(const conf::When& when, const Request& request) {
  return std::ranges::all_of(when.conditions,
                             [&](const auto& condition) { return holds(condition, request) != condition.negated; });
}

}  // namespace mxwarden::policy
