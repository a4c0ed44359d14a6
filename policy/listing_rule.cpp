#include "policy/listing_rule.hpp"

namespace mxwarden::policy {
namespace {

// For now only: what one DNSBL has said once may be a mistake, of which an honest server is told later or never.
conf::Action for_now(const conf::Action& action) {
  const bool is_final = action.kind() == conf::Action::Kind::reject || action.word().starts_with('5');
  if (!is_final) return action;
  return conf::Action::parse(action.text().empty() ? "DEFER" : "450 4.7.1 " + action.text()).value();
}

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
  rule.judge = [settings, unconfirmed = for_now(settings.action)](const Question& question,
                                                                  store::Answers) -> Rule::Judgement {
    const auto& entry = question.known.listing;
    const auto& action = std::get<store::Listing>(entry->what).unconfirmed ? unconfirmed : settings.action;
    auto verdict = make_verdict(listing_name, settings.mode, action, question, entry);
    verdict.attempt = answers(settings) && (question.view->connection_counted_by & question.bit) == 0;
    return verdict;
  };
  return rule;
}

}  // namespace mxwarden::policy
