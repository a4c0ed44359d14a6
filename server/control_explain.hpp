#pragma once
// The control operation `explain`: what a request would be answered now and why, rule by rule. The decision itself is
// policy/explanation.hpp's; here is its text.
//
// Attributes are named as Postfix names them, and may be what it could send: text without a NUL byte or a line end, as
// long as server/request_parser.hpp takes it.

#include "server/control_call.hpp"

namespace mxwarden::server {

void explain(Call& call);

}  // namespace mxwarden::server
