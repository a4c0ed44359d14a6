"""mxwarden-maillog --dry-run and --stats: a log is read once, and what is in it is said to people and to programs.

The folder tests/fixtures/maillog_once has a log, and what is to be said of it, word for word."""

import fcntl
import gzip
import json
import os
import pty
import re
import struct
import subprocess
import termios
import time

from support import case, mxwardend

PROGRAM = mxwardend.PROGRAM.with_name("mxwarden-maillog")
FIXTURES = mxwardend.SOURCE / "tests" / "fixtures"
ONCE = FIXTURES / "maillog_once"

USAGE, NO_INPUT, OUTPUT_ERROR = 64, 66, 74

EVENTS = {"login_succeeded", "login_failed", "recipient_unknown", "recipient_accepted", "blocklist_reject", "sender_forged",
          "helo_forged", "spam_trap", "relay_denied", "sender_domain_unknown", "header_reject", "body_reject", "pregreet",
          "improper_pipelining", "connect", "disconnect", "non_smtp_command"}

# What a program may rely on: the members of an object, and their types.
EVENT = {"event": str, "time": int, "position": int}
EVENT_IF_IT_APPLIES = {"again": bool, "client": str, "client_name": str, "service": str, "sender": str, "recipient": str,
                       "login": str, "helo": str, "list": str, "reason": str, "follows": list}
STATS = {"lines": int, "bytes": int, "too_long": int, "no_log_line": int, "event": int, "known": int, "ours": int,
         "unknown": int, "other_program": int, "recognisers": dict, "events": dict, "other_programs": list, "sample": list}
OTHER_PROGRAM = {"program": str, "lines": int}
SAMPLE = {"line": int, "times": int, "program": str, "text": str}

HEAD = b"2026-11-20T23:33:36.000000+00:00 mx "
REJECT = (b"postfix/smtpd[1]: NOQUEUE: reject: RCPT from h.example[198.51.100.7]: 550 5.1.1 <%s>: Recipient address rejected: "
          b"User unknown in local recipient table; from=<a@b.example> to=<%s> proto=ESMTP helo=<%s>\n")


class MailLog(case.TestCase):
    def setUp(self):
        self.conf = self.own_folder() / "mxwarden.conf"
        access = self.own_folder() / "access"
        access.write_text("")
        self.conf.write_text(f"[client]\naccess = {access}\n[relay_grant]\nmode = enforce\n[bad_recipient]\nsource = log\n")

    def command(self, *arguments):
        return [PROGRAM, "--config", self.conf, *arguments]

    def run_once(self, *arguments, status=0, data=b"", **environment):
        done = subprocess.run(self.command(*arguments), input=data, capture_output=True, timeout=30, check=False,
                              env={**os.environ, "TZ": "UTC", **environment})
        self.assertEqual(done.returncode, status, done)
        return done.stdout.decode(), done.stderr.decode()

    def file(self, data, name="mail.log"):
        path = self.own_folder() / name
        path.write_bytes(data)
        return path

    def check_members(self, found, members, optional=()):
        for name, kind in members.items():
            self.assertIn(name, found)
        for name, value in found.items():
            kind = members.get(name) or dict(optional).get(name)
            self.assertIsNotNone(kind, f"{name} of {found}")
            self.assertIs(type(value), kind, f"{name} of {found}")

    def events(self, *arguments, **options):
        out, err = self.run_once("--dry-run", "--json", *arguments, **options)
        self.assertEqual(err, "")
        events = [json.loads(line) for line in out.splitlines()]
        for event in events:
            self.check_members(event, EVENT, EVENT_IF_IT_APPLIES)
            self.assertIn(event["event"], EVENTS)
            self.assertTrue(event.get("follows", ["something"]))
            self.assertTrue(all(isinstance(line, str) and line for line in event.get("follows", [])), event)
        return events

    def stats(self, *arguments, **options):
        out, err = self.run_once("--stats", "--json", *arguments, **options)
        self.assertEqual((err, out.count("\n")), ("", 1))
        stats = json.loads(out)
        self.check_members(stats, STATS)
        for other in stats["other_programs"]:
            self.check_members(other, OTHER_PROGRAM)
        for sort in stats["sample"]:
            self.check_members(sort, SAMPLE)
        self.assertLessEqual(set(stats["events"]), EVENTS)
        self.assertEqual(sum(stats[what] for what in ("event", "known", "ours", "unknown", "other_program", "no_log_line",
                                                      "too_long")), stats["lines"])
        return stats


