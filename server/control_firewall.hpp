#pragma once
// The operation firewall.report of the control socket: how it goes with mxwarden-firewall, by itself.
//
//   {"op":"firewall.report","mode":"enforce|monitor","healthy":true|false,"trouble":"why not",
//    "ban4":N,"ban6":N,"net4":N,"net6":N,"waiting":N,"too_short":N,"guarded":N,"gave_way":N,"rebuilds":N,
//    "refused_batches":N,"refused_elements":N,"dropped":N,"lag_ms":N,"checked_ms":N}
//       -> {"ok":true}                          server/firewall_report.hpp: what they mean; a number that is left out
//                                               is 0, lag_ms: there was none, checked_ms: never
//
// The last one stands in the answer to `status` as "firewall", with "age_ms"; null: none came within the last minute.

#include "server/control_call.hpp"

namespace mxwarden::server {

void take_firewall_report(Call& call);

// The member of `status`.
boost::json::value firewall_status(const LastFirewallReport& last, Instant now);

}  // namespace mxwarden::server
