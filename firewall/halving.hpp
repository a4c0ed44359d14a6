#pragma once
// Changes that do not depend on each other, to the kernel: of a transaction that it does not take the halves are tried,
// until what is bad stands alone.

#include <functional>
#include <span>

#include "firewall/kernel.hpp"

namespace mxwarden::firewall {

struct Halving {
  std::function<void(std::span<const Change>)> done;
  std::function<void()> refused;                             // a transaction of several
  std::function<void(const Change&, const Outcome&)> alone;  // this one is not taken: full, or refused
};

// Done: all were, or are known to be bad. Else why it has stopped on its way (unknown, missing, denied): of what was
// not told about, nothing is known.
Outcome commit_by_halves(Kernel& kernel, std::span<const Change> changes, const Halving& halving);

}  // namespace mxwarden::firewall
