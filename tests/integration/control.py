"""The control socket and the operator's command mxwarden: what can be asked, every way to be told no, and who has the
socket."""

import contextlib
import json
import os
import re
import socket
import sqlite3
import stat
import subprocess
import time
import unittest

from support import case, mxwardend

NO = 1
USAGE = 2
UNAVAILABLE = 69

# Of `kind`: what a record of it holds, by name.
RECORD = {
    "ban": {"kind": str, "net": str, "until": int, "rule": str, "reason": str, "offences": int, "made": int},
    "grant": {"kind": str, "net": str, "until": int, "logins": list},
    "listing": {"kind": str, "net": str, "until": int, "list": str, "reason": str, "client_name": str, "first": int,
                "last": int, "period_began": int, "hits_in_period": int, "hits": int,
                "by_operator": bool, "lasts": int, "bans": int, "banned_until": int},
}
LOGIN = {"name": str, "first": int, "last": int, "refreshes": int}
STATUS = {"ok": bool, "version": str, "node": str, "pid": int, "uptime_s": int, "backend": str, "store_up": bool,
          "records_current": bool, "records": dict, "decisions": int, "decisions_per_s": int, "refused": dict,
          "connections": int, "sessions": int, "smtp_connections": int, "spared": list,
          "firewall": type(None)}

FIREWALL = {"age_ms": int, "mode": str, "healthy": bool, "ban4": int, "ban6": int, "net4": int, "net6": int,
            "waiting": int, "too_short": int, "guarded": int, "gave_way": int, "rebuilds": int,
            "refused_batches": int, "refused_elements": int, "dropped": int, "checked_ms": int}

# kind: plural, options of an addition
KINDS = {
    "ban": ("bans", ["--for", "1h", "--reason", "spam run"]),
    "grant": ("grants", ["--login", "anna@example.org"]),
    "listing": ("listings", ["--list", "bl.example", "--reason", "open relay"]),
}


