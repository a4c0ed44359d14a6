#include "policy/listing_rule.hpp"

namespace mxwarden::policy {
namespace {

bool answers(const conf::Settings::Listing& settings) {
  return settings.mode == conf::Mode::enforce && settings.action.refuses();
}

}  // namespace

Rule make_listing_rule(const conf::Settings::Listing& settings) {
  Rule rule;
  rule.name = listing_name;
  rule.mode = settings.mode;
  rule.plan = [settings](const Question& question, store::Counts&) -> Step {
    if (question.known.listing == nullptr) return pass("not listed");
    if (question.is_ours()) return pass(question.why_ours());
    if (question.exempt()) return pass(why::exempt);
    if (is_too_early(settings.action, *question.request)) return pass(why::too_early);
    return answers(settings) ? Step::settled : Step::judge;
  };
  rule.judge = [settings](const Question& question, store::Answers) -> Rule::Judgement {
    auto verdict = make_verdict(listing_name, settings.mode, settings.action, question, question.known.listing);
    verdict.attempt = answers(settings) && (question.view->connection_counted_by & question.bit) == 0;
    return verdict;
  };
  return rule;
}

}  // namespace mxwarden::policy
