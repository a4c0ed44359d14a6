"""Open connections of a client at a time, through a real Postfix: `[client_conn]`."""

import socket
import time

from support import case, mxwardend, network, postfix, smtp, waiting

CONF = """
[client_conn]
limit = 3
"""

# What the node may take to notice that a connection has ended.
NOTICED = 1


def looks():
    return mxwardend.metric("mxwarden_connection_looks_total")


def wait_looks(count=2):
    """So many looks have begun and ended since."""
    wanted = looks() + count
    waiting.until(lambda: looks() >= wanted, f"{count} looks at the kernel's table")


class HoldsConnections(case.PostfixTestCase):
    def hold(self, count, source, **where):
        sessions = [self.enterContext(smtp.Smtp(source, **where)) for _ in range(count)]
        self.assertEqual([session.banner.code for session in sessions], [220] * count)
        return sessions

    def banner(self, source, **where):
        with smtp.Smtp(source, **where) as session:
            return session.banner

    def gets_in_within_a_second(self, try_it):
        """Tries until what comes back is no 421."""
        deadline = time.monotonic() + NOTICED
        while try_it().code == 421:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)


class AskedAtConnect(HoldsConnections):
    """smtpd_delay_reject=no: mxwardend answers before the banner."""

    main = {"smtpd_client_restrictions": postfix.POLICY, "smtpd_helo_restrictions": postfix.POLICY}

    def test_the_one_too_many_is_421_instead_of_the_banner_and_the_connection_is_dropped(self):
        daemon = self.mxwardend(CONF)
        self.hold(3, "198.51.100.1")
        with smtp.Smtp("198.51.100.1") as session:
            self.assertEqual(session.banner.code, 421)
            self.assertIn("4.7.0", session.banner.text)
            self.assertTrue(session.banner.text.endswith(" [mxw:client_conn]"), session.banner)
            self.assertTrue(session.dropped())
        decision = daemon.wait_decisions(rule="client_conn")[-1]
        self.assertEqual((decision["count"], decision["limit"]), ("4", "3"))
        self.assertNotIn("window", decision)
        self.assertNotIn("retry_after", decision)

    def test_others_pass_meanwhile_and_those_that_are_in_stay(self):
        self.mxwardend(CONF)
        held = self.hold(3, "198.51.100.1")
        self.assertEqual(self.banner("198.51.100.1").code, 421)
        self.assertEqual(self.banner("198.51.100.2").code, 220)
        for session in held:
            self.assertEqual(session.hello().code, 250)

    def test_after_it_closes_one_the_next_gets_in_within_a_second(self):
        self.mxwardend(CONF)
        held = self.hold(3, "198.51.100.1")
        for end in (held[0].quit, held[1].close):
            self.assertEqual(self.banner("198.51.100.1").code, 421)
            end()
            self.gets_in_within_a_second(lambda: self.enterContext(smtp.Smtp("198.51.100.1")).banner)

    def test_one_connection_after_the_other_is_never_too_many(self):
        self.mxwardend("[client_conn]\nlimit = 1\n")
        for _ in range(30):
            with smtp.Smtp("198.51.100.1") as session:
                self.assertEqual(session.banner.code, 220)
                session.quit()
                self.assertTrue(session.dropped())
            # A look is trusted for so long.
            time.sleep(0.06)

    def test_of_many_at_once_no_more_get_in_than_may(self):
        self.mxwardend(CONF)
        sockets = []
        for _ in range(30):
            client = self.enterContext(socket.socket())
            client.bind(("198.51.100.1", 0))
            client.connect((network.SERVER, 25))
            client.settimeout(15)
            sockets.append(client)
        codes = [client.recv(3) for client in sockets]
        self.assertEqual(codes.count(b"220"), 3)
        self.assertEqual(codes.count(b"421"), 27)

    def test_two_addresses_of_one_ipv6_network_are_one_client(self):
        self.mxwardend(CONF)
        for host in (1, 2, 3):
            self.hold(1, f"2001:db8:1:2::{host}")
        self.assertEqual(self.banner("2001:db8:1:2::4").code, 421)
        self.assertEqual(self.banner("2001:db8:1:3::1").code, 220)

    def test_an_access_entry_has_another_limit(self):
        self.mxwardend(CONF, access="ClientConn:198.51.100.1 1\nClientConn:198.51.100.2 0\nClientConn:203.0.113 2\n")
        self.hold(1, "198.51.100.1")
        self.assertEqual(self.banner("198.51.100.1").code, 421)
        self.hold(8, "198.51.100.2")
        self.hold(2, "203.0.113.1")
        self.hold(2, "203.0.113.2")
        self.assertEqual(self.banner("203.0.113.1").code, 421)

    def test_a_restart_refuses_nobody_who_was_there_and_forgets_none(self):
        daemon = self.mxwardend(CONF)
        held = self.hold(3, "198.51.100.1")
        for restart in (daemon.restart, lambda: (daemon.kill(), daemon.start())):
            restart()
            for session in held:
                self.assertEqual(session.hello().code, 250)
            self.assertEqual(self.banner("198.51.100.1").code, 421)
        # Even with a lower limit.
        daemon.write("[client_conn]\nlimit = 1\n")
        daemon.restart()
        for session in held:
            self.assertEqual(session.hello().code, 250)

    def test_no_privilege_is_needed(self):
        self.mxwardend(CONF, user="nobody")
        self.hold(3, "198.51.100.1")
        self.assertEqual(self.banner("198.51.100.1").code, 421)
        self.assertEqual(mxwardend.metric("mxwarden_connection_looks_failed_total"), 0)

    def test_what_is_open_can_be_read_from_the_metrics(self):
        self.mxwardend(CONF)
        held = self.hold(2, "198.51.100.1") + self.hold(1, "2001:db8:1:2::1")
        wait_looks()
        self.assertEqual(mxwardend.metric("mxwarden_smtp_connections"), 3)
        self.assertEqual(mxwardend.metric("mxwarden_smtp_clients"), 2)
        for session in held:
            session.close()
        waiting.until(lambda: mxwardend.metric("mxwarden_smtp_connections") == 0, "no connection", NOTICED)
        self.assertEqual(mxwardend.metric("mxwarden_smtp_clients"), 0)

    def test_monitor_says_what_it_would_have_answered_and_off_does_not_look(self):
        daemon = self.mxwardend("[client_conn]\nlimit = 1\nmode = monitor\n")
        for session in self.hold(2, "198.51.100.1"):
            self.assertEqual(session.hello().code, 250)
        self.assertEqual(len(daemon.wait_decisions(rule="client_conn", would="421")), 1)
        daemon.write("[client_conn]\nmode = off\n")
        daemon.reload()
        before = looks()
        time.sleep(1)
        self.assertEqual(looks(), before)
        self.assertEqual(mxwardend.metric("mxwarden_smtp_connections"), 0)
        daemon.write("[client_conn]\nlimit = 2\n")
        daemon.reload()
        self.assertEqual(self.banner("198.51.100.1").code, 421)

    def test_trusted_clients_are_not_concerned(self):
        self.mxwardend(CONF)
        self.hold(5, "127.0.0.1", server="127.0.0.1")

    def test_behind_a_proxy_sessions_count_for_the_client_that_is_named(self):
        self.mxwardend(CONF)
        held = self.hold(3, None, server="127.0.0.1")
        for port, session in enumerate(held, 4001):
            session.xclient(ADDR="198.51.100.9", PORT=str(port))
        wait_looks()
        with smtp.Smtp(server="127.0.0.1") as session:
            self.assertEqual(session.command("XCLIENT ADDR=198.51.100.9 PORT=4004").code, 421)
        with smtp.Smtp(server="127.0.0.1") as session:
            self.assertEqual(session.command("XCLIENT ADDR=198.51.100.10 PORT=4004").code, 220)
        # What the client has open itself counts as well.
        self.assertEqual(self.banner("198.51.100.9").code, 421)
        # An smtpd that ends has no session any more.
        for session in held:
            session.close()
        self.postfix.reload()
        self.gets_in_within_a_second(lambda: self.banner("198.51.100.9"))


