#pragma once
// What the sets are to hold, by the list of bans. Pure.

#include <vector>

#include "firewall/ban_list.hpp"
#include "firewall/layout.hpp"

namespace mxwarden::firewall {

// All that is in force, each with what is left of it: clients as they are, nets made disjoint (firewall/disjoint.hpp).
std::vector<Change> contents(const BanList& bans, const Layout& layout, Instant now);

}  // namespace mxwarden::firewall
