#include "server/control_decisions.hpp"

#include "policy/decision_filter.hpp"

namespace mxwarden::server {

void follow_decisions(Call& call) {
  auto& members = call.members;
  policy::DecisionFilter::Wanted wanted;
  wanted.client = members.net("client", Need::optional);
  wanted.rule = members.text("rule", Need::optional);
  wanted.action = members.text("action", Need::optional);
  wanted.state = members.text("state", Need::optional);
  wanted.sender = members.text("sender", Need::optional);
  wanted.recipient = members.text("recipient", Need::optional);
  wanted.login = members.text("login", Need::optional);
  wanted.refused = members.flag("refused");
  wanted.all = members.flag("all");
  if (wanted.action.find(' ') != std::string::npos)
    members.fail("`action' must be the first word of an answer, as 421");
  if (call.faulty()) return;
  call.reply.ok();
  call.stream = call.daemon.decisions.follow(policy::DecisionFilter(wanted));
}

}  // namespace mxwarden::server
