#pragma once
// --dry-run: what would be given to nft(8).

#include <iosfwd>

#include "conf/settings.hpp"

namespace mxwarden::firewall {

// Asks mxwardend for the bans there are, and prints the table with them, for `nft -f`; on `err` what is left out, and
// why. Needs no privilege. Returns the exit status.
int dry_run(const conf::Settings& settings, std::ostream& out, std::ostream& err);

}  // namespace mxwarden::firewall
