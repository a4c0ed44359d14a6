#pragma once
// A store that is shared with other nodes, and one of this node's own behind it: what the first cannot say in time, the
// second does. So nothing about mail gets worse than one node alone, and the sum of all nodes is counted again as soon
// as the first one answers.
//
// What this node counted meanwhile stays its own: it is forgotten with its windows. A batch that the first store may
// have recorded before its answer was lost is counted by the second, too, never again by the first.

#include <cstdint>

#include "store/pool.hpp"
#include "store/store.hpp"

namespace mxwarden::store {

class ResilientStore final : public Store {
 public:
  // Both must outlive it. The fallback answers within flush(), and never without an answer.
  ResilientStore(Store& primary, Store& fallback) : primary_(primary), fallback_(fallback) {}

  void execute(const Batch& batch, Instant deadline, Completion completion) override;
  void flush() override;
  void tick(Instant now) override;
  // Of the one that gives, or gave last, an answer.
  std::string_view name() const override { return answering_->name(); }

  // Batches that the fallback has answered, without those that only look.
  std::uint64_t fallbacks() const { return fallbacks_; }

 private:
  struct Ask {
    const Batch* batch;
    Instant deadline;
    Completion completion;
  };

  void answered(Ask& ask, Answers answers);
  void fall_back(Ask& ask);
  void tell(Ask& ask, const Store& by, Answers answers);

  Store& primary_;
  Store& fallback_;
  Pool<Ask> asks_;
  const Store* answering_ = &primary_;
  bool asked_ = false;  // since the last round of flush()
  bool flushing_ = false;
  std::uint64_t fallbacks_ = 0;
};

}  // namespace mxwarden::store
