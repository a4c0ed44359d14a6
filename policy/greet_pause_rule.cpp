#include "policy/greet_pause_rule.hpp"

#include <algorithm>
#include <memory>

#include "policy/good_record_rule.hpp"

namespace mxwarden::policy {
namespace {

class GreetPauseRule {
 public:
  explicit GreetPauseRule(const conf::Settings& settings)
      : settings_(settings.greet_pause),
        good_record_(settings.client.good_record),
        longest_(conf::longest_pause(settings)) {}

  Step plan(const Question& question, store::Counts& counts) const {
    if (question.request->state != ProtocolState::connect) return pass("only the answer to CONNECT is held back");
    if (!question.view->new_session) return pass("it was asked already in this connection");
    if (question.client.empty()) return pass(why::unknown_client);
    if (question.is_ours()) return pass(question.why_ours());
    if (question.exempt()) return pass(why::exempt);
    if (pause_for(question) == Duration::zero()) return pass("its pause is 0");
    if (is_too_early(settings_.action, *question.request)) return pass(why::too_early);
    if (good_record_.count > 0) write_good_record(counts.add(), question.client, good_record_, 0);
    return {Step::judge, "unless it has a good record, the client waits, and is refused if it talks meanwhile"};
  }

  Rule::Judgement judge(const Question& question, store::Answers answers) const {
    if (!answers.empty() && answers.front().count >= good_record_.count) return {};
    switch (question.socket) {
      case ClientSocket::none:
      case ClientSocket::silent: {
        const auto pause = pause_for(question);
        if (question.held < pause) return Hold{pause - question.held, true};
        return {};
      }
      case ClientSocket::talked:
        return make_verdict(greet_pause_name, settings_.mode, settings_.action, question);
      case ClientSocket::gone:
      case ClientSocket::not_here:
        break;
    }
    return {};
  }

 private:
  Duration pause_for(const Question& question) const {
    const auto* entry = question.access[conf::AccessTag::greet_pause];
    if (entry == nullptr) return settings_.pause;
    return std::min<Duration>(std::chrono::milliseconds(entry->numbers.front()), longest_);
  }

  conf::Settings::GreetPause settings_;
  conf::Rate good_record_;
  Duration longest_;
};

}  // namespace

Rule make_greet_pause_rule(const conf::Settings& settings) {
  const auto row = std::make_shared<const GreetPauseRule>(settings);
  Rule rule;
  rule.name = greet_pause_name;
  rule.mode = settings.greet_pause.mode;
  rule.counts = false;
  rule.access = conf::AccessTag::greet_pause;
  rule.plan = [row](const Question& question, store::Counts& counts) { return row->plan(question, counts); };
  rule.judge = [row](const Question& question, store::Answers answers) { return row->judge(question, answers); };
  return rule;
}

}  // namespace mxwarden::policy
