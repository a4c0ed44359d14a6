#pragma once
// The operation decisions.follow of the control socket: what is decided, while it is decided.
//
//   {"op":"decisions.follow"}  client: address or net; rule, action, state, sender, recipient, login: text; refused,
//                              all: true
//       -> {"ok":true}, then for each decision that has all this
//          {"time":...,"action":"421 4.7.0 ...","rule":...,"client":...,"state":...,...}   decision_json()
//       -> {"lost":N}      so many did not fit while they were not read (server/decision_feed.hpp)
//
// What they mean: policy/decision_filter.hpp. Without any of them decisions that nobody had anything against are passed
// over.

#include "server/control_call.hpp"

namespace mxwarden::server {

void follow_decisions(Call& call);

}  // namespace mxwarden::server
