// Postfix's lines, beyond those of the fixtures.

#include <doctest/doctest.h>

#include <utility>

#include "rig.hpp"

using namespace mxwarden::maillog;

namespace {

using Rows = std::vector<std::pair<std::string_view, std::string_view>>;

// Each line on its own.
void check(const Rows& rows) {
  for (const auto& row : rows) {
    CAPTURE(row.first);
    CHECK(summary(Rig().see(row.first)) == row.second);
  }
}

// One log.
void check_log(const Rows& rows) {
  Rig rig;
  for (const auto& row : rows) {
    CAPTURE(row.first);
    CHECK(summary(rig.see(row.first)) == row.second);
  }
}

}  // namespace

TEST_CASE("refusals of smtpd are told apart by the words of Postfix") {
  check({
      {"postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 550 5.1.1 <x@y>: Recipient address "
       "rejected: "
       "User unknown in virtual alias table; from=<> to=<x@y> proto=ESMTP helo=<h>",
       "recipient_unknown client=192.0.2.7 name=<a.example> recipient=<x@y> helo=<h> reason=<User unknown in virtual "
       "alias table>"},
      {"postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 550 5.1.1 <x@y>: Recipient address "
       "rejected: "
       "undeliverable address: host mx[192.0.2.8] said: 550 5.1.1 Unknown (in reply to RCPT TO command); from=<a@b> "
       "to=<x@y> proto=ESMTP helo=<h>",
       "recipient_unknown client=192.0.2.7 name=<a.example> sender=<a@b> recipient=<x@y> helo=<h> "
       "reason=<undeliverable "
       "address: host mx[192.0.2.8] said: 550 5.1.1 Unknown (in reply to RCPT TO command)>"},
      {"postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 450 4.1.1 <x@y>: Recipient address "
       "rejected: "
       "unverified address: Address verification in progress; from=<a@b> to=<x@y> proto=ESMTP helo=<h>",
       "known"},
      {"postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 451 4.3.0 <x@y>: Temporary lookup failure; "
       "from=<a@b> to=<x@y> proto=ESMTP helo=<h>",
       "known"},
      {"postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 450 4.1.1 <x@y>: Recipient address "
       "rejected: "
       "User unknown in local recipient table; from=<a@b> to=<x@y> proto=ESMTP helo=<h>",
       "known"},
      {"postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 550 5.1.0 <s@y>: Sender address rejected: "
       "User unknown in virtual mailbox table; from=<s@y> to=<x@y> proto=ESMTP helo=<h>",
       "known"},
      {"postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 5.7.1 Service unavailable; Client host "
       "[192.0.2.7] blocked using zen.example; from=<a@b> to=<x@y> proto=ESMTP helo=<h>",
       "blocklist_reject client=192.0.2.7 sender=<a@b> recipient=<x@y> helo=<h> list=<zen.example>"},
      {"postfix/smtpd[1]: NOQUEUE: reject: CONNECT from a.example[192.0.2.7]: 554 5.7.1 Service unavailable; Client "
       "host [a.example] blocked using rhsbl.example; bad name; proto=SMTP",
       "blocklist_reject client=192.0.2.7 name=<a.example> list=<rhsbl.example> reason=<bad name>"},
      {"postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 554 5.7.1 Service unavailable; Sender "
       "address "
       "[s@b.example] blocked using dbl.example; x; from=<s@b.example> to=<x@y> proto=ESMTP helo=<h>",
       "known"},
      {"postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 554 5.7.1 Service unavailable; Helo command "
       "[192.0.2.7] blocked using dbl.example; x; from=<s@b> to=<x@y> proto=ESMTP helo=<h>",
       "known"},
      {"postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 554 5.7.1 Service unavailable; Client host "
       "[192.0.2.8] blocked using dbl.example; x; from=<s@b> to=<x@y> proto=ESMTP helo=<h>",
       "known"},
      {"postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 454 4.7.1 <x@z>: Relay access denied; "
       "from=<a@b> to=<x@z> proto=ESMTP helo=<h>",
       "relay_denied client=192.0.2.7 name=<a.example> sender=<a@b> recipient=<x@z> helo=<h> reason=<Relay access "
       "denied>"},
      {"postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 554 5.7.1 <x@z>: Recipient address "
       "rejected: "
       "This is a trap, sorry; from=<a@b> to=<x@z> proto=ESMTP helo=<h>",
       "spam_trap client=192.0.2.7 name=<a.example> sender=<a@b> recipient=<x@z> helo=<h> reason=<This is a trap, "
       "sorry>"},
      {"postfix/smtpd[1]: NOQUEUE: reject: MAIL from a.example[192.0.2.7]: 554 5.7.1 <a@b>: Sender address rejected: "
       "Forged sender; from=<a@b> proto=ESMTP helo=<h>",
       "sender_forged client=192.0.2.7 name=<a.example> sender=<a@b> helo=<h> reason=<Forged sender>"},
      {"postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 550 5.1.1 <x@y>: Recipient address "
       "rejected: "
       "Gone [mxw:bad_recipient]; from=<a@b> to=<x@y> proto=ESMTP helo=<h>",
       "ours"},
      {"postfix/smtpd[1]: NOQUEUE: reject: CONNECT from a.example[192.0.2.7]:4711: 421 4.7.0 "
       "<a.example[192.0.2.7]:4711>: Client host rejected: Too many connections [mxw:client_rate]; proto=SMTP",
       "ours"},
      {"postfix/smtpd[1]: NOQUEUE: reject: CONNECT from a.example[192.0.2.7]:4711: 421 4.7.0 <a.example[192.0.2.7]>: "
       "Client host rejected: Too many connections [mxw:client_rate]; proto=SMTP",
       "ours"},
      {"postfix/smtpd[1]: ABCDEF: reject: DATA from a.example[192.0.2.7]: 450 4.7.1 <DATA>: Data command rejected: "
       "Later "
       "[mxw:x]; from=<a@b> to=<x@y> proto=ESMTP helo=<h>",
       "ours"},
      {"postfix/smtpd[1]: ABCDEF: reject: END-OF-MESSAGE from a.example[192.0.2.7]: 450 4.7.1 <END-OF-MESSAGE>: "
       "End-of-data rejected: Later [mxw:x]; from=<a@b> proto=ESMTP helo=<h>",
       "ours"},
      {"postfix/smtpd[1]: NOQUEUE: reject: EHLO from a.example[192.0.2.7]: 450 4.7.1 <h>: Helo command rejected: Later "
       "[mxw:x]; proto=SMTP helo=<h>",
       "ours"},
      {"postfix/smtpd[1]: NOQUEUE: reject_warning: RCPT from a.example[192.0.2.7]: 550 5.1.1 <x@y>: Recipient address "
       "rejected: User unknown in local recipient table; from=<a@b> to=<x@y> proto=ESMTP helo=<h>",
       "known"},
      {"postfix-out/smtpd[1]: NOQUEUE: reject: VRFY from unknown[2001:db8::7]: 550 5.1.1 <x@y>: Recipient address "
       "rejected: User unknown; to=<x@y> proto=SMTP",
       "recipient_unknown client=2001:db8::7 recipient=<x@y> reason=<User unknown>"},
  });
}

