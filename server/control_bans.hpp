#pragma once
// The operation bans.follow of the control socket: all bans, and each that comes or goes, for who enforces them
// elsewhere.
//
//   {"op":"bans.follow"}
//       -> {"ok":true}, then
//          {"snapshot":"begin","epoch":E}    all that are in force follow; E grows, also over a restart
//          {"net":"192.0.2.0/24","left_ms":...,"length_ms":...}
//                                            until its end, and from its beginning to its end, which is never less;
//                                            without length_ms: when it began is not known
//          {"snapshot":"end"}                those were all, with those ends: whatever the reader has besides is over
//          {"add":{"net":...,"left_ms":...}} as above; of two ends that were told of a net the later one counts
//          {"remove":"192.0.2.0/24"}         also of one that the reader has never heard of
//          {"heartbeat":E}                   every 5 s: of the last snapshot that ended, 0: there was none
//
// An operator's word is the last: his ban takes the place of one that would last longer. So it is told as a `remove`
// and an `add` behind it, and so is one that was made anew after its net had none.
//
// With the reader a ban ends by `remove`, by its own end, or by a newer snapshot that has ended, as it is not in it.
// While what other nodes wrote may be missing (store::Records::current()) no snapshot begins or ends, so that the
// reader keeps what it has; a new one follows when that is over.
//
// A snapshot is sent as the reader takes it, page by page. Of what changes meanwhile, and while the reader is away,
// each net is kept once, as it is when it is told; with more than 10,000 of them the stream ends, and the reader, which
// would miss something, has to start anew.

#include "server/control_call.hpp"

namespace mxwarden::server {

void follow_bans(Call& call);

}  // namespace mxwarden::server
