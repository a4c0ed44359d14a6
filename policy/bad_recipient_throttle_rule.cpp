#include "policy/bad_recipient_throttle_rule.hpp"

#include "policy/bad_recipient_rule.hpp"

namespace mxwarden::policy {
namespace {

// At RCPT once, whichever restriction lists ask; at the others as often as they do.
bool is_awaited_by_client(const Question& question) {
  const auto state = question.request->state;
  if (state == ProtocolState::data || state == ProtocolState::end_of_message) return true;
  return is_before_lookup(*question.request) && question.view->new_recipient;
}

}  // namespace

Rule make_bad_recipient_throttle_rule(const conf::Settings::BadRecipientThrottle& settings) {
  Rule rule;
  rule.name = bad_recipient_throttle_name;
  rule.mode = settings.mode;
  rule.counts = false;
  rule.plan = [settings](const Question& question, store::Counts&) -> Step {
    if (question.view->message_suspected < settings.after) return pass("the message has not tried so many");
    if (!is_awaited_by_client(question)) return pass("it holds back at RCPT in context `pre', DATA, END-OF-MESSAGE");
    if (question.view->in_doubt) return pass("recipients that exist are refused, too");
    if (question.is_ours()) return pass(question.why_ours());
    if (question.exempt()) return pass(why::exempt);
    return Step::judge;
  };
  rule.judge = [settings](const Question& question, store::Answers) -> Rule::Judgement {
    if (settings.mode == conf::Mode::enforce && question.held < settings.delay) {
      return Hold{settings.delay - question.held};
    }
    Verdict verdict;
    verdict.rule = bad_recipient_throttle_name;
    verdict.mode = settings.mode;
    verdict.action = "DUNNO";
    verdict.cause = Cause{.count = question.view->message_suspected,
                          .limit = settings.after,
                          .window = Duration::zero(),
                          .retry_after = {}};
    verdict.held = settings.delay;
    return verdict;
  };
  return rule;
}

}  // namespace mxwarden::policy
