#pragma once
// Postfix's delivery agents, for what smtpd does not log: which recipients it has taken (log_adhoc.c):
//
//   QUEUEID: to=<r>, orig_to=<o>, relay=local, delay=0.1, delays=0/0/0/0, dsn=2.0.0, status=sent (TEXT)
//
// A recipient is accepted, on the other side of those that are unknown, when it was `sent': then it exists, or another
// host has taken it upon itself. One that is deferred says nothing yet, as it may still bounce, and is sent later or
// not at all; one that bounced was nobody's. What is handed to a content filter (relay=127.0.0.1) counts, as the
// message comes back under another queue id, whose client is this host unless the filter says whose it was. Of an alias
// it counts what the client has asked for, orig_to=.
//
// A message is forgotten when it leaves the queue, as Postfix uses a short queue id again.

#include "maillog/recognise/scanner.hpp"

namespace mxwarden::maillog {

Recognised scan_delivery(const Scan& scan);
// qmgr(8) and pickup(8), who say that a queue id is of another message from now on.
Recognised scan_queue(const Scan& scan);

}  // namespace mxwarden::maillog
