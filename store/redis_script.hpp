#pragma once
// The counting script: what is asked of Redis, and what its answer means. Pure.
//
// One call of the script for each entity of a batch: it looks at all windows of all the entity's counts and only then
// records, in one step on the server. The promises and the algorithm are those of store/store.hpp and store/ring.hpp,
// with microseconds in the place of nanoseconds: borders, waits and windows are rounded to them (a wait upwards).
//
// Keys: `PREFIX:3{ENTITY}COUNTER/WINDOWS`, one for each count, all of an entity in one hash slot (Redis Cluster). The 3
// is the version of what stands in the values: another release that changes them counts anew beside this one. A window
// is written as a duration (`60s`), one in 48-bit slices (limit above 65,535 or none) with a `w` behind; a distinct
// count has `#` in the place of `/`; a gauge ends in `@`. A `}` in an entity is written `%7D`, and `%` as `%25`, so
// that nobody chooses another one's slot. Values: a ring is a string of sums, as the script's text describes it; a
// distinct count is a sorted set of 8-byte hashes of the members by the microsecond they were last seen. Each key ends
// by itself when nothing of it is left in any window, a slice later at most; the end is set in the step that makes it.
//
// Time is the server's own (TIME), which may go back after a failover: a ring then stays in its newest slice. Effects
// are what is replicated (Redis 5 and later), so that replicas need not agree on the time.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/redis_wire.hpp"
#include "store/store.hpp"

namespace mxwarden::store {

// As Redis is to be given it: SCRIPT LOAD, EVAL.
std::string_view redis_script();

struct RedisNames {
  std::string prefix = "mxw";
  std::uint64_t seed = 0;  // of the hashes of members and nodes: the same on all nodes
  std::string node{};      // whose numbers gauges are told; no two nodes have the same
};

// The counts of one entity: their places in the batch, gauges last.
using RedisCall = std::span<const std::uint32_t>;

// How the script is named: by its digest, as SCRIPT LOAD has answered, or by its text.
struct ScriptAs {
  std::string_view command;  // EVALSHA, EVAL
  std::string_view script;
};

// Appends the call to what is to be sent. `time`: instead of the server's own, for tests.
void append_script_call(std::string& to, const ScriptAs& script, const RedisNames& names, const Batch& batch,
                        RedisCall call, std::optional<Instant> time = {});

// Writes the answers to the call of the batch into its own. False: this is no answer to such a call.
bool read_script_reply(const RedisReply& reply, const Batch& batch, RedisCall call, std::span<CountAnswer> answers);

}  // namespace mxwarden::store
