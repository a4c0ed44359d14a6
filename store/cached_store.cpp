#include "store/cached_store.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "store/key.hpp"

namespace mxwarden::store {
namespace {

constexpr Duration longest_known = std::chrono::minutes(1);
constexpr auto never = std::numeric_limits<std::int64_t>::max();

std::int64_t nanoseconds(Instant at) {
  return at.time_since_epoch().count();
}

bool has_limit(const Count& count) {
  return std::any_of(count.windows.begin(), count.windows.end(),
                     [](const Window& window) { return window.limit != Window::no_limit; });
}

bool has_coarser(const Batch& batch, Grain grain) {
  return std::any_of(batch.counts.begin(), batch.counts.end(), [&](const Count& count) { return count.grain < grain; });
}

bool can_be_known(const Count& count) {
  return count.binding && count.n > 0 && count.member.empty() && !count.gauge;
}

}  // namespace

CachedStore::CachedStore(Store& inner, const Options& options)
    : inner_(inner), seed_(options.seed), refusals_(options.max_refusals, options.seed) {}

void CachedStore::execute(const Batch& batch, Instant deadline, Completion completion) {
  if (!batch.look && refuse(batch, completion)) return;
  auto& ask = asks_.take();
  ask = {&batch, std::move(completion)};
  inner_.execute(batch, deadline, [this, &ask](Answers answers) { answered(ask, answers); });
}

void CachedStore::answered(Ask& ask, Answers answers) {
  if (!ask.batch->look) {
    if (answers.size() != ask.batch->counts.size()) ++unanswered_;
    learn(*ask.batch, answers);
  }
  const auto completion = std::move(ask.completion);
  asks_.give_back(ask);
  completion(answers);
  if (!refused_.empty()) flush();  // outside a turn: asked in that completion
}

// False: ask on.
bool CachedStore::refuse(const Batch& batch, Completion& completion) {
  if (refusals_.size() == 0 || !std::ranges::all_of(batch.counts, has_limit)) return false;
  for (std::size_t at = 0; at < batch.counts.size(); ++at) {
    const auto& count = batch.counts[at];
    if (!can_be_known(count) || has_coarser(batch, count.grain)) continue;
    const auto* refusal = find(count, batch.now);
    if (refusal == nullptr) continue;
    CountAnswer answer;
    answer.count = refusal->count;
    answer.window = static_cast<std::uint32_t>(refusal->window);
    answer.over = true;
    answer.retry_after =
        refusal->retry_at == never ? Duration::max() : Duration(refusal->retry_at - nanoseconds(batch.now));
    refused_.push_back({&batch, at, answer, std::move(completion)});
    return true;
  }
  return false;
}

const CachedStore::Refusal* CachedStore::find(const Count& count, Instant now) {
  const auto* entry = refusals_.find(question_key(seed_, count), now);
  if (entry == nullptr || entry->body.known_until <= nanoseconds(now)) return nullptr;
  return entry->body.n == count.n ? &entry->body : nullptr;
}

void CachedStore::learn(const Batch& batch, Answers answers) {
  for (std::size_t at = 0; at < answers.size(); ++at) {
    const auto& count = batch.counts[at];
    const auto& answer = answers[at];
    if (!answer.over || !can_be_known(count)) continue;
    const auto inserted = refusals_.insert(question_key(seed_, count), batch.now);
    if (inserted.entry == nullptr) continue;
    const auto known = std::min(answer.retry_after, longest_known);
    auto& refusal = inserted.entry->body;
    refusal.n = count.n;
    refusal.count = answer.count;
    refusal.retry_at =
        answer.retry_after == Duration::max() ? never : nanoseconds(batch.now) + answer.retry_after.count();
    refusal.known_until = nanoseconds(batch.now + known);
    refusal.window = answer.window;
    refusals_.keep_until(*inserted.entry, batch.now + known);
  }
}

// What a completion asks belongs to this turn.
void CachedStore::flush() {
  if (flushing_) return;
  flushing_ = true;
  do {
    for (std::size_t at = 0; at < refused_.size(); ++at) {
      const auto refused = std::move(refused_[at]);  // out of reach of what the completion asks
      tell(refused);
    }
    refused_.clear();
    inner_.flush();
  } while (!refused_.empty());
  flushing_ = false;
}

void CachedStore::tell(const Refused& refused) {
  ++answered_;
  answers_.assign(refused.batch->counts.size(), {});
  answers_[refused.count] = refused.answer;
  telling_ = true;
  refused.completion(answers_);
  telling_ = false;
}

void CachedStore::tick(Instant now) {
  refusals_.sweep(now);
  inner_.tick(now);
}

}  // namespace mxwarden::store
