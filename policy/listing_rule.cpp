#include "policy/listing_rule.hpp"

namespace mxwarden::policy {
namespace {

constexpr std::string_view name = "listing";

}  // namespace

Rule make_listing_rule(const conf::Settings::Listing& settings) {
  Rule rule;
  rule.name = name;
  rule.mode = settings.mode;
  rule.counts = false;
  rule.plan = [settings](const Question& question, store::Counts&) {
    if (question.known.listing == nullptr || question.is_ours() || question.exempt()) return Step::pass;
    if (is_too_early(settings.action, *question.request)) return Step::pass;
    const bool answers = settings.mode == conf::Mode::enforce && settings.action.refuses();
    return answers ? Step::settled : Step::judge;
  };
  rule.judge = [settings](const Question& question, store::Answers) -> Rule::Judgement {
    return make_verdict(name, settings.mode, settings.action, question, question.known.listing);
  };
  return rule;
}

}  // namespace mxwarden::policy
