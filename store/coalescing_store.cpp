#include "store/coalescing_store.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <string>
#include <utility>

#include "store/judgement.hpp"

namespace mxwarden::store {
namespace {

constexpr std::size_t places = 4096;

// A million of them are below 2^52: no store's sum is cut short.
constexpr std::uint64_t n_most = std::uint64_t{1} << 32U;

bool can_be_summed(const Batch& batch) {
  return !batch.look && !batch.counts.empty() && std::ranges::all_of(batch.counts, [](const Count& count) {
    return (count.gauge || count.n > 0) && count.n <= n_most && count.member.empty();
  });
}

// Without a seed: whoever makes two questions collide has one of them asked without the other's company, as if there
// were no such store.
std::size_t place_of(const Batch& batch) {
  std::size_t hash = 0;
  for (const auto& count : batch.counts) hash = hash * 31 + std::hash<std::string>()(count.entity);
  return hash % places;
}

// Of two that can be summed.
bool ask_the_same(const Batch& one, const Batch& other) {
  return std::ranges::equal(one.counts, other.counts, [](const Count& a, const Count& b) {
    return a.entity == b.entity && a.counter == b.counter && a.windows == b.windows && a.grain == b.grain &&
           a.binding == b.binding && a.gauge == b.gauge;
  });
}

// As far as the last answers tell: of each count one window.
bool fits(const Batch& sum, Answers last) {
  for (std::size_t at = 0; at < last.size(); ++at) {
    const auto& count = sum.counts[at];
    const auto limit = count.windows[last[at].window].limit;
    if (last[at].over) return false;
    if (count.gauge) continue;
    if (limit != Window::no_limit && (last[at].count > limit || count.n > limit - last[at].count)) return false;
  }
  return true;
}

// What the windows held before the sum came.
std::vector<CountAnswer> before(Answers answers, const Batch& sum) {
  std::vector<CountAnswer> result(answers.begin(), answers.end());
  for (std::size_t at = 0; at < result.size(); ++at) result[at].count -= sum.counts[at].n;
  return result;
}

// What the next of them is told, after the one before it. `before`: what is told to none.
void add(std::vector<CountAnswer>& answers, const std::vector<CountAnswer>& before, const Batch& batch) {
  for (std::size_t at = 0; at < answers.size(); ++at) {
    const auto& count = batch.counts[at];
    if (count.gauge) {
      answers[at] = gauge_answer(count, before[at].count + count.n);
      answers[at].recorded = true;
    } else {
      answers[at].count += count.n;
    }
  }
}

}  // namespace

CoalescingStore::CoalescingStore(Store& inner) : inner_(inner), places_(places) {}

void CoalescingStore::execute(const Batch& batch, Instant deadline, Completion completion) {
  auto** place = can_be_summed(batch) ? &places_[place_of(batch)] : nullptr;
  if (place != nullptr && *place != nullptr) {
    if (auto* company = company_of(**place, batch, deadline)) {
      company->push_back({&batch, deadline, std::move(completion)});
      return;
    }
    place = nullptr;
  }
  auto& question = questions_.take();
  question.asks.push_back({&batch, deadline, std::move(completion)});
  asked_.push_back(&question);
  question.batch = &batch;
  question.place = place;
  if (place != nullptr) *place = &question;
}

// Null: it goes alone.
std::vector<CoalescingStore::Ask>* CoalescingStore::company_of(Question& question, const Batch& batch,
                                                               Instant deadline) {
  if (!ask_the_same(*question.batch, batch)) return nullptr;
  if (!question.outstanding) return &question.asks;
  return deadline >= question.ends_by ? &question.waiting : nullptr;
}

void CoalescingStore::flush() {
  send_asked();
  inner_.flush();
}

// At the end of a turn, and after each completion: what that has asked the inner store flushes by itself.
void CoalescingStore::send_asked() {
  for (auto* question : asked_) send(*question);
  asked_.clear();
}

void CoalescingStore::send(Question& question) {
  question.outstanding = true;
  if (question.asks.size() == 1) return ask_alone(question);
  add_up(question);
  if (fits(question.sum, question.last)) return ask_together(question);
  question.apart.resize(question.sum.counts.size());
  std::iota(question.apart.begin(), question.apart.end(), 0U);
  ask_one_by_one(question, std::vector<CountAnswer>(question.apart.size()));
}

void CoalescingStore::add_up(Question& question) {
  auto& sum = question.sum;
  sum = *question.asks.front().batch;
  question.ends_by = question.asks.front().deadline;
  for (std::size_t at = 1; at < question.asks.size(); ++at) {
    const auto& ask = question.asks[at];
    question.ends_by = std::max(question.ends_by, ask.deadline);
    sum.now = std::max(sum.now, ask.batch->now);
    for (std::size_t i = 0; i < sum.counts.size(); ++i) {
      auto& n = sum.counts[i].n;
      const auto own = ask.batch->counts[i].n;
      n = sum.counts[i].gauge ? std::max(n, own) : n + own;
    }
  }
  question.batch = &sum;
}

void CoalescingStore::ask_alone(Question& question) {
  const auto& ask = question.asks.front();
  question.ends_by = ask.deadline;
  inner_.execute(*ask.batch, ask.deadline, [this, &question](Answers answers) { answered_alone(question, answers); });
}

void CoalescingStore::answered_alone(Question& question, Answers answers) {
  const auto completion = std::move(question.asks.front().completion);
  end(question, answers);
  completion(answers);
  send_asked();
}

void CoalescingStore::ask_together(Question& question) {
  const auto sooner = [](const Ask& one, const Ask& other) { return one.deadline < other.deadline; };
  const auto deadline = std::ranges::min_element(question.asks, sooner)->deadline;
  inner_.execute(question.sum, deadline, [this, &question](Answers answers) { answered_together(question, answers); });
}

void CoalescingStore::answered_together(Question& question, Answers answers) {
  question.apart.clear();
  const bool all = std::ranges::all_of(answers, &CountAnswer::recorded);
  // Gauges once more too: they decide about the others.
  for (std::size_t at = 0; !all && at < answers.size(); ++at) {
    if (!answers[at].recorded || question.sum.counts[at].gauge)
      question.apart.push_back(static_cast<std::uint32_t>(at));
  }
  const auto before_all = before(answers, question.sum);
  if (!question.apart.empty()) return ask_one_by_one(question, before_all);

  // Out of reach of what the completions ask.
  const auto asks = std::exchange(question.asks, {});
  end(question, answers);
  auto own = before_all;
  for (const auto& ask : asks) {
    add(own, before_all, *ask.batch);
    ask.completion(own);
  }
  send_asked();
}

// `before`: answers as of before the first of them.
void CoalescingStore::ask_one_by_one(Question& question, const std::vector<CountAnswer>& before) {
  auto own = before;
  question.left = question.asks.size();
  question.rests.resize(question.left);
  for (std::size_t at = 0; at < question.left; ++at) {
    const auto& ask = question.asks[at];
    auto& rest = question.rests[at];
    add(own, before, *ask.batch);
    rest.answers = own;
    rest.batch.now = ask.batch->now;
    for (const auto count : question.apart) rest.batch.counts.add() = ask.batch->counts[count];
    inner_.execute(rest.batch, ask.deadline,
                   [this, &question, at](Answers answers) { answered_one(question, at, answers); });
  }
}

void CoalescingStore::answered_one(Question& question, std::size_t at, Answers answers) {
  auto own = std::move(question.rests[at].answers);
  for (std::size_t i = 0; i < answers.size(); ++i) own[question.apart[i]] = answers[i];
  if (answers.empty()) own.clear();
  const auto completion = std::move(question.asks[at].completion);
  if (--question.left == 0) {
    question.rests.clear();
    end(question, own);
  }
  completion(own);
  send_asked();
}

// Who waited for it is asked with this turn.
void CoalescingStore::end(Question& question, Answers answers) {
  question.asks.clear();
  question.outstanding = false;
  if (question.waiting.empty()) {
    if (question.place != nullptr) *question.place = nullptr;
    question.last.clear();
    questions_.give_back(question);
    return;
  }
  question.last.assign(answers.begin(), answers.end());
  question.asks.swap(question.waiting);
  question.batch = question.asks.front().batch;
  asked_.push_back(&question);
}

}  // namespace mxwarden::store
