#pragma once
// [greet_pause]: the answer to CONNECT is held back, and with it the banner, if Postfix asks before that
// (smtpd_delay_reject=no). Who has spoken by then is refused.
//
// Once a session, at its first request, if that is CONNECT. Trusted and exempt clients do not wait, nor those with a
// good record, nor the client `unknown`. GreetPause entries of the access table replace the pause; 0: none. Nobody
// waits whose socket is not at this host. That a client hangs up while it waits is no offence.
//
// Postfix says the refusal in the place of the banner and answers 503 to all that follows, as RFC 5321 (section 3.1)
// has it; it asks no more in this session.
// BUGS: what a client says after the look and before the banner is not noticed, nor in TLS (smtpd_tls_wrappermode) what
// Postfix has read together with the handshake. Explained, every client is patient.

#include "conf/settings.hpp"
#include "policy/rule.hpp"

namespace mxwarden::policy {

inline constexpr std::string_view greet_pause_name = "greet_pause";

Rule make_greet_pause_rule(const conf::Settings& settings);

}  // namespace mxwarden::policy
