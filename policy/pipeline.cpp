#include "policy/pipeline.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace mxwarden::policy {

Pipeline::Pipeline(store::Store& store, Tracker& tracker, std::shared_ptr<const Engine> engine, Unanswered unanswered,
                   ConnectionCounter* connections, const store::Records* records)
    : store_(store),
      tracker_(tracker),
      engine_(std::move(engine)),
      unanswered_(unanswered),
      connections_(connections),
      records_(records) {}

namespace {

// Memory that ran out, or a bug. It costs this request its verdict.
Decision failed(const std::exception& exception) {
  Decision decision;
  decision.failure = exception.what();
  return decision;
}

constexpr std::string_view store_rule = "store";
// Who has answered what no store could.
constexpr std::string_view nobody = "none";

// Rules in monitor mode refuse nobody, and so put nobody off.
bool might_refuse(const store::Batch& batch) {
  return std::any_of(batch.counts.begin(), batch.counts.end(), [](const auto& count) { return count.binding; });
}

// Where no rule had something to say without the store.
void defer(Decision& decision) {
  Verdict verdict;
  verdict.rule = store_rule;
  verdict.action = "DEFER_IF_PERMIT 4.3.0 Try again later [mxw:store]";
  verdict.refuses = true;
  decision.action = verdict.action;
  decision.verdict = std::move(verdict);
}

}  // namespace

void Pipeline::ask(Inquiry& inquiry, Instant now, Duration within, Inquiry::Done done) {
  if (inquiry.engine != engine_) inquiry.engine = engine_;
  inquiry.done = std::move(done);
  try {
    plan(inquiry, now, within);
  } catch (const std::exception& exception) {
    std::exchange(inquiry.done, nullptr)(failed(exception));
    return;
  }
  if (inquiry.plan.batch.counts.empty()) answer(inquiry, {});
}

void Pipeline::plan(Inquiry& inquiry, Instant now, Duration within) {
  inquiry.view = tracker_.see(inquiry.request, &inquiry.view, now);
  inquiry.engine->put(inquiry.request, inquiry.view, records_, now, inquiry.plan);
  if (connections_ != nullptr && inquiry.engine->counts_connections()) {
    const auto limit = inquiry.engine->connection_limit(inquiry.plan);
    inquiry.view.connections = connections_->count(inquiry.request, inquiry.view, limit, now);
  }
  inquiry.engine->plan(now, inquiry.plan);
  if (inquiry.plan.batch.counts.empty()) return;
  store_.execute(inquiry.plan.batch, now + within,
                 [this, &inquiry](store::Answers answers) { answer(inquiry, answers); });
}

void Pipeline::answer(Inquiry& inquiry, store::Answers answers) {
  const auto done = std::exchange(inquiry.done, nullptr);
  done(decision_with(inquiry, answers));
}

Decision Pipeline::decision_with(Inquiry& inquiry, store::Answers answers) try {
  inquiry.plan.answers.assign(answers.begin(), answers.end());
  inquiry.plan.answers.resize(inquiry.plan.batch.counts.size());
  inquiry.plan.answered = answers.size() == inquiry.plan.answers.size();
  inquiry.store = inquiry.plan.answered ? store_.name() : nobody;
  return decide(inquiry);
} catch (const std::exception& exception) {
  return failed(exception);
}

Decision Pipeline::resume(Inquiry& inquiry, Duration held) {
  inquiry.plan.question.held = held;
  return decide(inquiry);
}

void Pipeline::closed(const Inquiry& inquiry) {
  if (connections_ != nullptr) connections_->closed(inquiry.view);
}

void Pipeline::replace_engine(std::shared_ptr<const Engine> engine) {
  engine_ = std::move(engine);
  tracker_.rules_changed();
}

Decision Pipeline::decide(Inquiry& inquiry) {
  auto decision = inquiry.engine->decide(inquiry.plan);
  decision.store = inquiry.store;
  const bool open = !decision.verdict && !decision.hold;
  const bool defers = unanswered_ == Unanswered::defer && might_refuse(inquiry.plan.batch);
  if (!inquiry.plan.answered && open && defers) defer(decision);
  if (!decision.hold) tracker_.settle(inquiry.view, inquiry.engine->settle(inquiry.plan, decision));
  return decision;
}

}  // namespace mxwarden::policy
