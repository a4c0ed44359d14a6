#include "policy/explanation.hpp"

#include <algorithm>
#include <utility>

namespace mxwarden::policy {
namespace {

void begin_look(Plan& plan, Instant now) {
  plan.batch.now = now;
  plan.batch.look = true;
  plan.batch.counts.clear();
  plan.asked.clear();
}

const Plan::Asked* find(const Plan& plan, std::size_t rule) {
  const auto found = std::ranges::find(plan.asked, rule, &Plan::Asked::rule);
  return found == plan.asked.end() ? nullptr : &*found;
}

std::vector<ExplainedCount> counts_of(const Plan& plan, const Plan::Asked& asked, bool would_be_asked) {
  std::vector<ExplainedCount> counts;
  for (auto at = asked.begin; at < asked.end; ++at) {
    auto& one = counts.emplace_back(ExplainedCount{plan.batch.counts[at], plan.answers[at]});
    one.answer.recorded = one.answer.recorded && would_be_asked;
  }
  return counts;
}

// What it says when all holds are over.
std::optional<Verdict> verdict_of(const Rule& rule, Plan& plan, const Plan::Asked& asked) {
  const auto answers = store::Answers(plan.answers).subspan(asked.begin, asked.end - asked.begin);
  while (true) {
    auto judgement = rule.judge(plan.question, answers);
    if (auto* verdict = std::get_if<Verdict>(&judgement)) {
      spare(*verdict, plan.question);
      return std::move(*verdict);
    }
    const auto* hold = std::get_if<Hold>(&judgement);
    if (hold == nullptr) return std::nullopt;
    plan.question.held += hold->length;
  }
}

}  // namespace

void Engine::survey(Instant now, Survey& survey) const {
  begin_look(survey.asked, now);
  begin_look(survey.behind, now);
  survey.steps.clear();
  survey.behind.question = survey.asked.question;
  const bool relay = is_relay(*survey.asked.question.request);
  bool settled = false;
  for (std::size_t at = 0; at < rules_.size(); ++at) {
    if (rules_[at].for_relay != relay) {
      survey.steps.push_back(pass(relay ? "where policy_context is `relay' only relay grants speak"
                                        : "it is asked where policy_context is `relay'"));
      continue;
    }
    survey.steps.push_back(ask(at, settled ? survey.behind : survey.asked));
    settled = settled || survey.steps.back().kind == Step::settled;
  }
}

ExplainedRule Engine::explain(std::size_t at, Survey& survey, bool decided) const {
  using Says = ExplainedRule::Says;
  const auto& rule = rules_[at];
  ExplainedRule one;
  one.name = rule.name;
  one.mode = rule.mode;
  one.why = survey.steps[at].why;
  if (rule.for_relay != is_relay(*survey.asked.question.request)) {
    one.says = Says::not_asked;
    return one;
  }
  one.behind = decided;
  if (rule.access) one.access = survey.asked.question.access[*rule.access];
  const auto* asked = find(survey.asked, at);
  const bool spared = asked == nullptr;
  auto& plan = spared ? survey.behind : survey.asked;
  if (spared) asked = find(plan, at);
  if (asked == nullptr) return one;
  plan.question.bit = bit_of(at);
  one.counts = counts_of(plan, *asked, !spared);
  one.verdict = verdict_of(rule, plan, *asked);
  const bool is_decisive = one.verdict && !decided && is_final(*one.verdict);
  one.says = spared ? Says::not_asked : !one.verdict ? Says::counts : is_decisive ? Says::answers : Says::would_answer;
  return one;
}

std::vector<ExplainedRule> Engine::explain(Survey& survey) const {
  std::vector<ExplainedRule> all;
  bool decided = false;
  for (std::size_t at = 0; at < rules_.size(); ++at) {
    const auto& one = all.emplace_back(explain(at, survey, decided));
    decided = decided || one.says == ExplainedRule::Says::answers;
  }
  return all;
}

}  // namespace mxwarden::policy
