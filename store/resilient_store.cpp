#include "store/resilient_store.hpp"

#include <utility>

namespace mxwarden::store {

void ResilientStore::execute(const Batch& batch, Instant deadline, Completion completion) {
  asked_ = true;
  primary_.execute(batch, deadline, [this, &batch, deadline, completion = std::move(completion)](Answers answers) {
    if (answers.size() != batch.counts.size()) return fall_back(batch, deadline, completion);
    answering_ = &primary_;
    completion(answers);
  });
}

void ResilientStore::fall_back(const Batch& batch, Instant deadline, const Completion& completion) {
  ++fallbacks_;
  fallback_.execute(batch, deadline, [this, completion](Answers answers) {
    answering_ = &fallback_;
    completion(answers);
  });
  if (!flushing_) fallback_.flush();
}

// What is asked in a completion belongs to this turn.
void ResilientStore::flush() {
  if (flushing_) return;
  flushing_ = true;
  do {
    asked_ = false;
    primary_.flush();
    fallback_.flush();
  } while (asked_);
  flushing_ = false;
}

void ResilientStore::tick(Instant now) {
  primary_.tick(now);
  fallback_.tick(now);
}

}  // namespace mxwarden::store
