#include "firewall/halving.hpp"

#include <algorithm>
#include <array>

namespace mxwarden::firewall {
namespace {

using Kind = Outcome::Kind;

bool might_take_less(const Outcome& outcome) {
  return outcome.kind == Kind::refused || outcome.kind == Kind::too_long || outcome.kind == Kind::full;
}

// What ends last first: once there is no room in a set, there is none for those that end sooner.
Outcome put_in(Kernel& kernel, std::span<const Change> elements, const Halving& halving) {
  std::array<bool, all_sets.size()> is_full{};
  const auto full = [&](const Change& change) -> bool& {
    return is_full[static_cast<std::size_t>(change.element.set)];
  };
  Halving noting = halving;
  noting.alone = [&](const Change& change, const Outcome& outcome) {
    if (outcome.kind == Kind::full) full(change) = true;
    halving.alone(change, outcome);
  };
  const Outcome no_room{Kind::full, "there is no room"};
  std::vector<Change> batch;
  while (!elements.empty()) {
    batch.clear();
    const auto some = elements.first(std::min(elements.size(), most_changes));
    elements = elements.subspan(some.size());
    for (const auto& change : some) {
      if (full(change)) {
        halving.alone(change, no_room);
      } else {
        batch.push_back(change);
      }
    }
    auto outcome = commit_by_halves(kernel, batch, noting);
    if (!outcome.ok()) return outcome;
  }
  return {};
}

}  // namespace

Outcome commit_by_halves(Kernel& kernel, std::span<const Change> changes, const Halving& halving) {
  if (changes.empty()) return {};
  auto outcome = kernel.commit(changes);
  if (outcome.ok()) {
    halving.done(changes);
    return outcome;
  }
  if (outcome.kind == Kind::unknown || outcome.kind == Kind::missing || outcome.kind == Kind::denied) return outcome;
  if (changes.size() == 1) {
    halving.alone(changes.front(), outcome);
    return {};
  }
  halving.refused(outcome);
  const auto half = changes.size() / 2;
  outcome = commit_by_halves(kernel, changes.first(half), halving);
  return outcome.ok() ? commit_by_halves(kernel, changes.subspan(half), halving) : outcome;
}

Outcome rebuild_by_halves(Kernel& kernel, const Layout& layout, std::vector<Change> elements, const Halving& halving) {
  auto outcome = kernel.rebuild(layout, elements);
  if (!might_take_less(outcome)) return outcome;
  std::sort(elements.begin(), elements.end(),
            [](const Change& one, const Change& other) { return one.timeout > other.timeout; });
  const std::span<const Change> all = elements;
  auto size = all.size();
  while (size > 0 && might_take_less(outcome)) {
    halving.refused(outcome);
    size /= 2;
    outcome = kernel.rebuild(layout, all.first(size));
  }
  return outcome.ok() ? put_in(kernel, all.subspan(size), halving) : outcome;
}

}  // namespace mxwarden::firewall
