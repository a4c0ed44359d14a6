#pragma once
// What the sets are to hold, by the list of bans. Pure.

#include <vector>

#include "firewall/ban_list.hpp"
#include "firewall/disjoint.hpp"
#include "firewall/layout.hpp"

namespace mxwarden::firewall {

// All that is in force, each with what is left of it: clients as they are, nets made disjoint (firewall/disjoint.hpp).
std::vector<Change> contents(const BanList& bans, const Layout& layout, Instant now);

// Of an interval set: what it is to hold.
std::vector<Range> ranges_of(const BanList& bans, Set set, Instant now);

// From what it holds to what it is to hold: first what goes, then what comes. Both are in order.
std::vector<Change> changes_of(Set set, const std::vector<Range>& from, const std::vector<Range>& to, Instant now);

}  // namespace mxwarden::firewall