class ControlTestCase(case.TestCase):
    def assert_shape(self, value, shape):
        self.assertEqual({name: type(member) for name, member in value.items()}, shape, value)

    def good(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return done.stdout

    def bad(self, done, status, sentence):
        self.assertEqual(done.returncode, status, done)
        self.assertRegex(done.stderr, sentence)
        self.assertTrue(done.stderr.startswith("mxwarden: "), done.stderr)


class Records(ControlTestCase):
    def test_records_of_each_kind_come_and_go(self):
        daemon = self.mxwardend()
        for kind, (plural, options) in KINDS.items():
            for address, net in [("203.0.113.9", "203.0.113.9"),
                                 ("2001:db8::9", "2001:db8::/64" if kind == "listing" else "2001:db8::9")]:
                with self.subTest(kind=kind, address=address):
                    self.assertEqual(self.good(daemon.cli(plural, "list")), f"no {plural}\n")
                    self.assertEqual(self.good(daemon.cli("--json", plural, "list")), "")
                    self.assertRegex(self.good(daemon.cli(plural, "add", address, *options)),
                                     rf"^{kind} of {net} until \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d \(\d+[dhms][^)]*\)\n$")
                    [line] = self.good(daemon.cli("--json", plural, "list")).splitlines()
                    record = json.loads(line)
                    self.assert_shape(record, RECORD[kind])
                    self.assertEqual((record["kind"], record["net"]), (kind, net))
                    heading, row = self.good(daemon.cli(plural, "list")).splitlines()
                    self.assertRegex(heading, r"^(NET|ADDRESS) +UNTIL +LEFT ")
                    self.assertTrue(row.startswith(net + " "), row)
                    self.assertTrue(row.endswith({"ban": "spam run", "grant": "anna@example.org",
                                                  "listing": "open relay"}[kind]), row)
                    self.assertEqual(self.good(daemon.cli(plural, "remove", address)),
                                     f"removed the {kind} of {net}\n")
                    self.bad(daemon.cli(plural, "remove", address), NO, f"there is no {kind} of {net}")

    def test_what_a_program_reads(self):
        daemon = self.mxwardend()
        self.assert_shape(json.loads(self.good(daemon.cli("status", "--json"))), STATUS)
        report = {"op": "firewall.report", "mode": "enforce", "healthy": True, "ban4": 7, "checked_ms": 200}
        self.assertTrue(daemon.ask(report)[0]["ok"])
        self.assert_shape(json.loads(self.good(daemon.cli("status", "--json")))["firewall"], FIREWALL)
        self.assertRegex(self.good(daemon.cli("status")), r"(?m)^firewall   ban4 7, .* in the kernel, .*; found good ")
        added = json.loads(self.good(daemon.cli("--json", "bans", "add", "203.0.113.0/24", "--for", "1h",
                                                "--reason", "r")))
        self.assertEqual((added["ok"], set(added)), (True, {"ok", "record"}))
        self.assert_shape(added["record"], RECORD["ban"])
        self.assertAlmostEqual(added["record"]["until"] / 1000, time.time() + 3600, delta=30)
        granted = json.loads(self.good(daemon.cli("--json", "grants", "add", "203.0.113.9", "--login", "a")))
        self.assert_shape(granted["record"]["logins"][0], LOGIN)
        self.assertAlmostEqual(granted["record"]["until"] / 1000, time.time() + 1800, delta=30)
        self.assertEqual(json.loads(self.good(daemon.cli("--json", "bans", "remove", "203.0.113.0/24"))),
                         {"ok": True, "removed": True, "net": "203.0.113.0/24"})
        done = daemon.cli("--json", "bans", "remove", "203.0.113.0/24")
        self.assertEqual((done.returncode, json.loads(done.stdout)), (NO, {"ok": True, "removed": False, "net": "203.0.113.0/24"}))
        done = daemon.cli("--json", "grants", "add", "10.0.0.1", "--login", "a")
        self.assertEqual((done.returncode, json.loads(done.stdout)["ok"]), (NO, False))
        self.assertEqual(json.loads(self.good(daemon.cli("--json", "reload"))), {"ok": True})

    def test_bans_are_listed_as_a_router_takes_them(self):
        daemon = self.mxwardend()
        self.assertEqual(self.good(daemon.cli("bans", "list", "--format", "plain")), "")
        for net, lasts in (("203.0.113.0/24", "1h"), ("203.0.113.9", "365d"), ("203.0.113.10", "10m"),
                           ("2001:db8::/64", "1h"), ("203.0.114.0/24", "2h")):
            self.good(daemon.cli("bans", "add", net, "--for", lasts, "--reason", "} ; flush ruleset"))
        self.assertEqual(self.good(daemon.cli("bans", "list", "--format", "plain")).splitlines(),
                         ["203.0.113.0/24", "203.0.114.0/24", "2001:db8::/64"])
        self.assertEqual(self.good(daemon.cli("bans", "list", "203.0.114.1", "--format", "plain")), "203.0.114.0/24\n")
        for form in ("nft", "iptables", "ip6tables", "cisco"):
            text = self.good(daemon.cli("bans", "list", "--format", form))
            self.assertNotIn("flush ruleset", text)
            self.assertTrue("203.0.113.0" in text or form == "ip6tables", text)
        text = self.good(daemon.cli("bans", "list", "--format", "nft"))
        for _ in range(2):
            subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)
        shown = subprocess.run(["nft", "--json", "list", "set", "inet", "mxwarden_perimeter", "ban4"],
                               capture_output=True, text=True, check=True).stdout
        [ends] = [{str(element["elem"]["val"]): element["elem"]["timeout"] for element in one["set"]["elem"]}
                  for one in json.loads(shown)["nftables"] if "set" in one]
        self.assertEqual(len(ends), 4, ends)
        for element, end in (("203.0.113.9", 365 * 86400), ("{'range': ['203.0.113.0', '203.0.113.8']}", 3600),
                             ("{'range': ['203.0.113.10', '203.0.113.255']}", 3600),
                             ("{'prefix': {'addr': '203.0.114.0', 'len': 24}}", 7200)):
            self.assertAlmostEqual(ends[element], end, delta=60)

    def test_a_list_may_be_of_what_covers_an_address(self):
        daemon = self.mxwardend()
        for net in ("203.0.113.0/24", "203.0.0.0/16", "203.0.113.9", "203.0.113.10", "2001:db8::/32"):
            self.good(daemon.cli("bans", "add", net, "--for", "1h", "--reason", "r"))
        lines = self.good(daemon.cli("--json", "bans", "list", "203.0.113.9")).splitlines()
        self.assertEqual([json.loads(line)["net"] for line in lines], ["203.0.0.0/16", "203.0.113.0/24", "203.0.113.9"])
        self.assertEqual(self.good(daemon.cli("bans", "list", "198.51.100.1")), "no bans\n")

    def test_a_ban_counts_on_and_a_login_refreshes(self):
        daemon = self.mxwardend()
        for offences in (1, 2, 3):
            added = self.good(daemon.cli("--json", "bans", "add", "203.0.113.9", "--for", "1h", "--reason", "r"))
            self.assertEqual(json.loads(added)["record"]["offences"], offences)
        for login in ("anna", "bob", "anna"):
            granted = self.good(daemon.cli("--json", "grants", "add", "203.0.113.9", "--login", login))
        self.assertEqual([(login["name"], login["refreshes"]) for login in json.loads(granted)["record"]["logins"]],
                         [("anna", 1), ("bob", 0)])

    def test_what_is_over_is_gone(self):
        daemon = self.mxwardend()
        self.good(daemon.cli("bans", "add", "203.0.113.9", "--for", "300ms", "--reason", "r"))
        self.assertIn("203.0.113.9", self.good(daemon.cli("bans", "list")))
        time.sleep(0.4)
        self.assertEqual(self.good(daemon.cli("bans", "list")), "no bans\n")

    def test_what_was_changed_is_logged_with_who_did_it(self):
        daemon = self.mxwardend()
        self.good(daemon.cli("bans", "add", "203.0.113.0/24", "--for", "1h", "--reason", "spam run"))
        self.good(daemon.cli("bans", "remove", "203.0.113.0/24"))
        [line] = daemon.wait_log(r"control op=records.add ")
        self.assertIn('op=records.add uid=0 kind=ban net=203.0.113.0/24 for=1h reason="spam run"', line)
        daemon.wait_log(r"op=records.remove uid=0 kind=ban net=203.0.113.0/24")

    def test_text_of_strangers_does_nothing_to_a_terminal(self):
        daemon = self.mxwardend()
        reason = "a\u009b31mb\u202ec"
        request = {"op": "records.add", "kind": "ban", "net": "203.0.113.9", "for_ms": 60000, "reason": reason}
        [answer] = daemon.ask(request)
        self.assertEqual(answer["error"], "`reason' must be text of 1 to 300 bytes without control characters")
        # Of another release, or of somebody who writes into the file.
        self.good(daemon.cli("bans", "add", "203.0.113.9", "--for", "1h", "--reason", "REASON"))
        daemon.stop()
        with contextlib.closing(sqlite3.connect(daemon.store_path / "records.sqlite")) as file, file:
            file.execute("UPDATE record SET data = replace(data, 'REASON', ?)", (reason,))
        daemon.start()
        shown = self.good(daemon.cli("bans", "list"))
        self.assertIn(r"a\xc2\x9b31mb\xe2\x80\xaec", shown)
        self.assertEqual([c for c in shown if not c.isprintable() and c != "\n"], [])

    def test_times_are_those_of_this_place(self):
        daemon = self.mxwardend()
        self.good(daemon.cli("bans", "add", "203.0.113.9", "--for", "1h", "--reason", "r"))
        until = json.loads(self.good(daemon.cli("--json", "bans", "list")))["until"] // 1000
        for zone, hours in (("UTC0", 0), ("XXX-5", 5)):
            shown = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(until + hours * 3600))
            self.assertIn(shown, self.good(daemon.cli("bans", "list", TZ=zone)))


