#pragma once
// Courier's pop3d and imapd (pop3dserver.c, pop3login.c, imaplogin.c of courier-imap; `INFO: ' is taken off by
// courierlogger, but not by every start script):
//
//   LOGIN, user=u, ip=[::ffff:192.0.2.7], port=[1234], protocol=POP3, stls=1
//   LOGIN FAILED, user=u, ip=[::ffff:192.0.2.7]            LOGIN FAILED, method=PLAIN, ip=[...]
//
// The name is free text: the last ip= counts. courier_safe_printf cuts at 1,024 characters, so what is nearly as long
// means nothing.

#include "maillog/recognise/scanner.hpp"

namespace mxwarden::maillog {

Recognised scan_courier(const Scan& scan);

}  // namespace mxwarden::maillog
