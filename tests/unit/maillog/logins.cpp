// Logins, as the programs that are no Dovecot log them, and Dovecot's own in all its versions.

#include <doctest/doctest.h>

#include <utility>

#include "rig.hpp"

using namespace mxwarden::maillog;

namespace {

using Rows = std::vector<std::pair<std::string_view, std::string_view>>;

void check(const Rows& rows) {
  for (const auto& row : rows) {
    CAPTURE(row.first);
    CHECK(summary(Rig().see(row.first)) == row.second);
  }
}

}  // namespace

TEST_CASE("Dovecot's logins are found in every form that its versions write") {
  check({
      {"dovecot: pop3-login: Login: user=<u1>, method=PLAIN, rip=192.0.2.7, lip=127.0.0.1, mpid=31401, TLS, "
       "session=<lgNE1b1g88l/AABN>",
       "login_succeeded client=192.0.2.7 service=<pop3> login=<u1>"},
      {"dovecot: imap-login: Login: user=<u@example.org>, method=CRAM-MD5, rip=2001:db8::7, lip=::1, mpid=7, secured, "
       "session=<a/b+c=>",
       "unknown"},  // session ids are base64 without padding
      {"dovecot: imap-login: Login: user=<u@example.org>, method=CRAM-MD5, rip=2001:db8::7, lip=::1, mpid=7, secured, "
       "session=<a/b+c>",
       "login_succeeded client=2001:db8::7 service=<imap> login=<u@example.org>"},
      {"dovecot: managesieve-login: Login: user=<u>, method=PLAIN, rip=::ffff:192.0.2.7, lip=::1, mpid=7, TLS, "
       "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits), session=<a>",
       "login_succeeded client=192.0.2.7 service=<sieve> login=<u>"},
      {"dovecot[12]: submission-login: Logged in: user=<u>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, mpid=3, TLS, "
       "session=<a>",
       "login_succeeded client=192.0.2.7 service=<smtp> login=<u>"},
      {"pop3-login: Info: Login: user=<u>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, mpid=3, session=<a>",
       "login_succeeded client=192.0.2.7 service=<pop3> login=<u>"},
      {"dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<u>, method=PLAIN, rip=192.0.2.7, "
       "lip=192.0.2.1, session=<a>",
       "login_failed client=192.0.2.7 service=<imap> login=<u> reason=<Disconnected (auth failed, 1 attempts in 2 "
       "secs)>"},
      {"dovecot: pop3-login: Aborted login (auth failed, 3 attempts in 16 secs): user=<>, rip=192.0.2.7, "
       "lip=192.0.2.1, session=<a>",
       "login_failed client=192.0.2.7 service=<pop3> reason=<Aborted login (auth failed, 3 attempts in 16 secs)>"},
      {"dovecot: imap-login: Login aborted: Connection closed (auth failed, 1 attempts in 2 secs) (auth_failed): "
       "user=<u>, method=LOGIN, rip=192.0.2.7, lip=192.0.2.1, TLS, session=<a>",
       "login_failed client=192.0.2.7 service=<imap> login=<u> reason=<Login aborted: Connection closed (auth failed, "
       "1 attempts in 2 secs) (auth_failed)>"},
      {"dovecot: imap-login: Disconnected: Connection closed (no auth attempts in 0 secs): user=<>, rip=192.0.2.7, "
       "lip=192.0.2.1, session=<a>",
       "known"},
      {"dovecot: imap(u)<7><a>: Disconnected: Logged out in=8 out=468", "known"},
      {"dovecot: master: Warning: Killed with signal 15", "known"},
  });
}

