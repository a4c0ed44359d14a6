#include "policy/client_conn_rule.hpp"

namespace mxwarden::policy {
namespace {

class ClientConnRule {
 public:
  explicit ClientConnRule(const conf::Limit& limit) : limit_(limit) {}

  // What the number of the client's connections is held against at this request; 0: nothing.
  std::uint64_t limit_for(const Question& question) const {
    if (question.client.empty() || question.is_ours() || question.exempt()) return 0;
    if ((question.view->connection_counted_by & question.bit) != 0) return 0;
    const auto* entry = question.access[conf::AccessTag::client_conn];
    return entry != nullptr ? entry->numbers.front() : limit_.windows.front().limit;
  }

  Step plan(const Question& question, store::Counts& counts) const {
    const auto limit = limit_for(question);
    if (question.view->connections == 0 || limit == store::Window::no_limit) return Step::pass;
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
  rule.plan = [row](const Question& question, store::Counts& counts) { return row->plan(question, counts); };
  rule.judge = [row](const Question& question, store::Answers answers) { return row->judge(question, answers); };
  rule.limits_connections = [row](const Question& question) { return row->limit_for(question); };
  return rule;
}

}  // namespace mxwarden::policy
