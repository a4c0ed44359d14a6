#pragma once
// Addresses in their order, as ranges of them need it. Pure.

#include <optional>

#include "base/address.hpp"

namespace mxwarden::firewall {

Address last_of(const Prefix& net);

// Nothing: it is the last there is.
std::optional<Address> behind(const Address& address);

// It is not the first there is.
Address before(const Address& address);

}  // namespace mxwarden::firewall
