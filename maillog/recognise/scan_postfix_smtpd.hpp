#pragma once
// Postfix smtpd(8): sessions, logins and refusals. Its texts are those of smtpd.c, smtpd_check.c and smtpd_sasl_glue.c
// of Postfix 3.7; the client always stands in front of what the client has said.
//
// A session is what a process is at between `connect from' and `disconnect from'.

#include "maillog/recognise/scanner.hpp"

namespace mxwarden::maillog {

Recognised scan_postfix_smtpd(const Scan& scan);

}  // namespace mxwarden::maillog
