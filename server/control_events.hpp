#pragma once
// The operation event of the control socket.

#include "server/control_call.hpp"

namespace mxwarden::server {

void take_events(Call& call);

}  // namespace mxwarden::server
