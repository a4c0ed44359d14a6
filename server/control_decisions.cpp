#include "server/control_decisions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/ascii.hpp"
#include "base/attribute.hpp"
#include "policy/decision_filter.hpp"

namespace mxwarden::server {

namespace {

bool is_stage(std::string_view name) {
  const auto is_it = [name](std::string_view stage) {
    return std::ranges::equal(name, stage, [](char a, char b) { return lower(a) == lower(b); });
  };
  return std::ranges::any_of(protocol_state_names, is_it);
}

}  // namespace

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
  if (!wanted.state.empty() && !is_stage(wanted.state)) {
    members.fail(fmt::format("`state' must be one of {}", fmt::join(protocol_state_names, ", ")));
  }
  if (wanted.action.find(' ') != std::string::npos)
    members.fail("`action' must be the first word of an answer, as 421");
  if (call.faulty()) return;
  call.follow([&] { return call.daemon.decisions.follow(policy::DecisionFilter(wanted)); });
}

}  // namespace mxwarden::server
