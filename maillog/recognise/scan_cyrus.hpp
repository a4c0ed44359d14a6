#pragma once
// Cyrus imapd, pop3d and timsieved (imap/imapd.c, imap/pop3d.c, timsieved/parser.c; 2.x and 3.x). The client stands in
// front, as `NAME [ADDR]' or `[ADDR]':
//
//   login: host.example [192.0.2.7] user plaintext+TLS User logged in SESSIONID=<...>
//   badlogin: host.example [192.0.2.7] plaintext user SASL(-13): authentication failure: checkpass failed
//
// Which service it is, the program's name says: `cyrus/imap', `cyrus/pop3s', or `imap' where syslog is not told more.

#include "maillog/recognise/scanner.hpp"

namespace mxwarden::maillog {

Recognised scan_cyrus(const Scan& scan);

}  // namespace mxwarden::maillog
