#pragma once
// What several sentinels say together.
//
// After a failover they learn of it one by one, and one that was frozen knows nothing of it for seconds. So a working
// connection is left only for what nearly cannot be stale: a message that the master was replaced (which its reader
// follows at once, without a vote), or what all who can be heard agree on, if they are more than half.

#include <optional>
#include <span>

#include "store/redis_address.hpp"

namespace mxwarden::store {

struct SentinelVoice {
  bool is_busy = false;                // is being asked: what it says is about to come
  std::optional<SocketAddress> names;  // nothing: cannot be heard, or does not know
};

// Where the master is; nothing: leave it where it is. `in_need`: nobody knows where it is, or the place known is in
// doubt; what most of them say will do, and among equals the first.
std::optional<SocketAddress> vote(std::span<const SentinelVoice> voices, bool in_need);

}  // namespace mxwarden::store