class Refusals(ControlTestCase):
    def test_the_daemon_says_no_with_a_sentence(self):
        daemon = self.mxwardend("[client]\ntrusted = 127.0.0.0/8 ::1 192.0.2.25\n")
        ban = ["--for", "1h", "--reason", "r"]
        for arguments, sentence in [
                (["bans", "add", "192.0.2.0/24", *ban], "192.0.2.25 is in 192.0.2.0/24"),
                (["bans", "add", "0.0.0.0/1", *ban], "127.0.0.0/8 is in 0.0.0.0/1"),
                (["bans", "add", "192.0.2.25", *ban, "--force"], "a ban would not concern it"),
                (["bans", "add", "2000::/3", *ban], "1 of 8 addresses of all IPv6"),
                (["grants", "add", "10.1.2.3", "--login", "a"], "10.1.2.3 is a private"),
                (["grants", "add", "192.0.2.25", "--login", "a"], "trusted already"),
                (["bans", "remove", "203.0.113.9"], "there is no ban of 203.0.113.9"),
        ]:
            with self.subTest(arguments):
                self.bad(daemon.cli(*arguments), NO, sentence)
        self.assertEqual(self.good(daemon.cli("bans", "list")), "no bans\n")
        self.good(daemon.cli("bans", "add", "192.0.2.0/24", *ban, "--force"))

    def test_wrong_usage_is_told_what_is_allowed(self):
        for arguments, sentence in [
                ([], "a command is missing: one of status, top, explain, tail, bans, grants, listings, reload"),
                (["bnas"], '"bnas" is no command: one of status, top, explain'),
                (["bans"], "one of list, add, remove must follow"),
                (["bans", "ad"], 'bans cannot "ad": it takes list, add, remove'),
                (["bans", "add"], "--for TIME is missing: mxwarden bans add"),
                (["bans", "add", "--for", "1h", "--reason", "r"], r"ADDR\[/LEN\] is missing"),
                (["bans", "add", "203.0.113.9", "--for", "1h"], "--reason TEXT is missing"),
                (["bans", "add", "203.0.113.9", "--reason", "r", "--for", "soon"], "--for: `soon' is not a duration"),
                (["bans", "add", "203.0.113.9", "--reason", "r", "--for", "0s"], "longer than nothing"),
                (["bans", "add", "203.0.113.9", "--reason", "r", "--for", "3651d"], "3650d at most"),
                (["bans", "add", "203.0.113.9/24", "--for", "1h", "--reason", "r"], "did you mean 203.0.113.0/24"),
                (["bans", "add", "example.org", "--for", "1h", "--reason", "r"], "is not an IP address"),
                (["bans", "add", "203.0.113.9", "--for", "1h", "--reason", ""], "--reason must be text of 1 to 300"),
                (["bans", "add", "203.0.113.9", "--for", "1h", "--reason", "x" * 301], "--reason must be text"),
                (["bans", "add", "203.0.113.9", "--for", "1h", "--reason", "\x1b[2J"], "--reason must be text"),
                (["bans", "add", "203.0.113.9", "--for", "1h", "--login", "r"], "--login is not for bans add"),
                (["bans", "add", "203.0.113.9", "--for"], "--for takes a value: --for TIME"),
                (["grants", "add", "203.0.113.0/24", "--login", "a"], "is a net, and this takes one address"),
                (["listings", "add", "203.0.113.9", "--list", "l"], "--reason TEXT is missing"),
                (["status", "now"], '"now" is too much'),
                (["status", "--frce"], '"--frce" is no option'),
                (["status", "--json=yes"], "--json takes no value"),
                (["status", "--json", "--json"], "--json is given twice"),
        ]:
            with self.subTest(arguments):
                self.bad(mxwardend.command(*arguments), USAGE, sentence)

    def test_no_daemon_is_told_with_a_remedy(self):
        folder = self.own_folder()
        stale = folder / "stale.sock"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(stale))
        for path, sentence in [(folder / "none.sock", "No such file"), (stale, "refused"),
                               ("/" + "x" * 200, "a unix socket's path has 1 to 107 bytes")]:
            with self.subTest(path):
                done = mxwardend.command("--control", path, "status")
                self.bad(done, UNAVAILABLE, rf"no mxwardend answers at {path}: .*{sentence}")
                self.assertEqual(done.stdout, "")
        self.assertIn("is mxwardend running", mxwardend.command("--control", stale, "status").stderr)

    def test_somebody_else_at_the_socket_is_no_mxwardend(self):
        path = self.own_folder() / "other.sock"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            other.listen()
            for answer in (b"", b"hello\n", b"{}\n", b'{"ok":true}\n', b'{"ok":true,"proto":2}\n'):
                with self.subTest(answer):
                    with subprocess.Popen([mxwardend.COMMAND, "--control", path, "status"], stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE, text=True) as command:
                        with other.accept()[0] as connection:
                            connection.recv(1000)
                            connection.sendall(answer)
                        out, error = command.communicate(timeout=10)
                    self.assertEqual((command.returncode, out), (UNAVAILABLE, ""), error)
                    self.assertRegex(error, "^mxwarden: .+\n$")

    def test_output_that_goes_nowhere_is_not_passed_over(self):
        daemon = self.mxwardend()
        with open("/dev/full", "w") as full:
            done = subprocess.run([mxwardend.COMMAND, "--control", daemon.control_path, "status"], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 74)
        self.assertIn("could not be written", done.stderr)


