"""mxwarden tail: decisions while they are made, of a real mxwardend, to its end."""

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import time
import unittest.mock

from support import case, mxwardend, policy, waiting

NO = 1
UNAVAILABLE = 69

CONF = "[client_rate]\nlimit = 2\nwindow = 1h\n"
MOST_STREAMS = 48

# What a program finds in a line, by name.
REFUSAL = {"time": int, "action": str, "rule": str, "client": str, "state": str, "count": int, "limit": int,
           "window_ms": int, "retry_after_ms": int, "mode": str, "store": str, "us": int, "sender": str, "recipient": str,
           "helo": str}
# A refusal is to be seen so soon, though the machine be busy.
SEEN_WITHIN = 1.0


class Tail:
    """The command, running; what it prints is read as it comes."""

    def __init__(self, daemon, *arguments):
        self.process = subprocess.Popen([mxwardend.COMMAND, "--control", daemon.control_path, "tail", *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "TZ": "UTC0"})
        self._pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def line(self, seconds=10):
        """The next one, without its line feed."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._pending:
            ready, _, _ = select.select([self.process.stdout], [], [], max(deadline - time.monotonic(), 0))
            assert ready, f"no line within {seconds} s, but {self._pending!r}"
            data = os.read(self.process.stdout.fileno(), 65536)
            assert data, f"it ended: {self.process.stderr.read()!r}"
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode()

    def follows(self):
        """From then on it catches SIGINT (proc(5))."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            caught = int(re.search(r"SigCgt:\s+(\w+)", status.read())[1], 16)
        return caught >> (signal.SIGINT - 1) & 1

    def end(self):
        """Its exit status and what it said of its end."""
        _, errors = self.process.communicate(timeout=10)
        return self.process.returncode, errors.decode()