class AskedAtRecipient(HoldsConnections):
    """smtpd_delay_reject=yes, Postfix's default: mxwardend is first asked at RCPT."""

    main = {"smtpd_client_restrictions": postfix.POLICY, "smtpd_recipient_restrictions": postfix.POLICY}
    listeners = {postfix.PORT: {}}

    def recipient(self, session, recipient="user1@example.org"):
        return session.recipient(recipient)

    def begin(self, session):
        session.hello()
        self.assertEqual(session.mail("someone@sender.example").code, 250)

    def first_recipient(self, source):
        with smtp.Smtp(source) as session:
            self.begin(session)
            return self.recipient(session)

    def test_clients_that_connect_and_say_nothing_count(self):
        self.mxwardend(CONF)
        silent = self.hold(3, "198.51.100.1")
        wait_looks()
        with smtp.Smtp("198.51.100.1") as session:
            self.begin(session)
            reply = self.recipient(session)
            self.assertEqual(reply.code, 421)
            self.assertTrue(reply.text.endswith(" [mxw:client_conn]"), reply)
            self.assertTrue(session.dropped())
        self.assertEqual(self.first_recipient("198.51.100.2").code, 250)
        silent[0].close()
        self.gets_in_within_a_second(lambda: self.first_recipient("198.51.100.1"))

    def test_who_was_let_in_stays_in(self):
        self.mxwardend(CONF)
        with smtp.Smtp("198.51.100.1") as session:
            self.begin(session)
            self.assertEqual(self.recipient(session).code, 250)
            self.hold(5, "198.51.100.1")
            wait_looks()
            self.assertEqual(self.recipient(session, "user2@example.org").code, 250)
            self.assertEqual(session.data().code, 250)

    def test_with_a_reply_that_keeps_the_connection_it_gets_in_when_there_is_room(self):
        self.mxwardend("[client_conn]\nlimit = 3\naction = 450 4.7.1 Close some first\n")
        held = self.hold(3, "198.51.100.1")
        wait_looks()
        with smtp.Smtp("198.51.100.1") as session:
            self.begin(session)
            self.assertEqual(self.recipient(session).code, 450)
            self.assertEqual(self.recipient(session).code, 450)
            held[0].close()
            time.sleep(0.1)
            self.assertEqual(self.recipient(session).code, 250)

    def test_a_session_that_asks_on_though_no_look_shows_it_stands_for_its_connection(self):
        self.mxwardend(CONF)
        for port in (4001, 4002, 4003):
            session = self.hold(1, None, server="127.0.0.1")[0]
            session.xclient(ADDR="198.51.100.9", PORT=str(port))
            session.mail("someone@sender.example")
            self.assertEqual(self.recipient(session).code, 250)
            wait_looks()
            self.assertEqual(self.recipient(session).code, 250)
        wait_looks()
        with smtp.Smtp(server="127.0.0.1") as session:
            session.xclient(ADDR="198.51.100.9", PORT="4004")
            session.mail("someone@sender.example")
            self.assertEqual(self.recipient(session).code, 421)


if __name__ == "__main__":
    case.main()