class Daemon(ControlTestCase):
    def test_status_is_for_people(self):
        daemon = self.mxwardend("[server]\nnode = mx7\n[client_rate]\nlimit = 2\nwindow = 1h\n")
        with daemon.client() as client:
            for _ in range(5):
                client.ask(protocol_state="CONNECT", client_address="198.51.100.80")
            text = self.good(daemon.cli("status"))
            status = json.loads(self.good(daemon.cli("--json", "status")))
        self.assertRegex(text, rf"^mxwardend \d+\.\d+\.\d+ on mx7, process {daemon.pid}, up \d+s\n")
        self.assertIn("\nstore      embedded, up\nrecords    0 bans, 0 grants, 0 listings\ndecisions  5, ", text)
        self.assertIn("\nrefused    client_rate 3\nopen       1 policy connection, ", text)
        self.assertEqual((status["decisions"], status["refused"], status["connections"]), (5, {"client_rate": 3}, 1))
        self.assertEqual(status["sessions"], 1)

    def test_a_reload_says_what_is_wrong_in_the_files(self):
        daemon = self.mxwardend("[client_rate]\nlimit = 2\nwindow = 1h\n")
        daemon.write("[client_rate]\nlimit = 1\nwindow = 1h\n")
        self.assertEqual(self.good(daemon.cli("reload")), "reloaded\n")
        daemon.wait_log("reloaded ")
        daemon.write("[client_rate]\nlimit = many\nnonsense = 1\n", "Connect:1.2.3.400 REJECT\n")
        done = daemon.cli("reload")
        self.bad(done, NO, f"mxwarden: {daemon.conf_path}:2: .*many")
        self.assertIn(f"mxwarden: {daemon.conf_path}:3: ", done.stderr)
        self.assertIn(f"mxwarden: {daemon.access_path}:1: ", done.stderr)
        self.assertTrue(done.stderr.endswith("mxwarden: what was in force stays in force\n"), done.stderr)
        with daemon.client() as client:
            answers = [client.ask(protocol_state="CONNECT", client_address="198.51.100.81") for _ in range(2)]
        self.assertEqual([answer[:4] for answer in answers], ["DUNN", "421 "])

    def test_a_reload_changes_what_a_ban_may_hit(self):
        daemon = self.mxwardend("[client]\ntrusted = 192.0.2.25\n")
        self.bad(daemon.cli("bans", "add", "192.0.2.25", "--for", "1h", "--reason", "r"), NO, "would not concern it")
        daemon.write("[client]\ntrusted = 192.0.2.26\n")
        self.good(daemon.cli("reload"))
        self.good(daemon.cli("bans", "add", "192.0.2.25", "--for", "1h", "--reason", "r"))

    def test_the_socket_lets_in_its_group_and_nobody_else(self):
        daemon = self.mxwardend()
        mode = daemon.control_path.stat().st_mode
        self.assertEqual((stat.S_ISSOCK(mode), stat.S_IMODE(mode)), (True, 0o660))
        # The place it was built in may be closed to others.
        command = daemon.folder / "mxwarden"
        command.write_bytes(mxwardend.COMMAND.read_bytes())
        command.chmod(0o755)
        for groups, status in (([], UNAVAILABLE), ([daemon.control_path.stat().st_gid], 0)):
            with self.subTest(groups):
                done = subprocess.run([command, "--control", daemon.control_path, "status"], user="nobody",
                                      group="nogroup", extra_groups=groups, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, status, done)
                if status != 0:
                    self.bad(done, status, "as root, or as a member of the group mxwarden")

    def test_an_unprivileged_daemon_has_one_too(self):
        daemon = self.mxwardend(user="nobody")
        self.good(daemon.cli("bans", "add", "203.0.113.9", "--for", "1h", "--reason", "r"))

    def test_a_second_daemon_does_not_take_the_socket(self):
        daemon = self.mxwardend()
        self.good(daemon.cli("bans", "add", "203.0.113.9", "--for", "1h", "--reason", "r"))
        second = mxwardend.Mxwardend(self.own_folder(), "[server]\nlisten = inet:127.0.0.1:10050\nhttp =\n")
        second.control_path = daemon.control_path
        with second:
            [line] = second.wait_log("the command mxwarden cannot reach this daemon")
            self.assertRegex(line, f"unix:{daemon.control_path}.*in use.*server.control, and restart")
            self.assertIn("203.0.113.9", self.good(daemon.cli("bans", "list")))
        self.assertIn("203.0.113.9", self.good(daemon.cli("bans", "list")))

    def test_without_its_directory_mail_goes_on(self):
        daemon = mxwardend.Mxwardend(self.own_folder())
        daemon.control_path = daemon.folder / "no" / "such" / "control.sock"
        with daemon:
            self.assertEqual(len(daemon.wait_log("cannot reach this daemon.*directory does not exist")), 1)
            with daemon.client() as client:
                self.assertEqual(client.ask(), "DUNNO")

    def test_no_socket_when_none_is_wanted(self):
        daemon = mxwardend.Mxwardend(self.own_folder())
        daemon.control_path = ""
        with daemon, daemon.client() as client:
            self.assertEqual(client.ask(), "DUNNO")
        self.assertNotIn("cannot reach", daemon.log())

    def test_the_socket_of_one_that_was_killed_is_taken_over(self):
        daemon = self.mxwardend()
        daemon.kill()
        self.assertTrue(daemon.control_path.is_socket())
        self.bad(daemon.cli("status"), UNAVAILABLE, "refused")
        daemon.start()
        self.good(daemon.cli("status"))
        self.assertNotIn("cannot reach", daemon.log())

    def test_the_socket_goes_with_the_daemon(self):
        daemon = mxwardend.Mxwardend(self.own_folder())
        with daemon:
            self.assertTrue(daemon.control_path.is_socket())
        self.assertFalse(daemon.control_path.exists())

    def test_whatever_is_sent_the_daemon_lives(self):
        daemon = self.mxwardend()
        for label, data in [("no JSON", b"hello\n"), ("binary", bytes(range(256)) * 10 + b"\n"),
                            ("deep", b"[" * 60000 + b"\n"), ("too long", b"x" * 200_000), ("half a line", b'{"op"'),
                            ("another protocol", b"request=smtpd_access_policy\n\n")]:
            with self.subTest(label):
                try:
                    for answer in daemon.ask(data):
                        self.assertFalse(answer["ok"])
                except (BrokenPipeError, ConnectionResetError):
                    self.assertEqual(label, "too long")
                self.good(daemon.cli("status"))
        first, second = daemon.ask({"op": "reload"}, {"op": "none"})
        self.assertEqual((first, second["ok"]), ({"ok": True, "proto": 1}, False))


