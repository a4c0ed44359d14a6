#pragma once
// What a reload can change, and what it cannot.

#include <string>
#include <vector>

#include "conf/settings.hpp"

namespace mxwarden::server {

// The settings that differ and take a restart: section.key. They are set back in `wanted` to what is in force, so that
// the next reload names them again.
std::vector<std::string> keep_what_needs_restart(const conf::Settings& current, conf::Settings& wanted);

}  // namespace mxwarden::server
