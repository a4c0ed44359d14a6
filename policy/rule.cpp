#include "policy/rule.hpp"

#include "policy/reply.hpp"

namespace mxwarden::policy {
namespace {

bool before_mail(ProtocolState state) {
  return state == ProtocolState::connect || state == ProtocolState::ehlo || state == ProtocolState::helo ||
         state == ProtocolState::xclient;
}

Verdict make(std::string_view rule, conf::Mode mode, const conf::Action& action, const Question& question,
             const store::Listing* listing) {
  Verdict verdict;
  verdict.rule = rule;
  verdict.mode = mode;
  Placeholders placeholders{.rule = rule, .client = (*question.request)[Attribute::client_address]};
  if (listing != nullptr) {
    verdict.of_operator = listing->by_operator;
    placeholders.list = listing->list;
    placeholders.reason = listing->reason;
  }
  verdict.action = render(action, placeholders);
  verdict.refuses = action.refuses();
  return verdict;
}

}  // namespace

std::string_view Question::why_ours() const {
  return trusted ? why::trusted : why::logged_in;
}

Verdict make_verdict(std::string_view rule, conf::Mode mode, const conf::Action& action, const Question& question) {
  return make(rule, mode, action, question, nullptr);
}

Verdict make_verdict(std::string_view rule, conf::Mode mode, const conf::Action& action, const Question& question,
                     const store::RecordBook::Entry& record) {
  auto verdict = make(rule, mode, action, question, std::get_if<store::Listing>(&record->what));
  verdict.record = record;
  verdict.left = question.known.left(record);
  return verdict;
}

void spare(Verdict& verdict, const Question& question) {
  if (question.spared == nullptr || !verdict.refuses || verdict.of_operator) return;
  if (question.spared->contains(verdict.rule)) verdict.mode = conf::Mode::monitor;
}

bool is_too_early(const conf::Action& action, const Request& request) {
  const bool waits = action.kind() == conf::Action::Kind::discard || action.kind() == conf::Action::Kind::hold;
  return waits && before_mail(request.state);
}

}  // namespace mxwarden::policy
