#pragma once
// What is remembered, in the words of those who ask. The rules never learn which store answers.
//
// A Batch speaks about entities (a client, a login, a sender, or a composite of them) and asks for counts. A count
// carries its limits. For each entity the store looks at all windows of all its counts first and only then records,
// in one step; so what is refused is not counted, an honest server that retries is never starved, and retry_after is
// exact. Two entities of a batch are not one step: one may be recorded while the other refuses.
//
// What is recorded: a count that is not over itself, unless a binding count of its entity, of its grain or a coarser
// one, is over (asked with n = 0 or not). A count that is over is never recorded, binding or not. A count of which no
// window has a limit always records, as does a gauge. An unlimited window beside limited ones shares their fate. n = 0
// asks what is there: over is count > limit. Of a distinct count it is the number of members; with n = 1 a member that
// is in the window already is not over and is refreshed, whatever the limit. Time that goes back counts as the newest
// instant that was recorded. A batch names each memory once.
//
// Algorithm: the conservative ring (store/ring.hpp). Never more than `limit` are admitted in any window; a count is
// over only if the entity really had more than `limit` in the last 13/12 of it. Distinct counts are exact.

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace mxwarden::store {

// How much a window admits. No limit: always recorded, never over.
struct Window {
  static constexpr std::uint64_t no_limit = 0;

  Duration length{};  // at least a millisecond, at most ten years
  std::uint64_t limit = no_limit;

  bool operator==(const Window&) const = default;
};

// Few counts have more than two windows; those that do pay an allocation.
using Windows = boost::container::small_vector<Window, 2>;

// What a refusal of this count stops from being recorded: itself and everything finer. A recipient that is refused
// leaves the connection that brought it counted; a refused connection brings no recipient.
enum class Grain : std::uint8_t { connection, message, recipient };

struct Count {
  std::string entity;   // canonical name, such as `client:192.0.2.7`
  std::string counter;  // what is counted of it: the rule's name. Together with the windows it names the memory.
  Windows windows;      // at least one; the longest one bounds how long it is remembered
  std::uint64_t n = 1;  // 0: only look
  std::string member;   // not empty: count distinct members instead, n is 0 or 1; limits at most distinct_most
  Grain grain = Grain::connection;
  bool binding = true;  // false (monitor mode): being over keeps nothing else from being recorded
  // A gauge tells not what happened but what is: n is how many there are at this node now (open connections), in the
  // place of what it said before; the answer's count is the sum over all nodes. One window: its length is how long the
  // number stands unless it is said again. A fact: always recorded, n = 0 too, over or not; when it will fall nobody
  // knows, so retry_after of one that is over is zero. No member.
  bool gauge = false;
};

// A distinct count remembers its members one by one.
inline constexpr std::uint64_t distinct_most = 1000;

// What a window holds after this ask, were it admitted: `count` includes n (or the new member) even if over.
struct CountAnswer {
  std::uint64_t count = 0;   // of the window below
  std::uint32_t window = 0;  // index: the one with the longest wait if over, else the fullest of its limit; the first
                             // of several, and the first of all if none has a limit
  bool over = false;         // a window with a limit would hold more than it admits
  bool recorded = false;     // n was added (by a look: would be); always false when n is 0
  Duration retry_after{};    // over: from now until n would be admitted if nothing else came; never: Duration::max()
                             // of a gauge zero: not known

  bool operator==(const CountAnswer&) const = default;
};

// What a batch asks. Counts that were cleared lend their memory to those that are added later: a batch is filled anew
// for each request, and its texts are to cost no allocation.
class Counts {
 public:
  Counts() = default;
  Counts(std::initializer_list<Count> counts) : all_(counts), size_(all_.size()) {}

  // One more, as Count() makes it.
  Count& add();
  void remove_last() { --size_; }
  void clear() { size_ = 0; }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Count& operator[](std::size_t at) { return all_[at]; }
  const Count& operator[](std::size_t at) const { return all_[at]; }
  const Count* begin() const { return all_.data(); }
  const Count* end() const { return all_.data() + size_; }

 private:
  std::vector<Count> all_;
  std::size_t size_ = 0;  // those behind are to be used again
};

struct Batch {
  Instant now{};
  Counts counts;
  // The answers are those that asking would get now, and nothing is recorded, no gauge is said.
  bool look = false;
};

// As many as the batch has counts, in its order; none at all for a batch that has some: the store cannot say. Valid
// during the call only.
using Answers = std::span<const CountAnswer>;
using Completion = std::function<void(Answers)>;

class Store {
 public:
  virtual ~Store() = default;

  // Takes note of the batch; `completion` is called exactly once, not before the next flush() and at `deadline` at the
  // latest, from the same thread. It must not throw. `batch` must stay until then. If execute throws, it took no note.
  virtual void execute(const Batch& batch, Instant deadline, Completion completion) = 0;

  // The end of a turn: what was asked since the last one is carried out together, in its order, so that waits for
  // memory or for another host are shared. What a completion asks meanwhile belongs to the same turn; a store that
  // calls one outside flush() flushes by itself what that has asked.
  virtual void flush() = 0;

  // Called each second or so: what can be forgotten is forgotten. Bounded work.
  virtual void tick(Instant now) = 0;

  // For the `store=` of a log line.
  virtual std::string_view name() const = 0;
};

}  // namespace mxwarden::store
