#include "policy/client_conn_rule.hpp"

namespace mxwarden::policy {
namespace {

class ClientConnRule {
 public:
  explicit ClientConnRule(const conf::Limit& limit) : limit_(limit) {}

  // What the number of the client's connections is held against at this request; 0: nothing.
  std::uint64_t limit_for(const Question& question) const {
    if (!why_not(question).empty()) return 0;
    const auto* entry = question.access[conf::AccessTag::client_conn];
    return entry != nullptr ? entry->numbers.front() : limit_.windows.front().limit;
  }

  Step plan(const Question& question, store::Counts& counts) const {
    const auto limit = limit_for(question);
    if (limit == store::Window::no_limit) return pass(why_no_limit(question));
    if (question.view->connections == 0) return pass("nobody counts connections here");
    auto& count = counts.add();
    count.entity = question.client;
    write_connections(count, limit_, question.view->connections);
    count.windows.front().limit = limit;
    count.binding = limit_.mode == conf::Mode::enforce && limit_.action.refuses();
    return Step::judge;
  }

  Rule::Judgement judge(const Question& question, store::Answers answers) const {
    const auto& answer = answers.front();
    if (!answer.over) return {};
    auto verdict = make_verdict(limit_.name, limit_.mode, limit_.action, question);
    verdict.cause = Cause{answer.count, limit_for(question), std::nullopt, Duration::zero()};
    return verdict;
  }

 private:
  // Why it does not concern the request; empty: it does.
  static std::string_view why_not(const Question& question) {
    if (question.client.empty()) return why::unknown_client;
    if (question.is_ours()) return question.why_ours();
    if (question.exempt()) return why::exempt;
    const bool counted = (question.view->connection_counted_by & question.bit) != 0;
    return counted ? why::counted_in_connection : std::string_view();
  }

  static std::string_view why_no_limit(const Question& question) {
    const auto why = why_not(question);
    return why.empty() ? why::no_limit : why;
  }

  conf::Limit limit_;
};

}  // namespace

void write_connections(store::Count& count, const conf::Limit& limit, std::uint32_t connections) {
  count.counter = limit.name;
  count.windows = {{limit.windows.front().length, store::Window::no_limit}};
  count.n = connections;
  count.gauge = true;
}

Rule make_client_conn_rule(const conf::Limit& limit) {
  const auto row = std::make_shared<const ClientConnRule>(limit);
  Rule rule;
  rule.name = limit.name;
  rule.mode = limit.mode;
  rule.access = conf::AccessTag::client_conn;
  rule.plan = [row](const Question& question, store::Counts& counts) { return row->plan(question, counts); };
  rule.judge = [row](const Question& question, store::Answers answers) { return row->judge(question, answers); };
  rule.limits_connections = [row](const Question& question) { return row->limit_for(question); };
  return rule;
}

}  // namespace mxwarden::policy
