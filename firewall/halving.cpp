#include "firewall/halving.hpp"

namespace mxwarden::firewall {

Outcome commit_by_halves(Kernel& kernel, std::span<const Change> changes, const Halving& halving) {
  using Kind = Outcome::Kind;
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
  if (outcome.kind == Kind::refused) halving.refused();
  const auto half = changes.size() / 2;
  outcome = commit_by_halves(kernel, changes.first(half), halving);
  return outcome.ok() ? commit_by_halves(kernel, changes.subspan(half), halving) : outcome;
}

}  // namespace mxwarden::firewall
