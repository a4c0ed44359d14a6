"""The policy protocol on the wire, without a Postfix: what broken or hostile clients send, and how bytes arrive."""

import statistics
import time

from support import case, mxwardend, policy

# A client that the access table refuses and one that it lets pass tell apart whose answer an answer is.
ACCESS = "Connect:203.0.113.66  REJECT\n"
REFUSED = {"client_address": "203.0.113.66"}
REFUSAL = "REJECT"

# For tests that ask more often than a client may.
UNLIMITED = "[client_rate]\nmode = off\n[client_conn]\nmode = off\n"


def padded(size):
    """A request of exactly so many bytes, by lines with names that nobody knows."""
    data = policy.request()[:-1]
    number = 0
    while len(data) < size - 1:
        number += 1
        line = f"padding{number}=".encode()
        left = size - 1 - len(data) - len(line) - 1
        # No line over 8192 bytes, and room for another one unless this is the last.
        length = left if left <= 7000 else min(7000, left - 20)
        data += line + b"x" * length + b"\n"
    assert len(data) == size - 1
    return data + b"\n"


MALFORMED = [
    ("a line without an equals sign", policy.request()[:-1] + b"nonsense\n\n"),
    ("a line without a name", policy.request()[:-1] + b"=nonsense\n\n"),
    ("an empty line and nothing else", b"\n"),
    ("no request attribute", b"protocol_state=RCPT\n\n"),
    ("another kind of request", policy.request(request="junk_mail_policy")),
    ("lines that end in CR LF", policy.request().replace(b"\n", b"\r\n")),
    ("a NUL byte", policy.request(helo_name="a\0b")),
    ("a line over 8192 bytes", policy.request(helo_name="x" * 8200)),
    ("a line that never ends", b"x" * 70000),
    ("over 64 KiB", padded(65537)),
    ("over 100 attributes", policy.request()[:-1] + b"".join(b"a%d=b\n" % n for n in range(80)) + b"\n"),
    ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ("SMTP", b"EHLO client.example\r\n"),
    ("TLS", bytes.fromhex("16030100c8010000c40303") + b"\x00" * 40 + b"\n"),
]


class Malformed(case.TestCase):
    def test_no_reply_one_warning_a_disconnect_and_others_unharmed(self):
        daemon = self.mxwardend(access=ACCESS)
        with daemon.client() as other:
            for label, data in MALFORMED:
                with self.subTest(label), daemon.client() as client:
                    client.send(data)
                    self.assertTrue(client.closed_without_reply())
                    self.assertEqual(other.ask(), "DUNNO")
        lines = [line for line in daemon.log().splitlines() if "malformed" in line]
        # The first of a minute is written, the others are counted.
        self.assertEqual(len(lines), 1, lines)
        self.assertEqual(mxwardend.metric("mxwarden_malformed_requests_total"), len(MALFORMED))

    def test_what_came_before_the_malformed_request_is_answered(self):
        daemon = self.mxwardend(access=ACCESS)
        with daemon.client() as client:
            client.send(policy.request(**REFUSED) + policy.request() + b"nonsense\n\n" + policy.request())
            self.assertTrue(client.reply().startswith(REFUSAL))
            self.assertEqual(client.reply(), "DUNNO")
            self.assertTrue(client.closed_without_reply())

    def test_a_client_that_goes_in_the_middle_of_a_request_leaves_no_trace(self):
        daemon = self.mxwardend()
        for size in (1, 100, len(policy.request()) - 1):
            with daemon.client() as client:
                client.send(policy.request()[:size])
        with daemon.client() as client:
            self.assertEqual(client.ask(), "DUNNO")
        self.assertNotIn("malformed", daemon.log())

    def test_a_client_that_does_not_wait_for_its_answer_harms_nobody(self):
        daemon = self.mxwardend(UNLIMITED)
        for _ in range(50):
            with daemon.client() as client:
                client.send(policy.request())
        with daemon.client() as client:
            self.assertEqual(client.ask(), "DUNNO")

    def test_values_that_would_break_the_log_are_escaped_in_it(self):
        daemon = self.mxwardend(access=ACCESS)
        with daemon.client() as client:
            forged = 'x" rule=none\x1b[2J\r'
            self.assertTrue(client.ask(**REFUSED, helo_name=forged, sender="a=b c@sender.example").startswith(REFUSAL))
        [decision] = daemon.wait_decisions(rule="connect")
        self.assertEqual(decision["sender"], "a=b c@sender.example")
        self.assertTrue(decision["helo"].startswith('x" rule=none'), decision)
        self.assertNotIn("\x1b", daemon.log())
        self.assertNotIn("\r", daemon.log())


