#pragma once
// [client_conn]: connections of a client that are open at a time, over all nodes.
//
// Asked at a session's first request of any state, and again at later ones for as long as it is refused; what was let
// pass is not asked about again. Trusted, exempt and logged-in clients are not concerned, nor is the client `unknown`.
// ClientConn entries of the access table replace the limit; 0: no limit.

#include "conf/settings.hpp"
#include "policy/rule.hpp"

namespace mxwarden::policy {

// Without View::connections, as in a replay, it has nothing to say.
Rule make_client_conn_rule(const conf::Limit& limit);

// What tells the store, and by it the other nodes, how many connections a client has here; its entity is still to be
// named. No limit: nothing is asked.
void write_connections(store::Count& count, const conf::Limit& limit, std::uint32_t connections);

}  // namespace mxwarden::policy
