#include "firewall/refusals.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace mxwarden::firewall {
namespace {

constexpr std::size_t most_left_out = 10'000;
constexpr std::uint64_t most_named = 3;

}  // namespace

void Refusals::of_element(const Element& element, const Outcome& outcome) {
  ++elements_;
  if (elements_ - said_ <= most_named) because_ += fmt::format(" {}: {};", to_string(element), outcome.why);
}

std::string Refusals::news() {
  const auto count = elements_ - std::exchange(said_, elements_);
  const auto why = std::exchange(because_, {});
  if (count == 0) return {};
  return fmt::format("the kernel has refused {} elements, which are left out:{}{}", count,
                     std::string_view(why).substr(0, why.size() - 1), count > most_named ? "; ..." : "");
}

void Refusals::leave_out(const Prefix& client) {
  if (left_out_.size() < most_left_out) left_out_.insert(client);
}

}  // namespace mxwarden::firewall
