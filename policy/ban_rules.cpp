#include "policy/ban_rules.hpp"

namespace mxwarden::policy {
namespace {

// What differs between the two.
struct BanRule {
  std::string_view name;
  std::string_view action;
  store::RecordBook::Entry Known::*ban;
  bool can_be_exempt;
};

constexpr BanRule of_operator{"operator_ban", "521 5.7.1 Mail from {client} is not accepted here",
                              &Known::operators_ban, false};
constexpr BanRule of_rules{"ban", "421 4.7.0 Mail from {client} is not accepted for now, try again later", &Known::ban,
                           true};

Rule make_rule(const BanRule& row) {
  Rule rule;
  rule.name = row.name;
  rule.counts = false;
  rule.plan = [row](const Question& question, store::Counts&) -> Step {
    if (question.known.*row.ban == nullptr) return pass("no ban");
    if (question.is_ours()) return pass(question.why_ours());
    if (row.can_be_exempt && question.exempt()) return pass(why::exempt);
    return Step::settled;
  };
  const auto action = conf::Action::parse(row.action).value();
  rule.judge = [row, action](const Question& question, store::Answers) -> Rule::Judgement {
    auto verdict = make_verdict(row.name, conf::Mode::enforce, action, question, question.known.*row.ban);
    verdict.of_operator = !row.can_be_exempt;
    return verdict;
  };
  return rule;
}

}  // namespace

Rule make_operator_ban_rule() {
  return make_rule(of_operator);
}

Rule make_ban_rule() {
  return make_rule(of_rules);
}

}  // namespace mxwarden::policy
