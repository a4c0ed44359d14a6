#pragma once
// Connect entries of the access table: what the administrator allows and refuses by address, prefix, host or domain.
//
// OK (and RELAY) exempts the client from every automatic rule; the answer stays DUNNO, as OK could open a relay. Any
// other value is the answer to every request of the client. DISCARD and HOLD are answered from MAIL on: Postfix passes
// over them in the states before, with smtpd_delay_reject=no. Trusted and logged-in clients are not concerned.

#include "policy/rule.hpp"

namespace mxwarden::policy {

Rule make_connect_rule();

}  // namespace mxwarden::policy
