#pragma once
// The decision log: one line for each request that a rule had something to say about, in logfmt.

#include <string>
#include <string_view>

#include "policy/decision.hpp"
#include "policy/request.hpp"

namespace mxwarden::policy {

// `decision action=421 rule=client_rate client=192.0.2.7 state=CONNECT count=61 limit=60 window=60s retry_after=7s
// mode=enforce store=embedded us=38 sender=... recipient=... login=... helo=... instance=...`; in monitor mode
// `action=DUNNO would=421`. Of a record, in the place of the figures: `by=operator reason=... left=7d`, `list=...
// reason=... left=...`, `grant=LOGIN left=...`. `verdict` is the decision's own or one of its remarks; null for a plain
// DUNNO.
std::string decision_line(const Request& request, const Verdict* verdict, std::string_view store, Duration took);

}  // namespace mxwarden::policy
