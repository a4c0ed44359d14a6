#include "policy/connect_rule.hpp"

namespace mxwarden::policy {
namespace {

constexpr std::string_view name = "connect";

Step plan(const Question& question, store::Counts&) {
  if (question.connect() == nullptr) return pass("no Connect entry covers the client");
  if (question.is_ours()) return pass(question.why_ours());
  const auto& entry = *question.connect();
  if (entry.ok) return pass("the Connect entry says OK");
  if (entry.action.kind() == conf::Action::Kind::dunno) return pass("the Connect entry says DUNNO");
  if (is_too_early(entry.action, *question.request)) return pass(why::too_early);
  return Step::settled;
}

Rule::Judgement judge(const Question& question, store::Answers) {
  auto verdict = make_verdict(name, conf::Mode::enforce, question.connect()->action, question);
  verdict.of_operator = true;
  return verdict;
}

}  // namespace

Rule make_connect_rule() {
  Rule rule;
  rule.name = name;
  rule.plan = plan;
  rule.judge = judge;
  rule.counts = false;
  rule.access = conf::AccessTag::connect;
  return rule;
}

}  // namespace mxwarden::policy