class Arrival(case.TestCase):
    """However the bytes come, each request gets its own answer, in order."""

    def test_byte_by_byte(self):
        with self.mxwardend(access=ACCESS).client() as client:
            for byte in policy.request(**REFUSED):
                client.send(bytes([byte]))
            self.assertTrue(client.reply().startswith(REFUSAL))
            self.assertEqual(client.ask(), "DUNNO")

    def test_several_requests_in_one_packet(self):
        with self.mxwardend(access=ACCESS).client() as client:
            wanted = [index % 3 == 0 for index in range(60)]
            client.send(b"".join(policy.request(**(REFUSED if refused else {})) for refused in wanted))
            self.assertEqual([client.reply() != "DUNNO" for _ in wanted], wanted)

    def test_requests_cut_at_every_place(self):
        data = policy.request(**REFUSED) + policy.request()
        with self.mxwardend(UNLIMITED, ACCESS).client() as client:
            for cut in range(1, len(data), 7):
                client.send(data[:cut])
                client.send(data[cut:])
                self.assertTrue(client.reply().startswith(REFUSAL), cut)
                self.assertEqual(client.reply(), "DUNNO", cut)

    def test_the_largest_request_is_answered(self):
        with self.mxwardend().client() as client:
            for size in (8000, 65535, 65536):
                client.send(padded(size))
                self.assertEqual(client.reply(), "DUNNO")

    def test_attributes_in_any_order_with_unknown_ones_among_them(self):
        lines = policy.request(**REFUSED).split(b"\n")[:-2]
        with self.mxwardend(access=ACCESS).client() as client:
            client.send(b"\n".join([b"future=thing", *reversed(lines), b"another=one=two", b"", b""]))
            self.assertTrue(client.reply().startswith(REFUSAL))

    def test_a_request_that_postfix_sends_in_two_parts_does_not_wait_for_an_acknowledgement(self):
        """Over 4096 bytes; with Nagle's algorithm and a delayed ACK the second part would come 40 ms later."""
        data = padded(4200)
        with self.mxwardend().client() as client:
            took = []
            for _ in range(60):
                start = time.perf_counter()
                client.send(data[:4096])
                client.send(data[4096:])
                self.assertEqual(client.reply(), "DUNNO")
                took.append(time.perf_counter() - start)
        # The kernel acknowledges at once for the first dozens of packets of a connection.
        self.assertLess(statistics.median(took[30:]), 0.015)

    def test_a_slow_client_does_not_hold_up_others(self):
        daemon = self.mxwardend(UNLIMITED)
        with daemon.client() as slow, daemon.client() as other:
            slow.send(policy.request()[:200])
            start = time.monotonic()
            for _ in range(100):
                self.assertEqual(other.ask(), "DUNNO")
            self.assertLess(time.monotonic() - start, 2)

    def test_a_client_that_may_do_everything_is_answered_dunno(self):
        """OK would open a relay where Postfix asks in smtpd_relay_restrictions."""
        for value in ("OK", "RELAY"):
            access = f"Connect:198.51.100.7 {value}\n"
            with self.subTest(value), mxwardend.Mxwardend(self.own_folder(), access=access) as daemon:
                with daemon.client() as client:
                    for state in ("CONNECT", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE"):
                        self.assertEqual(client.ask(protocol_state=state), "DUNNO")
                        self.assertEqual(client.ask(protocol_state=state, policy_context="relay"), "DUNNO")

    def test_nothing_comes_that_was_not_asked_for(self):
        with self.mxwardend().client() as client:
            self.assertEqual(client.ask(), "DUNNO")
            client.socket.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                client.reply()


class Listeners(case.TestCase):
    def test_several_of_every_kind_at_once(self):
        folder = self.own_folder()
        self.mxwardend(f"""
            [server]
            listen = inet:127.0.0.1:10060
            listen = inet:[::1]:10060
            listen = inet:192.0.2.25:10060,name=outside
            listen = unix:{folder}/policy,mode=0600
            [limit outside]
            key = server_address
            stage = RCPT
            count = recipients
            window = 1h
            limit = 1
            when = listener = outside
            """)
        for address in [("127.0.0.1", 10060), ("::1", 10060), ("192.0.2.25", 10060), folder / "policy"]:
            with self.subTest(address=address), policy.Client(address) as client:
                self.assertEqual(client.ask(instance=f"1.{address}.0.0"), "DUNNO")
        with policy.Client(("192.0.2.25", 10060)) as client:
            self.assertNotEqual(client.ask(instance="2.2.0.0"), "DUNNO")
        self.assertEqual((folder / "policy").stat().st_mode & 0o777, 0o600)

    def test_a_socket_file_that_a_dead_process_left_is_no_obstacle(self):
        path = self.own_folder() / "policy"
        daemon = self.mxwardend(f"[server]\nlisten = unix:{path}\n")
        daemon.kill()
        self.assertTrue(path.is_socket())
        daemon.start()
        with policy.Client(path) as client:
            self.assertEqual(client.ask(), "DUNNO")


class Drain(case.TestCase):
    def test_sigterm_closes_idle_connections_and_ends_well(self):
        daemon = self.mxwardend()
        clients = [self.enterContext(daemon.client()) for _ in range(20)]
        for client in clients:
            self.assertEqual(client.ask(), "DUNNO")
        daemon.stop()
        for client in clients:
            self.assertTrue(client.closed_without_reply())

    def test_an_idle_connection_is_closed_when_its_time_is_over(self):
        daemon = self.mxwardend("[server]\nidle_timeout = 2s\n")
        with daemon.client() as idle, daemon.client() as busy:
            start = time.monotonic()
            self.assertEqual(idle.ask(), "DUNNO")
            while time.monotonic() < start + 1.5:
                self.assertEqual(busy.ask(), "DUNNO")
                time.sleep(0.1)
            self.assertEqual(idle.ask(), "DUNNO")
            start = time.monotonic()
            self.assertTrue(idle.closed_without_reply())
            self.assertGreater(time.monotonic() - start, 1)
            self.assertLess(time.monotonic() - start, 5)


class Records(case.TestCase):
    """The directory in which they are kept."""

    def start(self, prepare):
        daemon = mxwardend.Mxwardend(self.own_folder())
        prepare(daemon)
        return self.enterContext(daemon)

    def test_without_a_directory_it_serves_and_says_what_is_missing(self):
        daemon = self.start(lambda daemon: daemon.store_path.rmdir())
        daemon.wait_log(rf"warning: .* are lost when mxwardend ends: {daemon.store_path}/records.lock cannot be opened")
        with daemon.client() as client:
            self.assertEqual(client.ask(), "DUNNO")

    def test_a_damaged_file_is_set_aside(self):
        daemon = self.start(lambda daemon: (daemon.store_path / "records.sqlite").write_text("damaged"))
        daemon.wait_log(r"warning: .*records.sqlite is damaged .*records.sqlite.damaged-1")
        with daemon.client() as client:
            self.assertEqual(client.ask(), "DUNNO")
        self.assertEqual((daemon.store_path / "records.sqlite.damaged-1").read_text(), "damaged")

    def test_a_killed_one_leaves_its_place_to_the_next(self):
        daemon = self.mxwardend()
        daemon.kill()
        daemon.start()
        self.assertNotRegex(daemon.log(), "warning")


if __name__ == "__main__":
    case.main()
