#pragma once
// Knows for a while who is over a limit, so that one who hammers costs the store behind it nothing.
//
// What is refused is not counted, and a count can fall only where a slice of its window ends: so a refusal holds until
// its retry_after, whatever the other nodes count meanwhile, and is answered here until then. A batch with such a count
// is answered whole, and nothing of it is counted, unless it also asks for something coarser: a refused connection has
// brought no sender and no recipient, but a refused recipient leaves its connection counted. The other counts of such a
// batch are answered as neither over nor recorded.
//
// Passed on are: what is not known; counts that bind nobody (monitor mode) and looks (n = 0); distinct counts, of which
// a known member is never over; gauges; batches with a count without a limit, which always records; and each refusal
// once a minute. A batch that is a look is passed on whole, and nothing is learnt of it: it sees what all counts hold,
// where one that asks may be told of the refusal that is known alone.
//
// Memory: 80 bytes for each refusal that is known, max_refusals at most. Threads: one. Time: Batch::now.

#include <cstdint>
#include <vector>

#include "store/flood_table.hpp"
#include "store/pool.hpp"
#include "store/store.hpp"

namespace mxwarden::store {

class CachedStore final : public Store {
 public:
  struct Options {
    std::size_t max_refusals = 100'000;
    std::uint64_t seed = 0;  // of the hash; from the system's random source in a daemon
  };

  // `inner` must outlive it.
  CachedStore(Store& inner, const Options& options);

  void execute(const Batch& batch, Instant deadline, Completion completion) override;
  void flush() override;
  void tick(Instant now) override;
  std::string_view name() const override { return telling_ ? "memory" : inner_.name(); }

  // Batches that were answered from memory.
  std::uint64_t answered() const { return answered_; }
  // Batches that were passed on and to which the store behind could say nothing, without those that only look.
  std::uint64_t unanswered() const { return unanswered_; }

 private:
  // A refusal that is known.
  struct Refusal {
    std::uint64_t n;
    std::uint64_t count;
    std::int64_t retry_at;     // in nanoseconds of the steady clock; never: the largest
    std::int64_t known_until;  // the same; earlier if it is to be asked again before
    std::uint64_t window;

    std::uint16_t weight() const { return 1; }
  };

  // What was passed on.
  struct Ask {
    const Batch* batch;
    Completion completion;
  };

  struct Refused {
    const Batch* batch;
    std::size_t count;  // the one that is over
    CountAnswer answer;
    Completion completion;
  };

  bool refuse(const Batch& batch, Completion& completion);
  const Refusal* find(const Count& count, Instant now);
  void answered(Ask& ask, Answers answers);
  void learn(const Batch& batch, Answers answers);
  void tell(const Refused& refused);

  Store& inner_;
  std::uint64_t seed_;
  FloodTable<Refusal> refusals_;
  Pool<Ask> asks_;
  std::vector<Refused> refused_;  // since the last flush()
  std::vector<CountAnswer> answers_;
  bool flushing_ = false;
  bool telling_ = false;  // what is known
  std::uint64_t answered_ = 0;
  std::uint64_t unanswered_ = 0;
};

}  // namespace mxwarden::store