class TailTestCase(case.TestCase):
    def tail(self, daemon, *arguments):
        """Follows already when it is returned."""
        tail = self.enterContext(Tail(daemon, *arguments))
        waiting.until(tail.follows, "the command to follow")
        return tail

    @staticmethod
    def follow(daemon, **filters):
        """A socket that follows, and has read nothing but that it does."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(10)
        connection.connect(str(daemon.control_path))
        connection.sendall(json.dumps({"op": "decisions.follow", **filters}).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += connection.recv(1)
        assert json.loads(answer) == {"ok": True, "proto": 1}, answer
        return connection


class Lines(TailTestCase):
    def test_a_refusal_is_seen_at_once(self):
        daemon = self.mxwardend(CONF)
        people, program = self.tail(daemon), self.tail(daemon, "--json")
        with daemon.client() as client:
            for expected in ("DUNNO", "DUNNO", "421"):
                self.assertEqual(client.ask(protocol_state="CONNECT", sender="").split()[0], expected)
            began = time.monotonic()
            shown, read = people.line(), json.loads(program.line())
            self.assertLess(time.monotonic() - began, SEEN_WITHIN)
        self.assertRegex(shown, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  421 +client_rate +198\.51\.100\.7 +CONNECT +3/2 1h +<> -> "
                         r"user1@example\.org$")
        self.assertEqual(time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(read["time"] / 1000)), shown[:19])
        self.assertEqual({name: type(value) for name, value in read.items()},
                         {name: kind for name, kind in REFUSAL.items() if name != "sender"}, read)
        self.assertTrue(read["action"].endswith(" [mxw:client_rate]"), read)
        self.assertAlmostEqual(read["time"] / 1000, time.time(), delta=30)
        self.assertEqual((read["rule"], read["count"], read["limit"], read["window_ms"], read["mode"]),
                         ("client_rate", 3, 2, 3_600_000, "enforce"))

    def test_filters_hold(self):
        daemon = self.mxwardend(CONF + "[message_recipients]\nmode = monitor\nlimit = 1\n")
        filters = {
            "none": [], "all": ["--all"], "client": ["--client", "198.51.100.0/30"], "action": ["--action", "421"],
            "rule": ["--rule", "message_recipients"], "state": ["--state", "RCPT", "--all"],
            "sender": ["--sender", "@SENDER.example", "--all"], "recipient": ["--recipient", "B@example.org"],
            "login": ["--login", "Joe"], "refused": ["--refused"],
        }
        tails = {name: self.tail(daemon, "--json", *options) for name, options in filters.items()}
        asked = [
            {"client_address": "198.51.100.1", "protocol_state": "CONNECT", "recipient": ""},
            {"client_address": "198.51.100.1", "protocol_state": "CONNECT", "recipient": ""},
            {"client_address": "198.51.100.1", "protocol_state": "CONNECT", "recipient": ""},
            {"client_address": "198.51.100.9", "recipient": "a@example.org", "instance": "m1", "client_port": "9"},
            {"client_address": "198.51.100.9", "recipient": "b@example.org", "instance": "m1", "client_port": "9"},
            {"client_address": "198.51.100.17", "recipient": "c@example.org", "sasl_username": "joe"},
            {"client_address": "198.51.100.25", "protocol_state": "VRFY", "sender": "last@else.example"},
            {"client_address": "198.51.100.2", "protocol_state": "RCPT", "recipient": "B@EXAMPLE.org",
             "sasl_username": "JOE", "sender": "end@sender.example"},
        ]
        with daemon.client() as client:
            answers = [client.ask(**{"sender": "anna@sender.example", **attributes}).split()[0] for attributes in asked]
        self.assertEqual(answers, ["DUNNO", "DUNNO", "421", "DUNNO", "DUNNO", "DUNNO", "DUNNO", "DUNNO"])

        def shown(name, count):
            return [self.brief(json.loads(tails[name].line())) for _ in range(count)]

        refused, thought = ("421", "1", "CONNECT"), ("would 452", "9", "RCPT")
        self.assertEqual(shown("none", 2), [refused, thought])
        self.assertEqual(len(shown("all", 8)), 8)
        self.assertEqual(shown("client", 4), [("DUNNO", "1", "CONNECT")] * 2 + [refused, ("DUNNO", "2", "RCPT")])
        self.assertEqual(shown("action", 1), [refused])
        self.assertEqual(shown("refused", 1), [refused])
        self.assertEqual(shown("rule", 1), [thought])
        self.assertEqual([line[1:] for line in shown("state", 4)],
                         [("9", "RCPT"), ("9", "RCPT"), ("17", "RCPT"), ("2", "RCPT")])
        self.assertEqual([line[1] for line in shown("sender", 7)], ["1", "1", "1", "9", "9", "17", "2"])
        self.assertEqual([line[1] for line in shown("recipient", 2)], ["9", "2"])
        self.assertEqual([line[1] for line in shown("login", 2)], ["17", "2"])
        # Nothing else came to any of them.
        for name, tail in tails.items():
            with self.subTest(name):
                self.assertEqual(tail._pending, b"")
                self.assertEqual(select.select([tail.process.stdout], [], [], 0.2)[0], [])

    @staticmethod
    def brief(line):
        would = line.get("would")
        return (f"would {would.split()[0]}" if would else line["action"].split()[0], line["client"].split(".")[3],
                line["state"])

    def test_text_of_strangers_does_nothing_to_a_terminal(self):
        daemon = self.mxwardend()
        people, program = self.tail(daemon, "--all"), self.tail(daemon, "--all", "--json")
        with daemon.client() as client:
            client.send(policy.request(sender="SENDER").replace(b"SENDER", b"a\x1b[2J\xff\xc2\x9b\"@x"))
            client.reply()
        for tail in (people, program):
            line = tail.line()
            self.assertEqual([c for c in line if not c.isprintable()], [])
        self.assertEqual(json.loads(line)["sender"], r'a\x1b[2J\xff\xc2\x9b"@x')


class Ends(TailTestCase):
    def test_it_ends_well_when_it_is_no_longer_wanted(self):
        daemon = self.mxwardend(CONF)
        with self.subTest("SIGINT"):
            tail = self.tail(daemon)
            tail.process.send_signal(signal.SIGINT)
            self.assertEqual(tail.end(), (0, ""))
        with self.subTest("nobody reads, and nothing is decided"):
            tail = self.tail(daemon)
            tail.process.stdout.close()
            self.assertEqual(tail.process.wait(timeout=10), 0)
            self.assertEqual(tail.process.stderr.read(), b"")
        with self.subTest("nobody reads the second line"):
            one = subprocess.Popen(["sh", "-c", '"$0" --control "$1" tail --all | head -n 1', mxwardend.COMMAND,
                                    daemon.control_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            deadline = time.monotonic() + 10
            with daemon.client() as client:
                while one.poll() is None and time.monotonic() < deadline:
                    client.ask()
                    time.sleep(0.02)
            output, errors = one.communicate(timeout=10)
            self.assertEqual((one.returncode, output.count("\n"), errors), (0, 1, ""))
        with daemon.client() as client:
            self.assertEqual(client.ask(client_address="198.51.100.99"), "DUNNO")

    def test_a_daemon_that_goes_is_told(self):
        daemon = self.mxwardend(CONF)
        for how in ("stop", "kill"):
            with self.subTest(how):
                tails = [self.tail(daemon), self.tail(daemon, "--json")]
                getattr(daemon, how)()
                for tail in tails:
                    status, errors = tail.end()
                    self.assertEqual(status, UNAVAILABLE)
                    self.assertRegex(errors, rf"^mxwarden: mxwardend at {daemon.control_path} has ended the connection")
                self.assertEqual(mxwardend.command("--control", daemon.control_path, "tail").returncode, UNAVAILABLE)
                daemon.start()

    def test_a_daemon_that_has_nothing_to_say_is_waited_for(self):
        daemon = self.mxwardend(CONF)
        tail = self.tail(daemon, "--all")
        # Longer than any other answer is waited for, at either end.
        time.sleep(11)
        self.assertIsNone(tail.process.poll())
        with daemon.client() as client:
            client.ask()
        self.assertIn("DUNNO", tail.line())

    def test_wrong_filters_are_wrong_usage(self):
        for arguments, sentence in [(["--client", "example.org"], "--client: "), (["--action", "421 x"], "first word"),
                                    (["--sender", ""], "--sender must be text"), (["now"], "too much")]:
            done = mxwardend.command("tail", *arguments)
            self.assertEqual(done.returncode, 2)
            self.assertIn(sentence, done.stderr)


class Many(TailTestCase):
    def test_as_many_follow_as_may_and_questions_find_a_place(self):
        daemon = self.mxwardend(CONF)
        with contextlib.ExitStack() as stack:
            followers = [stack.enter_context(self.follow(daemon, all=True)) for _ in range(MOST_STREAMS)]
            done = daemon.cli("tail")
            self.assertEqual((done.returncode, done.stdout), (NO, ""))
            self.assertIn("as many streams run as may", done.stderr)
            self.assertEqual(daemon.cli("status").returncode, 0)
            with daemon.client() as client:
                self.assertEqual(client.ask(), "DUNNO")
            for follower in followers:
                self.assertEqual(json.loads(follower.makefile("rb").readline())["action"], "DUNNO")
        waiting.until(lambda: self.may_follow(daemon), "a place to be free again")

    def may_follow(self, daemon):
        try:
            self.follow(daemon).close()
        except AssertionError:
            return False
        return True

    def test_decisions_go_on_while_one_does_not_read(self):
        # A sanitizer else keeps what is freed.
        with unittest.mock.patch.dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=1"):
            daemon = self.mxwardend("[client_rate]\nmode = off\n")
        many = 20_000
        with self.follow(daemon, all=True) as asleep, daemon.client() as client:
            before = self.memory(daemon)
            slowest = 0.0
            for _ in range(many // 100):
                began = time.monotonic()
                client.send(policy.request(client_port="7") * 100)
                for _ in range(100):
                    self.assertEqual(client.reply(), "DUNNO")
                slowest = max(slowest, time.monotonic() - began)
            self.assertLess(slowest, 1.0)
            self.assertLess(self.memory(daemon) - before, 16 << 20)
            seen, lost = 0, []
            with asleep.makefile("rb") as lines:
                while seen + sum(lost) < many:
                    line = json.loads(lines.readline())
                    lost += [line["lost"]] if "lost" in line else []
                    seen += "lost" not in line
            self.assertEqual(len(lost), 1)
            self.assertEqual(seen + lost[0], many)
            # What was kept for it: 1,000 lines or half a MiB that wait, as much on its way, and the kernel's buffers.
            self.assertLess(seen, many // 4)
            client.ask(client_address="198.51.100.77")
            self.assertIn(b"198.51.100.77", asleep.recv(65536))

    def test_one_that_was_stopped_goes_on_and_says_what_it_missed(self):
        daemon = self.mxwardend("[client_rate]\nmode = off\n")
        many = 20_000
        tail = self.tail(daemon, "--all")
        tail.process.send_signal(signal.SIGSTOP)
        with daemon.client() as client:
            for _ in range(many // 100):
                client.send(policy.request(client_port="7") * 100)
                for _ in range(100):
                    client.reply()
            tail.process.send_signal(signal.SIGCONT)
            seen = 0
            # One more every so often, until it has got to where it hears of those again.
            while "198.51.100.77" not in tail.line():
                seen += 1
                if seen % 10 == 0:
                    client.ask(client_address="198.51.100.77")
        tail.process.send_signal(signal.SIGINT)
        _, errors = tail.end()
        lost = re.fullmatch(r"mxwarden: (\d+) decisions are missing here: they came faster than they were read\n", errors)
        self.assertTrue(lost, errors)
        self.assertGreater(int(lost[1]), many // 2)
        self.assertGreaterEqual(seen + int(lost[1]), many)

    @staticmethod
    def memory(daemon):
        with open(f"/proc/{daemon.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) << 10


if __name__ == "__main__":
    case.main()
