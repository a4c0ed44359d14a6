#pragma once
// Does the `when` of a limit hold for a request? Pure.

#include "conf/limit.hpp"
#include "policy/request.hpp"

namespace mxwarden::policy {

bool holds(const conf::When& when, const Request& request);

}  // namespace mxwarden::policy
