#include "firewall/monitor_kernel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/duration.hpp"

namespace mxwarden::firewall {
namespace {

std::string in_words(const Change& change) {
  const auto whom = fmt::format("set={} net={}", to_string(change.element.set), to_string(change.element));
  if (!change.timeout) return fmt::format("would=accept {}", whom);
  return fmt::format("would=drop {} for={}", whom,
                     mxwarden::to_string(std::chrono::ceil<std::chrono::seconds>(*change.timeout)));
}

}  // namespace

Outcome MonitorKernel::rebuild(const Layout& layout, std::span<const Change> elements) {
  log_(log::Level::info, fmt::format("would=rebuild table={} elements={}", layout.table, elements.size()));
  return commit(elements);
}

Outcome MonitorKernel::commit(std::span<const Change> changes) {
  for (const auto& change : changes.first(std::min(changes.size(), most_lines))) {
    log_(log::Level::info, in_words(change));
  }
  if (changes.size() > most_lines) {
    log_(log::Level::info, fmt::format("would=drop and {} more; --dry-run prints all", changes.size() - most_lines));
  }
  return {};
}

}  // namespace mxwarden::firewall