TEST_CASE("a Dovecot user's name cannot say from where he has logged in") {
  check({
      {"dovecot: pop3-login: Login: user=<u1>, method=PLAIN, rip=203.0.113.99, lip=127.0.0.1>, method=PLAIN, "
       "rip=127.0.0.90, lip=127.0.0.1, mpid=7, session=<a>",
       "login_succeeded client=127.0.0.90 service=<pop3> login=<u1>, method=PLAIN, rip=203.0.113.99, lip=127.0.0.1>"},
      {"dovecot: pop3-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<Login: "
       "user=<x>, method=PLAIN, rip=203.0.113.99, lip=127.0.0.1, session=<b>>, method=PLAIN, rip=192.0.2.7, "
       "lip=127.0.0.1, session=<a>",
       "login_failed client=192.0.2.7 service=<pop3> login=<Login: user=<x>, method=PLAIN, rip=203.0.113.99, "
       "lip=127.0.0.1, session=<b>> reason=<Disconnected: Connection closed (auth failed, 1 attempts in 2 secs)>"},
      // Cut within the name, and behind it.
      {"dovecot: pop3-login: Login: user=<u1>, method=PLAIN, rip=203.0.113.99, lip=127.0.0.1, mpid=7", "unknown"},
      {"dovecot: pop3-login: Login: user=<u1>, method=PLAIN, rip=203.0.113.99", "unknown"},
      {"dovecot: pop3-login: Login: user=<u1", "unknown"},
      {"dovecot: auth: pop3-login: Login: user=<u>, method=PLAIN, rip=192.0.2.7, lip=127.0.0.1, session=<a>", "known"},
      {"dovecot: pop3-login:  Login: user=<u>, method=PLAIN, rip=192.0.2.7, lip=127.0.0.1, session=<a>", "known"},
  });
}

TEST_CASE("Courier's logins are found") {
  check({
      {"pop3d: LOGIN, user=u@example.org, ip=[::ffff:192.0.2.7], port=[4711], protocol=POP3",
       "login_succeeded client=192.0.2.7 service=<pop3> login=<u@example.org>"},
      {"imapd-ssl[12]: INFO: LOGIN, user=u, ip=[2001:db8::7], port=[4711], protocol=IMAP, stls=1",
       "login_succeeded client=2001:db8::7 service=<imap> login=<u>"},
      {"pop3d: LOGIN, user=u, ip=[192.0.2.7]", "login_succeeded client=192.0.2.7 service=<pop3> login=<u>"},
      {"imapd: LOGIN FAILED, user=x, ip=[203.0.113.9], ip=[192.0.2.7]",
       "login_failed client=192.0.2.7 service=<imap> login=<x, ip=[203.0.113.9]>"},
      {"imapd: LOGIN FAILED, method=PLAIN, ip=[::ffff:192.0.2.7]", "login_failed client=192.0.2.7 service=<imap>"},
      {"pop3d: LOGIN, user=u, ip=[192.0.2.7], port=[47", "login_succeeded client=192.0.2.7 service=<pop3> login=<u>"},
      {"pop3d: LOGIN, user=u, ip=[192.0.2", "unknown"},
      {"pop3d: Connection, ip=[::ffff:192.0.2.7]", "known"},
      {"pop3d: LOGOUT, user=u, ip=[192.0.2.7], port=[4711], top=0, retr=0, rcvd=12, sent=39, time=0", "known"},
  });
}

TEST_CASE("Cyrus' logins are found") {
  check({
      {"cyrus/pop3s[12]: login: host.example [192.0.2.7] user plaintext+TLS User logged in SESSIONID=<a-1-2>",
       "login_succeeded client=192.0.2.7 name=<host.example> service=<pop3> login=<user>"},
      {"cyrus/imap[12]: login: [2001:db8::7] u@example.org CRAM-MD5 User logged in",
       "login_succeeded client=2001:db8::7 service=<imap> login=<u@example.org>"},
      {"sieve[12]: login: host.example [192.0.2.7] u PLAIN User logged in",
       "login_succeeded client=192.0.2.7 name=<host.example> service=<sieve> login=<u>"},
      {"cyrus/imap[12]: badlogin: host.example [192.0.2.7] plaintext x [203.0.113.9] SASL(-13): authentication "
       "failure: checkpass failed",
       "login_failed client=192.0.2.7 name=<host.example> service=<imap> login=<x [203.0.113.9]> reason=<plaintext x "
       "[203.0.113.9] SASL(-13): authentication failure: checkpass failed>"},
      {"cyrus/imap[12]: badlogin: [192.0.2.7] DIGEST-MD5 [SASL(-13): authentication failure: no response]",
       "login_failed client=192.0.2.7 service=<imap> reason=<DIGEST-MD5 [SASL(-13): authentication failure: no "
       "response]>"},
      {"cyrus/lmtpunix[12]: login: localhost [127.0.0.1] u PLAIN User logged in", "known"},
      {"cyrus/imap[12]: open: user u opened INBOX", "known"},
  });
}

