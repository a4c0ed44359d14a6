"""The banner held back, and who talks before it: `[greet_pause]`, through a real Postfix."""

import contextlib
import resource
import socket
import ssl
import struct
import time

from support import case, certificates, mxwardend, network, policy, postfix, smtp, waiting

PAUSE = 0.7
CONF = """
[client_conn]
mode = off
[client_rate]
mode = off
[greet_pause]
mode = enforce
"""
# Long enough that what must not wait for its end does not.
LONG = CONF + "pause = 5s\n"

PROXY_PORT = 2526
TLS_PORT = 465
CLIENTS = ("198.51.100.1", "2001:db8:1:2::1")


def greeted(client):
    """So many clients were to wait and did this."""
    return mxwardend.metric(f'mxwarden_greet_pauses_total{{client="{client}"}}')


def replies(connection):
    """All that the server says until it hangs up, by lines."""
    with connection.makefile("rb") as file:
        return file.read().decode().splitlines()


def talk_early(source, *commands, **where):
    """What a client is told that says all this at once, without waiting for the banner."""
    with smtp.connect(source, where.pop("port", postfix.PORT), **where) as connection:
        connection.sendall(b"".join(command.encode() + b"\r\n" for command in (*commands, "QUIT")))
        return replies(connection)


def time_banner(source, **where):
    """The banner, and after how many seconds it came."""
    start = time.monotonic()
    with smtp.Smtp(source, **where) as session:
        return session.banner.code, time.monotonic() - start


