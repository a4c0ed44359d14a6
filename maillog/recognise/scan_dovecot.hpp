#pragma once
// Dovecot's login processes (login-common/client-common.c; login_log_format and its elements as they are by default):
//
//   pop3-login: Login: user=<u>, method=PLAIN, rip=ADDR, lip=ADDR, mpid=7, TLS, session=<...>    2.4: `Logged in: '
//   pop3-login: Disconnected: ... (auth failed, 1 attempts in 2 secs): user=<u>, ...             2.3
//   pop3-login: Disconnected (auth failed, ..., `Aborted login (auth failed, ...                 2.2
//   pop3-login: Login aborted: ... (auth failed, 1 attempts in 2 secs) (auth_failed): user=<u>,  2.4
//
// `Info: ' stands in front if Dovecot writes the file itself. The user's name is free text, with every character, so
// the rest is read from the end of the line: the last rip= counts, and from the `>' that ends the name on everything is
// to follow the grammar, up to session=<>. Without that the line may have been cut within a name, and means nothing.
//
// BUGS: with a login_log_format_elements of one's own that does not end with the session nothing is found.

#include "maillog/recognise/scanner.hpp"

namespace mxwarden::maillog {

Recognised scan_dovecot(const Scan& scan);

}  // namespace mxwarden::maillog
