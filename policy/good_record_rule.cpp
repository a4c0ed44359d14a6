#include "policy/good_record_rule.hpp"

namespace mxwarden::policy {
namespace {

// A count that has a limit is not recorded when the client is refused. Nobody needs more for a good record, and Redis
// keeps more in wider numbers.
constexpr std::uint64_t any_number = 65'535;

}  // namespace

void write_good_record(store::Count& count, const std::string& client, const conf::Rate& good_record, std::uint64_t n) {
  count.entity = client;
  count.counter = good_record_name;
  count.windows = {{good_record.within, any_number}};
  count.n = n;
  count.grain = store::Grain::message;
  count.binding = false;
}

Rule make_good_record_rule(const conf::Rate& good_record) {
  Rule rule;
  rule.name = good_record_name;
  rule.plan = [good_record](const Question& question, store::Counts& counts) -> Step {
    if (question.request->state != ProtocolState::end_of_message) return pass("it counts at END-OF-MESSAGE");
    if (question.client.empty()) return pass(why::unknown_client);
    if (question.is_ours()) return pass(question.why_ours());
    if ((question.view->message_counted_by & question.bit) != 0) return pass("counted already in this message");
    write_good_record(counts.add(), question.client, good_record, 1);
    return Step::judge;
  };
  rule.judge = [](const Question&, store::Answers) { return Rule::Judgement(); };
  return rule;
}

}  // namespace mxwarden::policy
