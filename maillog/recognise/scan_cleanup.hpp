#pragma once
// Postfix cleanup(8): what header_checks and body_checks refuse (cleanup_message.c):
//
//   QUEUEID: reject: header Subject: buy from NAME[ADDR]; from=<..> to=<..> proto=ESMTP helo=<..>: 5.7.1 Says spam
//
// The header or the line of the body stands in front of the client, and can look like all of that: who sent the message
// is what smtpd has said of its queue id, or is not known.

#include "maillog/recognise/scanner.hpp"

namespace mxwarden::maillog {

Recognised scan_cleanup(const Scan& scan);

}  // namespace mxwarden::maillog
