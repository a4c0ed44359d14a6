#include "policy/request.hpp"

#include <charconv>
#include <limits>

namespace mxwarden::policy {

std::uint64_t to_number(std::string_view value) {
  std::uint64_t number = 0;
  const auto end = value.data() + value.size();
  const auto [stopped, fault] = std::from_chars(value.data(), end, number);
  if (stopped != end || value.empty()) return 0;
  if (fault == std::errc::result_out_of_range) return std::numeric_limits<std::uint64_t>::max();
  return fault == std::errc{} ? number : 0;
}

}  // namespace mxwarden::policy