TEST_CASE("the other lines of smtpd are known") {
  check({
      {"postfix/smtpd[1]: connect from unknown[unknown]", "known"},
      {"postfix/smtpd[1]: lost connection after AUTH from unknown[192.0.2.7]", "known"},
      {"postfix/smtpd[1]: NOQUEUE: lost connection after AUTH from unknown[192.0.2.7]", "known"},
      {"postfix/smtpd[1]: warning: hostname a.example does not resolve to address 192.0.2.7: Name or service not known",
       "known"},
      {"postfix/smtpd[1]: warning: TLS library problem: error:0A00010B", "known"},
      {"postfix/smtpd[1]: NOQUEUE: milter-reject: CONNECT from a.example[192.0.2.7]: 451 4.7.1 Later; proto=SMTP",
       "known"},
      {"postfix/smtpd[1]: NOQUEUE: client=a.example[192.0.2.7]", "known"},
      {"postfix/smtpd[1]: something new", "unknown"},
      {"postfix/smtpd[1]: disconnect from a.example[192.0.2.7]", "disconnect client=192.0.2.7 name=<a.example>"},
      {"postfix/smtpd[1]: NOQUEUE: improper command pipelining after EHLO from a.example[192.0.2.7]: x",
       "improper_pipelining client=192.0.2.7 name=<a.example> reason=<x>"},
      {"postfix/smtpd[1]: improper command pipelining after EHLO from a.example[192.0.2.7]",
       "improper_pipelining client=192.0.2.7 name=<a.example>"},
      {"postfix/smtpd[1]: warning: a.example[192.0.2.7]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
       "login_failed client=192.0.2.7 name=<a.example> service=<smtp> reason=<UGFzc3dvcmQ6>"},
      {"postfix/smtpd[1]: warning: a.example[192.0.2.7]: SASL LOGIN authentication failed: (reason unavailable), "
       "sasl_username=(unavailable)",
       "login_failed client=192.0.2.7 name=<a.example> service=<smtp> reason=<(reason unavailable)>"},
      {"postfix/smtpd[1]: warning: a.example[192.0.2.7]: SASL PLAIN authentication failed: Connection lost to "
       "authentication server, sasl_username=(unavailable)",
       "known"},
      {"postfix/smtpd[1]: warning: a.example[192.0.2.7]: SASL PLAIN authentication aborted", "known"},
  });
}

