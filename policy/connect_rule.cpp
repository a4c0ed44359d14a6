#include "policy/connect_rule.hpp"

namespace mxwarden::policy {
namespace {

constexpr std::string_view name = "connect";

Step plan(const Question& question, store::Counts&) {
  if (question.connect() == nullptr || question.is_ours()) return Step::pass;
  const auto& entry = *question.connect();
  if (entry.ok || entry.action.kind() == conf::Action::Kind::dunno) return Step::pass;
  if (is_too_early(entry.action, *question.request)) return Step::pass;
  return Step::settled;
}

Rule::Judgement judge(const Question& question, store::Answers) {
  return make_verdict(name, conf::Mode::enforce, question.connect()->action, question);
}

}  // namespace

Rule make_connect_rule() {
  Rule rule;
  rule.name = name;
  rule.plan = plan;
  rule.judge = judge;
  rule.counts = false;
  return rule;
}

}  // namespace mxwarden::policy