class Outputs(MailLog):
    def check_golden(self, name, text):
        self.assertEqual(text, (ONCE / name).read_text(), f"{name} says otherwise")

    def test_people_read_each_event_and_what_would_follow(self):
        out, summary = self.run_once("--dry-run", ONCE / "mx.log")
        self.check_golden("dry_run.ref", out)
        self.check_golden("summary.ref", summary)

    def test_programs_read_the_same_as_json(self):
        self.events(ONCE / "mx.log")
        self.check_golden("dry_run.json.ref", self.run_once("--dry-run", "--json", ONCE / "mx.log")[0])

    def test_people_read_the_counts_as_tables(self):
        out, err = self.run_once("--stats", ONCE / "mx.log")
        self.check_golden("stats.ref", out)
        self.assertEqual(err, "")

    def test_programs_read_the_counts_as_one_object(self):
        self.stats(ONCE / "mx.log")
        self.check_golden("stats.json.ref", self.run_once("--stats", "--json", ONCE / "mx.log")[0])

    def test_standard_input_is_read_as_a_file_is(self):
        data = (ONCE / "mx.log").read_bytes()
        for arguments in (["--dry-run"], ["--dry-run", "--json"], ["--stats"], ["--stats", "--json"]):
            with self.subTest(arguments):
                self.assertEqual(self.run_once(*arguments, "-", data=data), self.run_once(*arguments, ONCE / "mx.log"))

    def test_without_an_operand_the_source_of_the_settings_is_read(self):
        source = f"maillog.source=file:{ONCE / 'mx.log'}"
        self.assertEqual(self.run_once("--stats", "--set", source), self.run_once("--stats", ONCE / "mx.log"))

    def test_every_fixture_makes_sense_in_all_three_forms(self):
        for folder in ("maillog", "maillog-rsyslog-iso", "maillog-rsyslog-trad"):
            files = sorted((FIXTURES / folder).glob("*.log"))
            self.assertGreater(len(files), 50)
            for path in files:
                with self.subTest(path.name, folder=folder):
                    events, stats = self.events(path), self.stats(path)
                    self.assertEqual(stats["too_long"], 0)
                    counts = {}
                    for event in events:
                        counts[event["event"]] = counts.get(event["event"], 0) + 1
                    self.assertEqual(counts, stats["events"])
                    positions = [event["position"] for event in events]
                    self.assertEqual(positions, sorted(positions))