TEST_CASE("an event is another of its session until the client has gone") {
  const std::string_view reject =
      "postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 550 5.1.1 <x@y>: Recipient address rejected: "
      "User unknown; from=<a@b> to=<x@y> proto=ESMTP helo=<h>";
  const std::string_view of_another_process =
      "postfix/smtpd[2]: NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 550 5.1.1 <x@y>: Recipient address rejected: "
      "User unknown; from=<a@b> to=<x@y> proto=ESMTP helo=<h>";
  const std::string_view of_another_client =
      "postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.8]: 550 5.1.1 <x@y>: Recipient address rejected: "
      "User unknown; from=<a@b> to=<x@y> proto=ESMTP helo=<h>";
  Rig rig;
  const auto again = [&](std::string_view line) { return rig.see(line).event->again; };
  CHECK_FALSE(again(reject));  // its connect was not seen
  CHECK(again(reject));
  CHECK_FALSE(again("postfix/smtpd[1]: warning: non-SMTP command from unknown[192.0.2.7]: x"));
  CHECK(again("postfix/smtpd[1]: warning: non-SMTP command from unknown[192.0.2.7]: x"));
  CHECK_FALSE(again(of_another_process));
  CHECK_FALSE(again(of_another_client));  // XCLIENT
  CHECK(again(of_another_client));
  CHECK_FALSE(again("postfix/smtpd[1]: disconnect from unknown[192.0.2.8]"));
  CHECK_FALSE(again("postfix/smtpd[1]: connect from unknown[192.0.2.8]"));
  CHECK_FALSE(again(of_another_client));
  CHECK(again(of_another_client));
  CHECK_FALSE(again("postfix/smtpd[1]: connect from unknown[192.0.2.8]"));  // its disconnect was lost
  CHECK_FALSE(again(of_another_client));
}

