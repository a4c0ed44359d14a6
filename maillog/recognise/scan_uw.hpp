#pragma once
// The University of Washington's imapd, ipop3d and ipop2d (imapd.c, ipop3d.c, env_unix.c; the host from tcp_unix.c):
//
//   Login user=u host=host.example [192.0.2.7]                  Authenticated user=u host=[192.0.2.7] mech=PLAIN
//   Login user=u host=host.example [192.0.2.7] nmsgs=3/3        Auth user=u host=[192.0.2.7] no mailbox
//   Login failure user=u host=host.example [192.0.2.7]
//
// and qpopper (popper/pop_init.c, LOG_LOGIN; popper/pop_pass.c):
//
//   (v4.0.9) POP login by user "u" at (host.example) 192.0.2.7 [pop_log.c:244]
//   [AUTH] Failed attempted login to u from host (host.example) 192.0.2.7 [pop_pass.c:1292]
//
// A name is free text, and the host's is what the client's DNS says: the address is read from the end of the line. UW
// cuts both at 80 characters: a host that has lost its address so means nothing.

#include "maillog/recognise/scanner.hpp"

namespace mxwarden::maillog {

Recognised scan_uw(const Scan& scan);
Recognised scan_qpopper(const Scan& scan);

}  // namespace mxwarden::maillog