class Faults(MailLog):
    def check_fault(self, status, *arguments, says, **options):
        out, err = self.run_once(*arguments, status=status, **options)
        self.assertEqual(out, "")
        self.assertEqual(err.count("\n"), 1, err)
        for text in ("mxwarden-maillog: ", *says):
            self.assertIn(text, err)

    def test_what_cannot_be_read_is_named_with_the_reason_and_a_remedy(self):
        missing = self.own_folder() / "missing.log"
        self.check_fault(NO_INPUT, "--dry-run", missing, says=[str(missing), "No such file", "name the log"])
        self.check_fault(NO_INPUT, "--stats", self.own_folder(), says=["is a directory"])

    def test_a_compressed_log_is_refused_with_what_to_do(self):
        data = gzip.compress((ONCE / "mx.log").read_bytes())
        path = self.file(data, "mail.log.2.gz")
        self.check_fault(NO_INPUT, "--dry-run", path, says=[str(path), "zcat FILE | mxwarden-maillog --dry-run -"])
        self.check_fault(NO_INPUT, "--stats", "-", data=data, says=["standard input", "zcat FILE |"])

    def test_a_source_that_is_no_file_needs_an_operand(self):
        for source, says in (("journal", "journalctl"), ("syslog:/run/x", "name a FILE"), ("-", "name a FILE")):
            with self.subTest(source):
                self.check_fault(USAGE, "--dry-run", "--set", f"maillog.source={source}", says=[says])

    def test_two_questions_are_one_too_many(self):
        self.check_fault(USAGE, "--dry-run", "--stats", ONCE / "mx.log", says=["--dry-run and --stats"])

    def test_json_alone_says_what_it_goes_with(self):
        self.check_fault(USAGE, "--json", ONCE / "mx.log", says=["--json goes with --dry-run or --stats"])

    def test_output_that_goes_nowhere_is_said(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(self.command("--stats", ONCE / "mx.log"), stdout=full, stderr=subprocess.PIPE, timeout=20,
                                  check=False)
        self.assertEqual((done.returncode, done.stderr),
                         (OUTPUT_ERROR, b"mxwarden-maillog: the output could not be written\n"))

    def test_a_reader_that_has_enough_ends_it_quietly(self):
        path = self.file((HEAD + REJECT % (b"x@y", b"x@y", b"h")) * 20_000)
        for before in ("", "trap '' PIPE; "):
            with self.subTest(before):
                done = subprocess.run(["bash", "-c", before + '"$@" | head -1', "bash",
                                       *self.command("--dry-run", "--json", path)], capture_output=True, timeout=20,
                                      check=False)
                self.assertEqual((done.returncode, done.stdout.count(b"\n"), done.stderr), (0, 1, b""))


class HostileLines(MailLog):
    def test_bytes_that_are_no_text_are_harmless(self):
        names = [bytes([byte]) * 3 for byte in range(256) if byte not in b"\n\r"]
        names += [b'"', b"\\", b'\\"', b"\xe2\x80\xae", b"\xc2\x9b2J", b"a\0b", b"\xf0\x9f\x98\x80"]
        data = b"".join(HEAD + REJECT % (name + b"@example.org", name + b"@example.org", name) for name in names)
        path = self.file(data)
        events = self.events(path)
        self.assertGreater(len(events), 100)
        self.assertEqual(self.stats(path)["lines"], len(names))
        for arguments in (["--dry-run"], ["--dry-run", "--json"], ["--stats"], ["--stats", "--json"]):
            out = self.run_once(*arguments, path)[0]
            self.assertIsNone(re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", out), arguments)

    def test_lines_that_are_none_of_a_log_are_counted(self):
        stats = self.stats("-", data=b"\n\0\0\0\nno log\n\xff\xfe\n" + b"x" * 70_000 + b"\n" + b"y" * 500_000)
        self.assertEqual((stats["lines"], stats["no_log_line"], stats["too_long"]), (6, 4, 2))

    def test_the_line_behind_one_that_is_too_long_is_read(self):
        line = HEAD + REJECT % (b"x@y.example", b"x@y.example", b"h")
        events = self.events("-", data=line + b"x" * 300_000 + b"\n" + line)
        self.assertEqual([event["position"] for event in events], [0, len(line) + 300_001])

    def test_an_empty_log_is_no_fault(self):
        self.assertEqual(self.events("/dev/null"), [])
        self.assertEqual(self.stats("/dev/null")["lines"], 0)


class Terminals(MailLog):
    """What is only for somebody who looks on."""

    def at_terminal(self, *arguments, data=None, pause=0, columns=100, **environment):
        """Both outputs on a terminal; what it was sent. With data: by pipe, with a pause before its last line."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(self.command(*arguments), stdin=subprocess.PIPE, stdout=slave, stderr=slave,
                                   env={**os.environ, "TZ": "UTC", "TERM": "xterm", **environment})
        os.close(slave)
        if data is not None:
            lines = data.splitlines(keepends=True)
            process.stdin.writelines(lines[:-1])
            process.stdin.flush()
            time.sleep(pause)
            process.stdin.write(lines[-1])
        process.stdin.close()
        sent = b""
        while True:
            try:
                block = os.read(master, 65536)
            except OSError:  # nobody has it open any more
                break
            if not block:
                break
            sent += block
        os.close(master)
        self.assertEqual(process.wait(timeout=20), 0)
        return sent.decode()

    def test_colours_are_for_terminals_that_want_them(self):
        environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        self.assertNotIn("\x1b", self.run_once("--dry-run", ONCE / "mx.log", **environment)[0])
        self.assertIn("\x1b[33mrecipient_unknown\x1b[0m", self.at_terminal("--dry-run", ONCE / "mx.log", NO_COLOR=""))
        self.assertNotIn("\x1b", self.at_terminal("--dry-run", ONCE / "mx.log", NO_COLOR="1"))
        self.assertNotIn("\x1b", self.at_terminal("--dry-run", ONCE / "mx.log", TERM="dumb"))
        self.assertNotIn("\x1b", self.at_terminal("--dry-run", "--json", ONCE / "mx.log", NO_COLOR=""))

    def test_who_waits_for_longer_than_a_second_sees_how_far_it_is(self):
        data = (ONCE / "mx.log").read_bytes()
        lines = data.count(b"\n")
        for arguments in (["--stats"], ["--dry-run"]):
            with self.subTest(arguments):
                sent = self.at_terminal(*arguments, "-", data=data, pause=1.2, NO_COLOR="1")
                shown = re.findall("\r\x1b\\[K([^\r\n]*)", sent)
                self.assertEqual(len(shown), 2 * (len(shown) // 2), "each is taken away again")
                self.assertRegex(shown[0], rf"^{lines} lines  \d+/s$")
                self.assertFalse(re.search(r"lines  \d+/s\r?\n", sent))

    def test_who_does_not_wait_sees_nothing(self):
        self.assertNotIn("\r\x1b[K", self.at_terminal("--stats", ONCE / "mx.log"))

    def test_what_a_pipe_tells_is_seen_while_the_next_is_waited_for(self):
        process = subprocess.Popen(self.command("--dry-run", "--json", "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        process.stdin.write(HEAD + REJECT % (b"x@y.example", b"x@y.example", b"h"))
        process.stdin.flush()
        self.assertEqual(json.loads(process.stdout.readline())["event"], "recipient_unknown")
        process.stdin.close()
        self.assertEqual(process.wait(timeout=20), 0)


if __name__ == "__main__":
    case.main()
