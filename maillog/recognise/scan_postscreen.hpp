#pragma once
// Postfix postscreen(8) (postscreen*.c of Postfix 3.7). Here the client stands in front of all that it has said:
//
//   CONNECT from [ADDR]:PORT to [ADDR]:PORT
//   PREGREET 20 after 0.1 from [ADDR]:PORT: EHLO early.example\r\n
//   NON-SMTP COMMAND from [ADDR]:PORT after CONNECT: GET / HTTP/1.1
//   COMMAND PIPELINING from [ADDR]:PORT after EHLO: MAIL FROM:...
//   NOQUEUE: reject: RCPT from [ADDR]:PORT: 550 5.7.1 Service unavailable; client [ADDR] blocked using LIST; from=<..>,
//   ... DISCONNECT [ADDR]:PORT
//
// A client that passes goes on to smtpd, whose session is another one.

#include "maillog/recognise/scanner.hpp"

namespace mxwarden::maillog {

Recognised scan_postscreen(const Scan& scan);

}  // namespace mxwarden::maillog
