#include "policy/connect_rule.hpp"

#include "policy/reply.hpp"

namespace mxwarden::policy {
namespace {

constexpr std::string_view name = "connect";

bool before_mail(ProtocolState state) {
  return state == ProtocolState::connect || state == ProtocolState::ehlo || state == ProtocolState::helo ||
         state == ProtocolState::xclient;
}

Step plan(const Question& question, store::Counts&) {
  if (question.connect() == nullptr || question.trusted || question.request->logged_in()) return Step::pass;
  const auto& entry = *question.connect();
  if (entry.ok || entry.action.kind() == conf::Action::Kind::dunno) return Step::pass;
  const auto kind = entry.action.kind();
  const bool waits = kind == conf::Action::Kind::discard || kind == conf::Action::Kind::hold;
  if (waits && before_mail(question.request->state)) return Step::pass;
  return Step::settled;
}

Rule::Judgement judge(const Question& question, store::Answers) {
  Verdict verdict;
  verdict.rule = name;
  verdict.action = render(question.connect()->action, {name, (*question.request)[Attribute::client_address], {}, {}});
  verdict.refuses = question.connect()->action.refuses();
  return verdict;
}

}  // namespace

Rule make_connect_rule() {
  return {std::string(name), conf::Mode::enforce, plan, judge};
}

}  // namespace mxwarden::policy
