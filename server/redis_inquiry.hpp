#pragma once
// Asks the Redis that the settings name about its own settings, for --check-config.

#include "conf/fault.hpp"
#include "conf/settings.hpp"

namespace mxwarden::server {

// Adds what store/redis_advice.hpp has to say to the warnings; one alone if Redis cannot be asked, or may not be.
// Nothing where the store is another. Blocks, a second at most.
void ask_redis_for_its_settings(const conf::Settings& settings, conf::Report& report);

}  // namespace mxwarden::server
