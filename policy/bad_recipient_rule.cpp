#include "policy/bad_recipient_rule.hpp"

#include "policy/bad_recipient.hpp"

namespace mxwarden::policy {
namespace {

bool names_recipient(const Question& question) {
  return !(*question.request)[Attribute::recipient].empty();
}

// As often as it is asked: it counts once nevertheless.
bool shows_accepted(const Question& question) {
  return question.view->found && names_recipient(question);
}

bool is_judged(const Question& question) {
  return names_recipient(question) && is_before_lookup(*question.request) && question.view->new_recipient &&
         !question.view->in_doubt;
}

std::string_view why_nothing_to_do(const Question& question) {
  if (!names_recipient(question)) return "the request names no recipient";
  if (!is_before_lookup(*question.request)) return "it judges at RCPT, where policy_context is `pre'";
  if (!question.view->new_recipient) return "this recipient was let pass already";
  return "recipients that exist are refused, too, and nothing counts";
}

}  // namespace

bool is_before_lookup(const Request& request) {
  return request.state == ProtocolState::rcpt && request[Attribute::policy_context] == "pre";
}

Rule make_bad_recipient_rule(const conf::Settings::BadRecipient& settings) {
  Rule rule;
  rule.name = bad_recipient_name;
  rule.mode = settings.mode;
  rule.counts = false;
  rule.plan = [settings](const Question& question, store::Counts& counts) -> Step {
    const auto& view = *question.view;
    const bool is_accepted = shows_accepted(question);
    if (!is_accepted && !view.suspected && !is_judged(question)) return pass(why_nothing_to_do(question));
    if (question.client.empty()) return pass(why::unknown_client);
    if (question.is_ours()) return pass(question.why_ours());
    if (question.exempt()) return pass(why::exempt);
    const auto recipient = (*question.request)[Attribute::recipient];
    if (is_accepted) {
      count_accepted_recipient(counts, question.client, recipient, settings);
    } else {
      const auto suspected = view.suspected ? std::string_view(view.missed) : std::string_view();
      count_suspected_recipient(counts, question.client, suspected, recipient, settings);
    }
    return Step::judge;
  };
  rule.judge = [settings](const Question& question, store::Answers answers) -> Rule::Judgement {
    if (!is_judged(question)) return {};
    const auto cause = judge_suspected_recipient(answers, settings);
    if (!cause) return {};
    auto verdict = make_verdict(bad_recipient_name, settings.mode, settings.action, question);
    verdict.cause = *cause;
    return verdict;
  };
  return rule;
}

}  // namespace mxwarden::policy
