#pragma once
// Changes that do not depend on each other, to the kernel: of a transaction that it does not take the halves are tried,
// until what is bad stands alone.

#include <functional>
#include <span>
#include <vector>

#include "firewall/kernel.hpp"

namespace mxwarden::firewall {

inline constexpr std::size_t most_changes = 1'000;  // of a transaction

struct Halving {
  std::function<void(std::span<const Change>)> done;
  std::function<void(const Outcome&)> refused;               // a transaction of several
  std::function<void(const Change&, const Outcome&)> alone;  // this one is not taken: full, or refused
};

// Done: all were, or are known to be bad. Else why it has stopped on its way (unknown, missing, denied): of what was
// not told about, nothing is known.
Outcome commit_by_halves(Kernel& kernel, std::span<const Change> changes, const Halving& halving);

// The table with these elements. If that is too much, or refused: with half of them, and so on, what ends last first,
// and then the rest in transactions as above; of a set that has no room those that end sooner are not tried any more.
// Of what went in with the table nothing is told.
Outcome rebuild_by_halves(Kernel& kernel, const Layout& layout, std::vector<Change> elements, const Halving& halving);

}  // namespace mxwarden::firewall
