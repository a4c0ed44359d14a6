#pragma once
// Overlapping prefixes as ranges that do not overlap, as the kernel's interval sets want them. Pure.

#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"

namespace mxwarden::firewall {

struct Range {
  Address first;
  Address last;
  Instant until;

  bool operator==(const Range&) const = default;
};

struct Until {
  Prefix net;
  Instant until;
};

// Every address has the latest end of all prefixes it lies in; an address in none is in no range. `nets` are of one
// family, in the order of Prefix, each once. The ranges are in order.
std::vector<Range> disjoint(const std::vector<Until>& nets);

}  // namespace mxwarden::firewall