TEST_CASE("the logins of UW's servers are found") {
  check({
      {"ipop3d[12]: Login user=u host=host.example [192.0.2.7] nmsgs=3/3",
       "login_succeeded client=192.0.2.7 name=<host.example> service=<pop3> login=<u>"},
      {"imapd[12]: Login user=u host=[192.0.2.7]", "login_succeeded client=192.0.2.7 service=<imap> login=<u>"},
      {"imapd[12]: Authenticated user=u host=host.example [2001:db8::7] mech=PLAIN",
       "login_succeeded client=2001:db8::7 name=<host.example> service=<imap> login=<u>"},
      {"ipop3d[12]: Auth user=u host=host.example [192.0.2.7] no mailbox",
       "login_succeeded client=192.0.2.7 name=<host.example> service=<pop3> login=<u>"},
      {"imapd[12]: Login failure user=x host=[203.0.113.9] host=host.example [192.0.2.7]",
       "login_failed client=192.0.2.7 name=<host.example> service=<imap> login=<x host=[203.0.113.9]>"},
      {"imapd[12]: Login user=u host=UNKNOWN", "unknown"},
      {"imapd[12]: Login user=u host=host.example [192.0.2", "unknown"},
      {"imapd[12]: Logout user=u host=host.example [192.0.2.7]", "known"},
  });
}

TEST_CASE("qpopper's and vm-pop3d's logins are found") {
  check({
      {"in.qpopper[7597]: (v4.0.9) POP login by user \"nick\" at (mail.example) 192.0.2.7 [pop_log.c:244]",
       "login_succeeded client=192.0.2.7 name=<mail.example> service=<pop3> login=<nick>"},
      {"qpopper[7597]: POP login by user \"a\" at (x) 203.0.113.9\" at (mail.example) 192.0.2.7",
       "login_succeeded client=192.0.2.7 name=<mail.example> service=<pop3> login=<a\" at (x) 203.0.113.9>"},
      {"qpopper[7597]: [AUTH] Failed attempted login to u from host (mail.example) 192.0.2.7 [pop_pass.c:1292]",
       "login_failed client=192.0.2.7 name=<mail.example> service=<pop3> login=<u>"},
      {"qpopper[7597]: (v4.0.9) Servicing request from \"mail.example\" at 192.0.2.7 [pop_init.c:1408]", "known"},
      {"vm-pop3d[12]: User 'u' of 'example.org' from '192.0.2.7' logged in",
       "login_succeeded client=192.0.2.7 service=<pop3> login=<u@example.org>"},
      {"vm-pop3d[12]: User 'u' from '192.0.2.7' logged in",
       "login_succeeded client=192.0.2.7 service=<pop3> login=<u>"},
      {"vm-pop3d[12]: User 'a' from '203.0.113.9' of 'b' from '192.0.2.7' logged in",
       "login_succeeded client=192.0.2.7 service=<pop3> login=<a' from '203.0.113.9@b>"},
      {"vm-pop3d[12]: User 'u' of 'example.org' logged in", "known"},
      {"vm-pop3d[12]: Connect from 192.0.2.7", "known"},
  });
}

TEST_CASE("a program that is not to be recognised is none of ours") {
  mxwarden::conf::Settings::Maillog settings;
  settings.recognise = {"dovecot"};
  Recogniser recogniser(settings);
  const LogLine login{.time = {}, .program = "imapd", .pid = 1, .text = "Login user=u host=[192.0.2.7]"};
  CHECK(summary(recogniser.see(login, 1)) == "other program");
  settings.recognise = {"uw"};
  recogniser.configure(settings);
  CHECK(summary(recogniser.see(login, 2)) == "login_succeeded client=192.0.2.7 service=<imap> login=<u>");
  for (const auto* program : {"postfix/tlsmgr", "postfix/anvil", "kernel", "smtpd", "postfixsmtpd"}) {
    CHECK(summary(recogniser.see({.time = {}, .program = program, .pid = 1, .text = "x"}, 3)) == "other program");
  }
}