TEST_CASE("of more than 10,000 sessions and messages the oldest are forgotten") {
  Rig rig;
  const auto pid_line = [](unsigned pid, std::string_view text) {
    return "postfix/smtpd[" + std::to_string(pid) + "]: " + std::string(text);
  };
  const std::string_view odd = "warning: non-SMTP command from unknown[192.0.2.7]: x";
  for (unsigned pid = 1; pid <= 10'001; ++pid) {
    rig.see(pid_line(pid, odd));
    rig.see(pid_line(pid, "Q" + std::to_string(pid) + ": client=unknown[192.0.2.7]"));
  }
  CHECK(rig.see(pid_line(2, odd)).event->again);
  CHECK(rig.see(pid_line(10'001, odd)).event->again);
  CHECK_FALSE(rig.see(pid_line(1, odd)).event->again);
  const auto header = [&](std::string_view id) {
    return rig.see("postfix/cleanup[3]: " + std::string(id) + ": reject: header x").event->client.has_value();
  };
  CHECK_FALSE(header("Q1"));
  CHECK(header("Q2"));
  CHECK(header("Q10001"));
}

TEST_CASE("a recipient is accepted when the message of a client is sent") {
  check_log({
      {"postfix/smtpd[1]: A1: client=a.example[192.0.2.7]", "known"},
      {"postfix/smtp[2]: A1: to=<u@y>, relay=127.0.0.1[127.0.0.1]:10024, conn_use=2, delay=0.1, delays=0/0/0/0, "
       "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as B2)",
       "recipient_accepted client=192.0.2.7 name=<a.example> recipient=<u@y>"},
      {"postfix/lmtp[2]: A1: to=<\"a b\"@y>, relay=mail.example.org[private/dovecot-lmtp], delay=0.1, delays=0/0/0/0, "
       "dsn=2.0.0, status=sent (250)",
       "recipient_accepted client=192.0.2.7 name=<a.example> recipient=<a b@y>"},
      {"postfix/local[2]: A1: to=<root@y>, orig_to=<postmaster>, relay=local, delay=0.1, delays=0/0/0/0, dsn=2.0.0, "
       "status=sent (delivered to mailbox)",
       "recipient_accepted client=192.0.2.7 name=<a.example> recipient=<postmaster>"},
      {"postfix/local[2]: A1: to=<u2@y>, relay=local, delay=0.1, delays=0/0/0/0, dsn=5.1.1, status=bounced (x, "
       "status=sent (y))",
       "known"},
      {"postfix/virtual[2]: A1: to=<u2@y>, relay=virtual, delay=0.1, delays=0/0/0/0, dsn=4.2.2, status=deferred (full)",
       "known"},
      {"postfix/virtual[2]: B2: to=<u2@y>, relay=virtual, delay=0.1, delays=0/0/0/0, dsn=2.0.0, status=sent (x)",
       "known"},
      {"postfix/qmgr[3]: A1: removed", "known"},
      {"postfix/local[2]: A1: to=<u@y>, relay=local, delay=0.1, delays=0/0/0/0, dsn=2.0.0, status=sent (x)", "known"},
      {"postfix/smtpd[1]: A1: client=a.example[192.0.2.7]", "known"},
      {"postfix/pickup[3]: A1: uid=0 from=<root>", "known"},
      {"postfix/local[2]: A1: to=<u@y>, relay=local, delay=0.1, delays=0/0/0/0, dsn=2.0.0, status=sent (x)", "known"},
  });
}

TEST_CASE("a content filter's message is that of whom it names") {
  check_log({
      {"postfix/smtpd[1]: B2: client=localhost[127.0.0.1], orig_queue_id=A1, orig_client=a.example[192.0.2.7]",
       "known"},
      {"postfix/local[2]: B2: to=<u@y>, relay=local, delay=0.1, delays=0/0/0/0, dsn=2.0.0, status=sent (x)",
       "recipient_accepted client=192.0.2.7 name=<a.example> recipient=<u@y>"},
      {"postfix/smtpd[1]: B3: client=localhost[127.0.0.1]", "known"},
      {"postfix/local[2]: B3: to=<u@y>, relay=local, delay=0.1, delays=0/0/0/0, dsn=2.0.0, status=sent (x)",
       "recipient_accepted client=127.0.0.1 name=<localhost> recipient=<u@y>"},
  });
}

TEST_CASE("a message of one who has logged in is a login") {
  check_log({
      {"postfix/submission/smtpd[1]: A1: client=a.example[192.0.2.7]:4711, sasl_method=PLAIN, sasl_username=u@y",
       "login_succeeded client=192.0.2.7 name=<a.example> service=<smtp> login=<u@y>"},
      {"postfix/smtpd[1]: A2: client=a.example[192.0.2.7], sasl_method=PLAIN, sasl_username=u@y, sasl_sender=x, "
       "sasl_username=root, orig_client=b[192.0.2.8]",
       "login_succeeded client=192.0.2.7 name=<a.example> service=<smtp> login=<u@y>"},
      {"postfix/cleanup[2]: A2: reject: header x", "header_reject client=192.0.2.7 name=<a.example> reason=<x>"},
  });
}

TEST_CASE("cleanup's refusals are of the message's client, and never of one that they name") {
  check_log({
      {"postfix/cleanup[2]: A1: reject: header Subject: x from b.example[203.0.113.9]; from=<a@b> to=<x@y> proto=ESMTP "
       "helo=<h>: 5.7.1 No",
       "header_reject reason=<Subject: x from b.example[203.0.113.9]; from=<a@b> to=<x@y> proto=ESMTP helo=<h>: 5.7.1 "
       "No>"},
      {"postfix/smtpd[1]: A1: client=a.example[192.0.2.7]", "known"},
      {"postfix/cleanup[2]: A1: reject: body x from b.example[203.0.113.9]; A1: client=b.example[203.0.113.9]",
       "body_reject client=192.0.2.7 name=<a.example> reason=<x from b.example[203.0.113.9]; A1: "
       "client=b.example[203.0.113.9]>"},
      {"postfix/cleanup[2]: A1: reject: body x", "body_reject again client=192.0.2.7 name=<a.example> reason=<x>"},
      {"postfix/cleanup[2]: A1: hold: header x", "known"},
      {"postfix/cleanup[2]: A1: warning: header x", "known"},
      {"postfix/cleanup[2]: A1: message-id=<x: reject: header y>", "known"},
      {"postfix/cleanup[2]: A1: milter-reject: END-OF-MESSAGE from a.example[192.0.2.7]: 5.7.1 x", "known"},
  });
}

TEST_CASE("postscreen's lines are told apart") {
  check_log({
      {"postfix/postscreen[1]: CONNECT from [192.0.2.7]:4711 to [192.0.2.25]:25", "connect client=192.0.2.7"},
      {"postfix/postscreen[1]: DNSBL rank 3 for [192.0.2.7]:4711", "known"},
      {"postfix/postscreen[1]: NOQUEUE: reject: RCPT from [192.0.2.7]:4711: 550 5.7.1 Service unavailable; client "
       "[192.0.2.7] blocked using zen.example; from=<a@b>, to=<x@y>, proto=ESMTP, helo=<h>",
       "blocklist_reject client=192.0.2.7 sender=<a@b> recipient=<x@y> helo=<h> list=<zen.example>"},
      {"postfix/postscreen[1]: NOQUEUE: reject: RCPT from [192.0.2.7]:4711: 550 5.7.1 Service unavailable; client "
       "[192.0.2.7] blocked using zen.example; from=<a@b>, to=<x2@y>, proto=ESMTP, helo=<h>",
       "blocklist_reject again client=192.0.2.7 sender=<a@b> recipient=<x2@y> helo=<h> list=<zen.example>"},
      {"postfix/postscreen[1]: NON-SMTP COMMAND from [192.0.2.7]:4711 after CONNECT: GET / HTTP/1.1",
       "non_smtp_command client=192.0.2.7 reason=<GET / HTTP/1.1>"},
      {"postfix/postscreen[1]: COMMAND PIPELINING from [192.0.2.7]:4711 after EHLO: MAIL FROM:<a@b>\\r\\n",
       "improper_pipelining client=192.0.2.7 reason=<MAIL FROM:<a@b>\\r\\n>"},
      {"postfix/postscreen[1]: DISCONNECT [192.0.2.7]:4711", "disconnect client=192.0.2.7"},
      {"postfix/postscreen[1]: CONNECT from [192.0.2.7]:4712 to [192.0.2.25]:25", "connect client=192.0.2.7"},
      {"postfix/postscreen[1]: NOQUEUE: reject: RCPT from [192.0.2.7]:4712: 550 5.7.1 Service unavailable; client "
       "[192.0.2.7] blocked using zen.example; from=<a@b>, to=<x@y>, proto=SMTP, helo=<h>",
       "blocklist_reject client=192.0.2.7 sender=<a@b> recipient=<x@y> helo=<h> list=<zen.example>"},
      {"postfix/postscreen[1]: PREGREET 11 after 0.02 from [2001:db8::7]:4712: EHLO User\\r\\n",
       "pregreet client=2001:db8::7 reason=<EHLO User\\r\\n>"},
      {"postfix/postscreen[1]: PASS OLD [192.0.2.7]:4712", "known"},
      {"postfix/postscreen[1]: NOQUEUE: reject: CONNECT from [192.0.2.7]:4713: too many connections", "known"},
      {"postfix/postscreen[1]: BARE NEWLINE from [192.0.2.7]:4713 after CONNECT", "known"},
      {"postfix/postscreen[1]: SOMETHING NEW", "unknown"},
  });
}
