#pragma once
// The operation top of the control socket.

#include "server/control_call.hpp"

namespace mxwarden::server {

void list_top(Call& call);

}  // namespace mxwarden::server
