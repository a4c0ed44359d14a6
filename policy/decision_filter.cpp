#include "policy/decision_filter.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "policy/identity.hpp"

namespace mxwarden::policy {
namespace {

bool equal_but_case(std::string_view one, std::string_view other) {
  return std::ranges::equal(one, other, [](char a, char b) { return lower(a) == lower(b); });
}

bool says_who(const DecisionFilter::Wanted& wanted) {
  return wanted.client || !wanted.rule.empty() || !wanted.action.empty() || !wanted.state.empty() ||
         !wanted.sender.empty() || !wanted.recipient.empty() || !wanted.login.empty();
}

}  // namespace

DecisionFilter::Mailbox::Mailbox(std::string_view text) : domain_alone(text.starts_with('@')), nobody(text == "<>") {
  if (domain_alone) {
    append_domain_of(canonical, text);
  } else {
    append_canonical_address(canonical, text, LocalPart::lower_case);
  }
}

bool DecisionFilter::Mailbox::is(std::string_view value) const {
  if (nobody) return value.empty();
  if (canonical.empty() && !domain_alone) return true;
  std::string found;
  if (domain_alone) {
    append_domain_of(found, value);
  } else {
    append_canonical_address(found, value, LocalPart::lower_case);
  }
  return !found.empty() && found == canonical;
}

DecisionFilter::DecisionFilter(const Wanted& wanted)
    : client_(wanted.client),
      rule_(wanted.rule),
      action_(wanted.action),
      state_(wanted.state),
      sender_(wanted.sender),
      recipient_(wanted.recipient),
      login_(wanted.login),
      refused_(wanted.refused),
      plain_too_(wanted.all || says_who(wanted)) {}

bool DecisionFilter::passes(const Request& request, const Verdict* verdict) const {
  if (verdict == nullptr && !plain_too_) return false;
  if (refused_ && (verdict == nullptr || !verdict->refuses || is_monitored(verdict))) return false;
  if (!rule_.empty() && (verdict == nullptr || verdict->rule != rule_)) return false;
  if (!action_.empty() && !equal_but_case(word_of(answered(verdict)), action_)) return false;
  if (!state_.empty() && !equal_but_case(request[Attribute::protocol_state], state_)) return false;
  return passes_client(request) && sender_.is(request[Attribute::sender]) &&
         recipient_.is(request[Attribute::recipient]) && login_.is(request[Attribute::sasl_username]);
}

bool DecisionFilter::passes_client(const Request& request) const {
  if (!client_) return true;
  const auto address = Address::parse(request[Attribute::client_address]);
  return address && client_->contains(*address);
}

}  // namespace mxwarden::policy
