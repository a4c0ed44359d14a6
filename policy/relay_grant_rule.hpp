#pragma once
// [relay_grant]: POP before SMTP. An address from which somebody has fetched mail with a password may relay for a
// while.
//
// Asked only where policy_context is `relay`, and there it is the only rule: OK for an address with a grant, else
// DUNNO, so that what stands behind it in smtpd_relay_restrictions decides. Grants are of exact addresses. Never OK for
// trusted addresses, which Postfix permits by itself, nor for private ones and the host's own, behind which may be
// anybody. While other nodes cannot be heard, an address without a grant here may have one there: DEFER_IF_REJECT, so
// that its user loses time and no mail.

#include "conf/settings.hpp"
#include "policy/rule.hpp"

namespace mxwarden::policy {

Rule make_relay_grant_rule(const conf::Settings::RelayGrant& settings);

}  // namespace mxwarden::policy
