#pragma once
// The addresses of this host, which no rule may ban.

#include <optional>
#include <vector>

#include "base/address.hpp"

namespace mxwarden {

// Of all interfaces of this network namespace (getifaddrs(3)); nothing if the kernel will not say.
std::optional<std::vector<Address>> own_addresses();

}  // namespace mxwarden
