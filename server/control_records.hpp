#pragma once
// The operations records.list, records.add and records.remove of the control socket.

#include "server/control_call.hpp"

namespace mxwarden::server {

void list_records(Call& call);
void add_record(Call& call);
void remove_record(Call& call);

}  // namespace mxwarden::server
