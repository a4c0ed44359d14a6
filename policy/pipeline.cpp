#include "policy/pipeline.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace mxwarden::policy {

Pipeline::Pipeline(store::Store& store, Tracker& tracker, std::shared_ptr<const Engine> engine, const Options& options)
    : store_(store), tracker_(tracker), engine_(std::move(engine)), options_(options) {}

namespace {

// Memory that ran out, or a bug. It costs this request its verdict.
Decision failed(const std::exception& exception) {
  Decision decision;
  decision.failure = exception.what();
  return decision;
}

constexpr std::string_view store_rule = "store";
// Of the store, where nobody waits for the answer.
constexpr auto patience = std::chrono::seconds(2);
// Who has answered what no store could.
constexpr std::string_view nobody = "none";

bool is_held_against_rule(const Verdict& verdict) {
  return verdict.refuses && !verdict.of_operator;
}

// That refuse by themselves, or would if they were not in monitor mode.
std::vector<std::string> refusing_rules(const Decision& decision) {
  std::vector<std::string> rules;
  if (decision.verdict && is_held_against_rule(*decision.verdict)) rules.emplace_back(decision.verdict->rule);
  for (const auto& remark : decision.remarks) {
    if (is_held_against_rule(remark)) rules.emplace_back(remark.rule);
  }
  return rules;
}

// Rules in monitor mode refuse nobody, and so put nobody off.
bool might_refuse(const store::Batch& batch) {
  return std::any_of(batch.counts.begin(), batch.counts.end(), [](const auto& count) { return count.binding; });
}

void tell_failure(Explanation& explanation, const std::exception& exception) {
  Explained explained;
  explained.decision = failed(exception);
  std::exchange(explanation.done, nullptr)(explained);
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
  inquiry.engine->put(inquiry.request, inquiry.view, options_.records, now, inquiry.plan);
  spare(inquiry.plan.question);
  if (options_.recipients != nullptr) options_.recipients->see(inquiry.plan.question, inquiry.view, now);
  if (options_.connections != nullptr && inquiry.engine->counts_connections()) {
    const auto limit = inquiry.engine->connection_limit(inquiry.plan);
    inquiry.view.connections = options_.connections->count(inquiry.request, inquiry.view, limit, now);
  }
  inquiry.engine->plan(now, inquiry.plan);
  if (inquiry.plan.batch.counts.empty()) return;
  store_.execute(inquiry.plan.batch, now + within,
                 [this, &inquiry](store::Answers answers) { answer(inquiry, answers); });
}

void Pipeline::spare(Question& question) const {
  if (options_.good_records != nullptr) question.spared = options_.good_records->spared(question.client);
}

void Pipeline::answer(Inquiry& inquiry, store::Answers answers) {
  const auto done = std::exchange(inquiry.done, nullptr);
  auto decision = decision_with(inquiry, answers);
  const auto aftermath = aftermath_of(inquiry, decision);
  // From here on the inquiry may be about the next request.
  done(std::move(decision));
  settle(aftermath);
}

Pipeline::Aftermath Pipeline::aftermath_of(const Inquiry& inquiry, const Decision& decision) const try {
  Aftermath aftermath{.attempt = {}, .meeting = {}, .delivery = {}, .now = inquiry.plan.batch.now};
  if (decision.hold) return aftermath;
  aftermath.delivery = delivery_of(inquiry, decision);
  const auto& question = inquiry.plan.question;
  if (options_.offences != nullptr && decision.verdict && decision.verdict->attempt) {
    const auto name = inquiry.request[Attribute::client_name];
    aftermath.attempt = {.listing = decision.verdict->record,
                         .client_name = std::string(name == "unknown" ? "" : name),
                         .at = std::chrono::floor<std::chrono::milliseconds>(question.known.now),
                         .now = aftermath.now};
  }
  if (options_.good_records == nullptr || question.client.empty() || question.is_ours()) return aftermath;
  // That a store is away is no rule's doing, and in context `relay' no rule is about strangers.
  if (!inquiry.plan.answered || inquiry.request[Attribute::policy_context] == "relay") return aftermath;
  auto refused_by = refusing_rules(decision);
  const bool let_pass = !decision.verdict || !decision.verdict->refuses;
  const auto messages = let_pass && refused_by.empty() ? inquiry.engine->good_messages(inquiry.plan) : 0;
  if (!refused_by.empty() || messages > 0) aftermath.meeting = {question.client, std::move(refused_by), messages};
  return aftermath;
} catch (const std::exception&) {
  return {};
}

// In context `relay' nobody has judged it.
std::shared_ptr<const store::Batch> Pipeline::delivery_of(const Inquiry& inquiry, const Decision& decision) const {
  const auto& request = inquiry.request;
  if (request.state != ProtocolState::end_of_message || !inquiry.engine->counts_deliveries()) return nullptr;
  if (inquiry.view.delivered || (decision.verdict && decision.verdict->refuses)) return nullptr;
  if (!decision.failure.empty() || request[Attribute::policy_context] == "relay") return nullptr;
  const auto recipients = tracker_.recipients(inquiry.view, request);
  if (recipients.empty()) return nullptr;
  auto batch = std::make_shared<store::Batch>();
  batch->now = inquiry.plan.batch.now;
  inquiry.engine->deliver(inquiry.plan, recipients, batch->counts);
  return batch->counts.empty() ? nullptr : batch;
}

// Memory that ran out costs what would have been noted, not what was answered.
void Pipeline::settle(const Aftermath& aftermath) try {
  if (aftermath.attempt) options_.offences->attempted(*aftermath.attempt);
  if (aftermath.meeting) options_.good_records->met(*aftermath.meeting, aftermath.now);
  if (const auto batch = aftermath.delivery) {
    store_.execute(*batch, aftermath.now + patience, [batch](store::Answers) {});
  }
} catch (const std::exception&) {
  return;
}

Decision Pipeline::decision_with(Inquiry& inquiry, store::Answers answers) try {
  take(answers, inquiry.plan);
  inquiry.store = inquiry.plan.answered ? store_.name() : nobody;
  return decide(inquiry);
} catch (const std::exception& exception) {
  return failed(exception);
}

void Pipeline::take(store::Answers answers, Plan& plan) {
  plan.answers.assign(answers.begin(), answers.end());
  plan.answers.resize(plan.batch.counts.size());
  plan.answered = answers.size() == plan.answers.size();
}

Decision Pipeline::resume(Inquiry& inquiry, Duration held) {
  auto& question = inquiry.plan.question;
  question.held = held;
  if (inquiry.hold && inquiry.hold->look) {
    const auto shown = look(inquiry);
    // It was there when the wait began; one that was reset is in no table.
    question.socket = shown == ClientSocket::not_here ? ClientSocket::gone : shown;
  }
  auto decision = decide(inquiry);
  settle(aftermath_of(inquiry, decision));
  return decision;
}

Decision Pipeline::cut_short(Inquiry& inquiry) {
  auto& question = inquiry.plan.question;
  question.socket = ClientSocket::none;
  const auto held = question.held;
  auto decision = decide(*inquiry.engine, inquiry.plan);
  for (; decision.hold; decision = decide(*inquiry.engine, inquiry.plan)) question.held += decision.hold->length;
  if (decision.verdict) decision.verdict->held = std::min(decision.verdict->held, held);
  for (auto& remark : decision.remarks) remark.held = std::min(remark.held, held);
  decision = decided(inquiry, std::move(decision));
  settle(aftermath_of(inquiry, decision));
  return decision;
}

void Pipeline::closed(const Inquiry& inquiry) {
  if (options_.connections != nullptr) options_.connections->closed(inquiry.view);
}

void Pipeline::replace_engine(std::shared_ptr<const Engine> engine) {
  engine_ = std::move(engine);
  tracker_.rules_changed();
}

Decision Pipeline::decide(Inquiry& inquiry) {
  auto& question = inquiry.plan.question;
  auto decision = decide(*inquiry.engine, inquiry.plan);
  if (decision.hold && decision.hold->look && question.socket == ClientSocket::none) {
    question.socket = look(inquiry);
    // Else there is nothing to wait for.
    if (question.socket != ClientSocket::silent) decision = decide(*inquiry.engine, inquiry.plan);
  }
  return decided(inquiry, std::move(decision));
}

ClientSocket Pipeline::look(const Inquiry& inquiry) const {
  if (options_.sockets == nullptr) return ClientSocket::not_here;
  return options_.sockets->look(inquiry.request, inquiry.view);
}

Decision Pipeline::decided(Inquiry& inquiry, Decision decision) {
  decision.store = inquiry.store;
  decision.socket = inquiry.plan.question.socket;
  inquiry.hold = decision.hold;
  if (!decision.hold) tracker_.settle(inquiry.view, inquiry.engine->settle(inquiry.plan, decision));
  return decision;
}

Decision Pipeline::decide(const Engine& engine, Plan& plan) const {
  auto decision = engine.decide(plan);
  const bool open = !decision.verdict && !decision.hold;
  const bool defers = options_.unanswered == Unanswered::defer && might_refuse(plan.batch);
  if (!plan.answered && open && defers) defer(decision);
  return decision;
}

// What is explained.

void Pipeline::explain(Explanation& explanation, Instant now, Duration within, Explanation::Done done) {
  explanation.engine = engine_;
  explanation.deadline = now + within;
  explanation.done = std::move(done);
  try {
    survey(explanation, now);
    look(explanation, explanation.survey.asked, &Pipeline::look_behind);
  } catch (const std::exception& exception) {
    tell_failure(explanation, exception);
  }
}

void Pipeline::survey(Explanation& explanation, Instant now) const {
  auto& plan = explanation.survey.asked;
  explanation.view = tracker_.preview(explanation.request, now);
  explanation.engine->put(explanation.request, explanation.view, options_.records, now, plan);
  spare(plan.question);
  if (options_.recipients != nullptr) options_.recipients->preview(plan.question, explanation.view, now);
  if (options_.connections != nullptr && explanation.engine->counts_connections()) {
    explanation.view.connections = options_.connections->preview(explanation.request, explanation.view, now);
  }
  explanation.engine->survey(now, explanation.survey);
}

// One after the other: what would be asked lets each other be recorded or not, without those behind it.
void Pipeline::look(Explanation& explanation, Plan& plan, void (Pipeline::*then)(Explanation&)) {
  const auto answered = [this, &explanation, &plan, then](store::Answers answers) {
    try {
      take(answers, plan);
      (this->*then)(explanation);
    } catch (const std::exception& exception) {
      tell_failure(explanation, exception);
    }
  };
  if (plan.batch.counts.empty()) return answered({});
  store_.execute(plan.batch, explanation.deadline, answered);
}

void Pipeline::look_behind(Explanation& explanation) {
  explanation.store = explanation.survey.asked.answered ? store_.name() : nobody;
  look(explanation, explanation.survey.behind, &Pipeline::explained);
}

void Pipeline::explained(Explanation& explanation) {
  auto& plan = explanation.survey.asked;
  Explained explained;
  auto& decision = explained.decision;
  for (decision = decide(*explanation.engine, plan); decision.hold; decision = decide(*explanation.engine, plan)) {
    plan.question.held += decision.hold->length;
  }
  decision.store = explanation.store;
  explained.held = plan.question.held;
  explained.rules = explanation.engine->explain(explanation.survey);
  std::exchange(explanation.done, nullptr)(explained);
}

}  // namespace mxwarden::policy