class GreetPause(case.PostfixTestCase):
    # An smtpd whose policy connection went with the mxwardend of the last test would wait for a second first.
    main = {"smtpd_client_restrictions": postfix.POLICY, "smtpd_end_of_data_restrictions": postfix.POLICY, "max_use": 1}
    listeners = {postfix.PORT: {"smtpd_delay_reject": "no"}, postfix.DELAYED_PORT: {},
                 PROXY_PORT: {"smtpd_delay_reject": "no", "smtpd_upstream_proxy_protocol": "haproxy"}}

    def assert_waits(self, pause, source, **where):
        code, seconds = time_banner(source, **where)
        self.assertEqual(code, 220)
        self.assertGreaterEqual(seconds, pause)
        self.assertLess(seconds, pause + 0.5)

    def test_who_talks_first_is_refused_and_so_is_all_that_follows(self):
        daemon = self.mxwardend(CONF)
        for source in CLIENTS:
            with self.subTest(source):
                said = talk_early(source, "EHLO client.example", "MAIL FROM:<a@sender.example>",
                                  "RCPT TO:<user1@example.org>", "DATA")
                self.assertTrue(said[0].startswith("554 5.5.1 "), said)
                self.assertTrue(said[0].endswith(" [mxw:greet_pause]"), said)
                self.assertEqual([line[:3] for line in said[1:]], ["503"] * 4 + ["221"])
                decision = daemon.wait_decisions(rule="greet_pause", client=source)[-1]
                self.assertEqual((decision["action"], decision["state"]), ("554", "CONNECT"))
        self.assertEqual(greeted("talked"), 2)

    def test_who_talks_first_and_closes_its_half_is_refused_as_well(self):
        self.mxwardend(CONF)
        with smtp.connect("198.51.100.1", postfix.PORT) as connection:
            connection.sendall(b"EHLO client.example\r\nQUIT\r\n")
            connection.shutdown(socket.SHUT_WR)
            self.assertEqual([line[:3] for line in replies(connection)], ["554", "503", "221"])

    def test_who_has_talked_by_the_first_look_is_refused_at_once(self):
        self.mxwardend(LONG)
        with self.connection() as (client, ends), policy.Client() as asking:
            client.sendall(b"EHLO client.example\r\n")
            self.assertLess(asking.measure(**ends).seconds, 1)

    def test_a_patient_client_gets_its_banner_after_the_pause_and_its_mail_through(self):
        self.mxwardend(CONF)
        for number, source in enumerate(CLIENTS):
            with self.subTest(source):
                self.assert_waits(PAUSE, source)
                sender = f"patient{number}@sender.example"
                self.assertEqual(smtp.send_message(source, sender).code, 250)
                self.assertEqual(self.postfix.wait_delivered(sender, 1), ["user1@example.org"])
        self.assertEqual(greeted("silent"), 4)

    def test_asked_twice_at_connect_it_holds_back_once(self):
        self.mxwardend(CONF)
        with self.connection() as (_, ends), policy.Client() as client:
            self.assertGreaterEqual(client.measure(**ends).seconds, PAUSE)
            self.assertLess(client.measure(**ends).seconds, PAUSE / 2)

    def test_who_hangs_up_meanwhile_is_noted_and_leaves_nothing_behind(self):
        daemon = self.mxwardend(CONF)
        for source in CLIENTS:
            smtp.connect(source, postfix.PORT).close()
        with smtp.connect("198.51.100.1", postfix.PORT) as connection:
            # A reset: it is in no table any more.
            time.sleep(0.2)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        waiting.until(lambda: greeted("gone") == 3, "three clients that are gone")
        self.assertEqual(daemon.decisions(rule="greet_pause"), [])
        self.assertEqual(greeted("not_here"), 0)
        self.assert_waits(PAUSE, "198.51.100.1")

    def test_an_access_entry_has_a_pause_of_its_own(self):
        self.mxwardend(CONF, "GreetPause:198.51.100.2 0\nGreetPause:198.51.100.3 200\nGreetPause:sender.example 0\n"
                       "Connect:198.51.100.4 OK\n")
        self.assert_waits(0, "198.51.100.2")
        self.assert_waits(0.2, "198.51.100.3")
        self.assert_waits(0, "203.0.113.80")
        self.assert_waits(0, "198.51.100.4")
        self.assert_waits(PAUSE, "198.51.100.5")
        for source, code in (("198.51.100.2", "220"), ("198.51.100.3", "554"), ("198.51.100.4", "220")):
            self.assertEqual(talk_early(source, "EHLO client.example")[0][:3], code, source)

    def test_an_entry_that_is_too_long_waits_as_long_as_an_answer_may_take(self):
        daemon = self.mxwardend(CONF + "[server]\nanswer_within = 5s\n", "GreetPause: 60000\n")
        daemon.wait_log(r"access:1: GreetPause of 60000 ms is more .* 2999ms is waited for")
        self.assert_waits(2.9, "198.51.100.1")

    def test_trusted_clients_do_not_wait(self):
        self.mxwardend(CONF)
        self.assert_waits(0, None, server="127.0.0.1")
        self.assertEqual(talk_early(None, "EHLO client.example", server="127.0.0.1")[0][:3], "220")

    def test_a_client_with_a_good_record_does_not_wait(self):
        self.mxwardend(CONF)
        for _ in range(3):
            self.assertEqual(smtp.send_message("198.51.100.6").code, 250)
        self.assert_waits(0, "198.51.100.6")
        self.assert_waits(PAUSE, "198.51.100.7")

    def test_with_delayed_rejects_nothing_is_held_back_and_nobody_refused(self):
        self.mxwardend(CONF)
        self.assert_waits(0, "198.51.100.1", port=postfix.DELAYED_PORT)
        said = talk_early("198.51.100.1", "EHLO client.example", "MAIL FROM:<a@sender.example>",
                          "RCPT TO:<user1@example.org>", port=postfix.DELAYED_PORT)
        self.assertEqual([line[:3] for line in said if line[3] == " "], ["220", "250", "250", "250", "221"])

    def test_monitor_waits_and_says_what_it_would_have_answered(self):
        daemon = self.mxwardend(CONF.replace("enforce", "monitor"))
        self.assert_waits(PAUSE, "198.51.100.1")
        self.assertEqual(talk_early("198.51.100.1", "EHLO client.example")[0][:3], "220")
        self.assertEqual(len(daemon.wait_decisions(rule="greet_pause", would="554")), 1)

    def test_behind_a_proxy_nobody_waits_and_nobody_is_refused_and_that_is_said_once(self):
        daemon = self.mxwardend(CONF)
        for number in range(25):
            start = time.monotonic()
            with smtp.connect(None, PROXY_PORT, network.SERVER) as connection:
                connection.sendall(f"PROXY TCP4 198.51.100.9 192.0.2.25 {4000 + number} 25\r\n"
                                   "EHLO client.example\r\nQUIT\r\n".encode())
                said = replies(connection)
            self.assertEqual(said[0][:3], "220")
            self.assertLess(time.monotonic() - start, PAUSE)
        self.assertEqual(greeted("not_here"), 25)
        self.assertEqual(len(daemon.wait_log("greet_pause has no effect: none of the last 10 connections")), 1)

    def test_after_xclient_nobody_waits_and_nobody_is_refused(self):
        self.mxwardend(CONF)
        with smtp.Smtp(server="127.0.0.1") as session:
            start = time.monotonic()
            session.send("XCLIENT ADDR=198.51.100.9 PORT=4711", "EHLO client.example")
            self.assertEqual(session.reply().code, 220)
            self.assertEqual(session.reply().code, 250)
            self.assertLess(time.monotonic() - start, PAUSE)

    def test_explain_says_that_the_answer_would_be_held_back(self):
        daemon = self.mxwardend(CONF)
        told = daemon.cli("explain", "--client", "198.51.100.1", "--state", "CONNECT").stdout
        self.assertIn("DUNNO", told)
        self.assertIn("after 700ms", told)
        self.assertIn("is refused if it talks meanwhile", told)

    @contextlib.contextmanager
    def connection(self, source="198.51.100.1", server=network.SERVER):
        """An SMTP connection that nobody reads from, and what Postfix would say of it at CONNECT."""
        with socket.create_server((server, 0)) as listening, \
                smtp.connect(source, listening.getsockname()[1], server) as client:
            accepted, _ = listening.accept()
            with accepted:
                yield client, self.ends(client)

    @staticmethod
    def ends(client):
        (address, port), (server, server_port) = client.getsockname(), client.getpeername()
        return {"protocol_state": "CONNECT", "client_address": address, "client_port": str(port),
                "server_address": server, "server_port": str(server_port)}

    def many(self, stack, count):
        """So many such connections, and a policy connection for each that has asked about it."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 3 * count + 200), hard), hard))
        listening = stack.enter_context(socket.create_server((network.SERVER, 0), backlog=count))
        asking = []
        for _ in range(count):
            client = stack.enter_context(smtp.connect("198.51.100.1", listening.getsockname()[1]))
            stack.enter_context(listening.accept()[0])
            asking.append(stack.enter_context(policy.Client()))
            asking[-1].send(policy.request(**self.ends(client)))
        return asking

    def test_two_hundred_that_wait_do_not_slow_down_others(self):
        self.mxwardend(LONG)
        with contextlib.ExitStack() as stack, policy.Client() as other:
            held = self.many(stack, 200)
            slowest = max(other.measure("RCPT").seconds for _ in range(500))
            self.assertLess(slowest, waiting.MARGIN)
            self.assertEqual(greeted("silent"), 0)
            start = time.monotonic()
            self.assertEqual({client.reply() for client in held}, {"DUNNO"})
            self.assertLess(time.monotonic() - start, 5 + waiting.MARGIN)
            self.assertEqual(greeted("silent"), 200)

    def test_no_more_than_a_thousand_wait_at_once(self):
        daemon = self.mxwardend(CONF + "pause = 7s\n")
        with contextlib.ExitStack() as stack:
            held = self.many(stack, 1003)
            for client in held[1000:]:
                self.assertEqual(client.reply(), "DUNNO")
            held[0].socket.settimeout(0.1)
            with self.assertRaises(TimeoutError):
                held[0].reply()
            daemon.wait_log("1000 answers are held back at once; no more are")

    def test_a_policy_connection_that_is_closed_waits_no_longer(self):
        self.mxwardend(LONG)
        with contextlib.ExitStack() as stack:
            self.many(stack, 20)
            waiting.until(lambda: mxwardend.metric("mxwarden_policy_connections") == 20, "all to be held")
        waiting.until(lambda: mxwardend.metric("mxwarden_policy_connections") == 0, "none to be held", 1)

    def test_a_drain_lets_pass_who_waits(self):
        daemon = self.mxwardend(LONG)
        with contextlib.ExitStack() as stack:
            held = self.many(stack, 20)
            waiting.until(lambda: mxwardend.metric("mxwarden_policy_connections") == 20, "all to be held")
            start = time.monotonic()
            daemon.stop()
            self.assertEqual({client.reply() for client in held}, {"DUNNO"})
            self.assertLess(time.monotonic() - start, 1)
        daemon.start()

    def test_a_reload_leaves_those_waiting_who_do(self):
        daemon = self.mxwardend(CONF + "pause = 2s\n")
        with self.connection() as (client, ends), policy.Client() as asking:
            asking.send(policy.request(**ends))
            client.sendall(b"EHLO client.example\r\n")
            daemon.write(CONF.replace("enforce", "off"))
            daemon.reload()
            self.assertTrue(asking.reply().startswith("554 5.5.1 "))

    def test_no_privilege_is_needed(self):
        self.mxwardend(CONF, user="nobody")
        self.assertEqual(talk_early("198.51.100.1", "EHLO client.example")[0][:3], "554")


class InTls(case.TestCase):
    """Where TLS comes first (smtpd_tls_wrappermode), the client has to talk before it is greeted."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        certificate, key = certificates.Authority(cls.folder / "authority").sign("DNS:mx.example.org")
        main = {"smtpd_client_restrictions": postfix.POLICY, "smtpd_tls_chain_files": f"{key}, {certificate}"}
        listeners = {TLS_PORT: {"smtpd_delay_reject": "no", "smtpd_tls_wrappermode": "yes"}}
        cls.enterClassContext(postfix.Postfix(cls.folder, main, listeners))

    @contextlib.contextmanager
    def tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with smtp.connect("198.51.100.1", TLS_PORT) as connection, context.wrap_socket(connection) as session:
            yield session

    def test_its_handshake_is_no_talk_and_what_comes_after_it_is(self):
        self.mxwardend(CONF)
        with self.tls() as patient:
            start = time.monotonic()
            self.assertEqual(patient.recv(3), b"220")
            self.assertGreater(time.monotonic() - start, PAUSE / 2)
        with self.tls() as early:
            time.sleep(PAUSE / 3)
            early.sendall(b"EHLO client.example\r\n")
            self.assertEqual(early.recv(3), b"554")
        self.assertEqual((greeted("silent"), greeted("talked")), (1, 1))


if __name__ == "__main__":
    case.main()
