#pragma once
// The counting script: what is asked of Redis, and what its answer means. Pure.
//
// One question for each entity of a batch: the script looks at all windows of all the entity's counts and only then
// records. A call of the script takes the questions of several entities, one after the other, in one step on the
// server: most of what a call costs does not depend on what it is asked. The promises and the algorithm are those of
// store/store.hpp and store/ring.hpp, with microseconds in the place of nanoseconds: borders, waits and windows are
// rounded to them (a wait upwards).
//
// Keys: `PREFIX:3{ENTITY}COUNTER/WINDOWS`, one for each count, all of an entity in one hash slot (of Redis Cluster, for
// which a call would have to be of one slot's questions). The 3 is the version of what stands in the values: another
// release that changes them counts anew beside this one. A window is written as a duration (`60s`), one in 48-bit
// slices (limit above 65,535 or none) with a `w` behind; a distinct count has `#` in the place of `/`; a gauge ends in
// `@`. A `}` in an entity is written `%7D`, and `%` as `%25`, so that nobody chooses another one's slot. Values: a ring
// is a string of sums, as the script's text describes it; a distinct count is a sorted set of 8-byte hashes of the
// members by the microsecond they were last seen. Each key ends by itself when nothing of it is left in any window, a
// slice later at most; the end is set in the step that makes it.
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

// What is asked of one entity: some counts of a batch, its gauges first.
struct RedisQuestion {
  const Batch* batch;
  std::span<const std::uint32_t> places;  // in the batch
};

// How the script is named: by its digest, as SCRIPT LOAD has answered, or by its text.
struct ScriptAs {
  std::string_view command;  // EVALSHA, EVAL
  std::string_view script;
};

// Puts calls together, question by question. Of those of one call no two are about the same entity, and all are looks
// or none. Their batches must stay until it is appended.
class ScriptCall {
 public:
  void add(const RedisNames& names, const RedisQuestion& question);
  // How many counts its questions are about.
  std::size_t keys() const { return keys_; }
  // Appends it to what is to be sent. `time`: instead of the server's own, for tests.
  void append_to(std::string& to, const ScriptAs& script, std::optional<Instant> time = {}) const;
  // Begins anew.
  void clear();

 private:
  std::size_t keys_ = 0;
  bool look_ = false;
  // Arguments as they are sent.
  std::string names_;
  std::string asks_;
  // If the last was a ring alone, it, and what is the same in the next key: most of a call ask the same.
  const Count* last_ = nullptr;
  std::string rest_of_last_key_;
};

// The answer to a call, in which each question takes its own.
class ScriptAnswer {
 public:
  // `keys`: how many counts all the questions of the call are about.
  ScriptAnswer(const RedisReply& reply, std::size_t keys) : reply_(reply), keys_(keys) {}

  // False: this is no answer to such a call.
  bool has_form() const { return keys_ == 1 || reply_.size() == keys_; }
  // Writes the answers to the next question into those to its batch. False: it has none that can be one.
  bool take(const RedisQuestion& question, std::span<CountAnswer> answers);

 private:
  RedisReply reply_;
  std::size_t keys_;
  std::size_t taken_ = 0;
};

}  // namespace mxwarden::store
