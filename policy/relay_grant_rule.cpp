#include "policy/relay_grant_rule.hpp"

namespace mxwarden::policy {
namespace {

constexpr std::string_view name = "relay_grant";

// Its own address, however it came to speak to itself.
bool is_own(const Question& question) {
  return Address::parse((*question.request)[Attribute::server_address]) == question.view->client;
}

Step plan(const Question& question, store::Counts&) {
  const auto& client = question.view->client;
  if (!client) return pass(why::unknown_client);
  if (question.trusted) return pass(why::trusted);
  if (is_private(*client)) return pass("the client's address is private");
  if (is_own(question)) return pass("the client's address is this host's own");
  if (question.known.grant == nullptr && question.known.all_said) return pass("no grant");
  return Step::judge;
}

Verdict permit(const Question& question, conf::Mode mode) {
  Verdict verdict;
  verdict.rule = name;
  verdict.mode = mode;
  verdict.action = "OK";
  verdict.record = question.known.grant;
  verdict.left = question.known.left(question.known.grant);
  return verdict;
}

}  // namespace

Rule make_relay_grant_rule(const conf::Settings::RelayGrant& settings) {
  const auto unknown =
      conf::Action::parse("DEFER_IF_REJECT 4.3.0 It is not known for now whether {client} may relay, try again later")
          .value();
  Rule rule;
  rule.name = name;
  rule.mode = settings.mode;
  rule.counts = false;
  rule.for_relay = true;
  rule.plan = plan;
  rule.judge = [mode = settings.mode, unknown](const Question& question, store::Answers) -> Rule::Judgement {
    if (question.known.grant != nullptr) return permit(question, mode);
    return make_verdict(name, mode, unknown, question);
  };
  return rule;
}

}  // namespace mxwarden::policy
