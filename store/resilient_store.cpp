#include "store/resilient_store.hpp"

#include <utility>

namespace mxwarden::store {

void ResilientStore::execute(const Batch& batch, Instant deadline, Completion completion) {
  asked_ = true;
  auto& ask = asks_.take();
  ask = {&batch, deadline, std::move(completion)};
  primary_.execute(batch, deadline, [this, &ask](Answers answers) { answered(ask, answers); });
}

void ResilientStore::answered(Ask& ask, Answers answers) {
  answers.size() == ask.batch->counts.size() ? tell(ask, primary_, answers) : fall_back(ask);
}

void ResilientStore::fall_back(Ask& ask) {
  if (!ask.batch->look) ++fallbacks_;
  fallback_.execute(*ask.batch, ask.deadline, [this, &ask](Answers answers) { tell(ask, fallback_, answers); });
  if (!flushing_) fallback_.flush();
}

void ResilientStore::tell(Ask& ask, const Store& by, Answers answers) {
  answering_ = &by;
  const auto completion = std::move(ask.completion);
  asks_.give_back(ask);
  completion(answers);
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