class Command(ControlTestCase):
    def test_help_names_everything(self):
        text = self.good(mxwardend.command("--help"))
        for word in ("status", "bans list [ADDR] [--format FORMAT]", "bans add ADDR[/LEN] --for TIME --reason TEXT [--force]",
                     "bans remove ADDR[/LEN]", "grants add ADDR --login NAME [--for TIME]", "grants remove ADDR",
                     "listings add ADDR --list NAME --reason TEXT [--for TIME]", "reload", "--control PATH",
                     "--json", "--version", "Exit status"):
            self.assertIn(word, text)
        own = self.good(mxwardend.command("bans", "add", "--help"))
        self.assertIn("Usage: mxwarden bans add ADDR[/LEN] --for TIME --reason TEXT [--force]\n", own)
        self.assertNotIn("--login", own)
        self.assertNotIn("grants", self.good(mxwardend.command("bans", "--help")))

    def test_version(self):
        self.assertRegex(self.good(mxwardend.command("--version")), r"^mxwarden \d+\.\d+\.\d+\n$")

    def test_colours_are_for_terminals_alone(self):
        daemon = self.mxwardend()
        self.good(daemon.cli("bans", "add", "203.0.113.9", "--for", "1h", "--reason", "r"))
        for environment, coloured in [({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]:
            with self.subTest(environment):
                shown = self.on_a_terminal([mxwardend.COMMAND, "--control", daemon.control_path, "bans", "list"],
                                           {"TERM": "xterm", "NO_COLOR": "", **environment})
                self.assertIn("203.0.113.9", shown)
                self.assertEqual("\x1b[1m" in shown, coloured, shown)
        self.assertNotIn("\x1b", self.good(daemon.cli("bans", "list", TERM="xterm", NO_COLOR="")))

    @staticmethod
    def on_a_terminal(command, environment):
        ours, theirs = os.openpty()
        try:
            with subprocess.Popen(command, stdout=theirs, env={**os.environ, **environment}) as process:
                assert process.wait(timeout=10) == 0
            return os.read(ours, 100_000).decode()
        finally:
            os.close(ours)
            os.close(theirs)


class Completion(unittest.TestCase):
    """cli/mxwarden.bash-completion, in a real bash."""

    SCRIPT = mxwardend.SOURCE / "cli" / "mxwarden.bash-completion"

    def complete(self, line):
        """What bash offers at the end of the line."""
        words = line.split(" ")
        done = subprocess.run(
            ["bash", "-uc", 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mxwarden; '
             'printf "%s\\n" "${COMPREPLY[@]}"', self.SCRIPT, *words],
            capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash_knows_whom_to_ask(self):
        done = subprocess.run(["bash", "-c", 'source "$0"; complete -p mxwarden', self.SCRIPT], capture_output=True,
                              text=True, check=True)
        self.assertEqual(done.stdout, "complete -F _mxwarden mxwarden\n")

    def test_what_is_offered(self):
        general = ["--control", "--json", "--help", "--version"]
        for line, offered in [
                ("mxwarden ", ["status", "top", "explain", "tail", "bans", "grants", "listings", "reload"]),
                ("mxwarden b", ["bans"]),
                ("mxwarden --json ", ["status", "top", "explain", "tail", "bans", "grants", "listings", "reload"]),
                ("mxwarden --control /run/x l", ["listings"]),
                ("mxwarden bans ", ["list", "add", "remove"]),
                ("mxwarden grants r", ["remove"]),
                ("mxwarden status ", []),
                ("mxwarden bans add ", []),
                ("mxwarden bans list --format ip", ["iptables", "ip6tables"]),
                ("mxwarden bans add --", [*general, "--for", "--reason", "--force"]),
                ("mxwarden bans add 192.0.2.1 --re", ["--reason"]),
                ("mxwarden bans add 192.0.2.1 --reason ", []),
                ("mxwarden bans add 192.0.2.1 --for 1", ["10m", "1h", "1d"]),
                ("mxwarden explain --cl", ["--client", "--client-name"]),
                ("mxwarden explain --client 192.0.2.1 --context r", ["relay"]),
                ("mxwarden explain --state E", ["EHLO", "END-OF-MESSAGE", "ETRN"]),
                ("mxwarden top -", [*general, "--by", "-n", "--since", "--here"]),
                ("mxwarden explain --sender a @ b.example --rec", ["--recipient"]),
                ("mxwarden top --by = ra", ["rate"]),
                ("mxwarden top --by r", ["rejected", "rate"]),
                ("mxwarden top -n ", []),
                ("mxwarden top -n 5 --since 1", ["1h", "12h", "1d"]),
                ("mxwarden --ver", ["--version"]),
                ("mxwarden --control /etc/host", ["/etc/host.conf", "/etc/hostname", "/etc/hosts"]),
        ]:
            with self.subTest(line):
                self.assertEqual(sorted(set(self.complete(line)) & set(offered) if "/etc" in line
                                        else self.complete(line)),
                                 sorted([path for path in offered if "/etc" not in path or os.path.exists(path)]))

    def test_it_offers_what_the_command_takes(self):
        for line in mxwardend.command("--help").stdout.splitlines():
            usage = re.match(r"  (\w+)( list| add| remove)?(.*)", line)
            if line == "Options:":
                break
            if not usage or line.startswith("      "):
                continue
            noun, verb, rest = usage.groups()
            with self.subTest(line):
                self.assertIn(noun, self.complete("mxwarden "))
                if verb:
                    self.assertIn(verb.strip(), self.complete(f"mxwarden {noun} "))
                own = set(self.complete(f"mxwarden {noun}{verb or ''} --")) - {"--control", "--json", "--help",
                                                                                "--version"}
                self.assertEqual(own, set(re.findall(r"--[\w-]+", rest)))


if __name__ == "__main__":
    case.main()
