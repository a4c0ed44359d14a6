#pragma once
// Bans: nets from which nothing is taken for a time.
//
// An operator's ban (mxwarden bans add) is asked about before anything else, and a Connect: OK of the access table does
// not lift it: 521, with which Postfix hangs up. A ban that a rule has made stands behind Connect: OK, and is 421.
// Trusted and logged-in clients are not concerned by either. Both are known in memory: no store is asked.

#include "policy/rule.hpp"

namespace mxwarden::policy {

Rule make_operator_ban_rule();
Rule make_ban_rule();

}  // namespace mxwarden::policy
