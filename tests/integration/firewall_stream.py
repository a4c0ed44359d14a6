"""mxwarden-firewall and whoever speaks to it: a mad control stream, one that tells nothing, none at all; what it may
do, what it prints, and what it only says."""

import contextlib
import json
import os
import pathlib
import re
import socket
import threading
import time

from support import case, firewall, network, waiting

TRUSTED = "198.51.100.0/28"
CONF = f"""
[client]
trusted = {TRUSTED}
[firewall]
min_ban = 1s
"""
HOUR_MS = 3_600_000


class Stream:
    """In the place of mxwardend's control socket: says what it is told to say to each who connects and asks to follow,
    and takes reports."""

    def __init__(self, path):
        self.path = path
        self.followers = []
        self.reports = []
        self.answer_to_reports = {"ok": True}
        self.asked = 0
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(100)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.hang_up()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection):
        with contextlib.ExitStack() as stack, connection.makefile("rb") as lines:
            stack.enter_context(connection)
            for line in lines:
                asked = json.loads(line)
                if asked["op"] == "bans.follow":
                    self.asked += 1
                    connection.sendall(b'{"ok":true,"proto":1}\n')
                    self.followers.append(connection)
                    stack.pop_all()
                    return
                self.reports.append(asked)
                connection.sendall(json.dumps(self.answer_to_reports).encode() + b"\n")

    def say(self, *lines):
        """To the one who follows; objects, or bytes as they are."""
        waiting.until(lambda: self.followers, "somebody to follow")
        data = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
        # It may leave at any word.
        with contextlib.suppress(OSError):
            self.followers[-1].sendall(data)

    def hang_up(self):
        while self.followers:
            with contextlib.suppress(OSError):
                self.followers.pop().close()


def net(text, left_ms=HOUR_MS, **more):
    return {"net": text, "left_ms": left_ms, **more}


def snapshot(epoch, *nets):
    return [{"snapshot": "begin", "epoch": epoch}, *map(net, nets), {"snapshot": "end"}]


def listed():
    """The table as nft(8) shows it, but for times and counts."""
    text = firewall.nft("--stateless", "list", "table", "inet", firewall.TABLE)
    return re.sub(r"timeout \S*?(?=[, \n])", "timeout", text)


class StreamTestCase(case.TestCase):
    conf = CONF
    arguments = ()

    def setUp(self):
        folder = self.own_folder()
        self.addCleanup(firewall.nft, "flush", "ruleset")
        self.stream = self.enterContext(Stream(folder / "control"))
        self.firewall = self.enterContext(
            firewall.Firewall(folder, self.stream.path, *self.arguments, conf=self.conf))


class MadStream(StreamTestCase):
    def begin(self):
        self.stream.say(*snapshot(1000, "203.0.113.7"))
        firewall.wait_bans(["203.0.113.7"])

    def test_what_is_no_word_of_mxwardend_ends_the_connection_and_bans_nothing(self):
        for name, line in {
            "no JSON": b"nonsense\n",
            "no object": b"[1,2]\n",
            "no known word": b'{"flush":"all"}\n',
            "a number": b'{"add":7}\n',
            "no net": b'{"add":{"net":"203.0.113.256","left_ms":3600000}}\n',
            "host bits": b'{"add":{"net":"203.0.113.9/24","left_ms":3600000}}\n',
            "no time": b'{"add":{"net":"203.0.113.9"}}\n',
            "time below zero": b'{"add":{"net":"203.0.113.9","left_ms":-5}}\n',
            "time as text": b'{"add":{"net":"203.0.113.9","left_ms":"1h"}}\n',
            "an epoch that no clock shows": b'{"snapshot":"begin","epoch":9223372036854775807}\n',
            "a fraction": b'{"add":{"net":"203.0.113.9","left_ms":1e400}}\n',
            "nft syntax": b'{"add":{"net":"203.0.113.9; flush ruleset","left_ms":3600000}}\n',
            "zero bytes": b'{"add":{"net":"203.0.113.9\\u0000","left_ms":3600000}}\n',
            "nesting": b'{"add":' * 3000 + b"\n",
            "a line without end": b"x" * 200_000,
        }.items():
            with self.subTest(name):
                self.stream.hang_up()
                before = self.stream.asked
                waiting.until(lambda: self.stream.followers, "it to come")
                asked = self.stream.asked
                self.begin_again()
                self.stream.say(line)
                waiting.until(lambda: self.stream.asked > asked, f"it to leave after {line[:50]}, and to come again")
                self.assertGreater(asked, before)
                self.assertEqual(firewall.bans(), {"203.0.113.7"})

    def begin_again(self):
        self.stream.say(*snapshot(int(time.time() * 1000), "203.0.113.7"))
        firewall.wait_bans(["203.0.113.7"])

    def test_what_must_not_be_banned_is_not(self):
        self.begin()
        guarded = ["0.0.0.0/0", "::/0", "203.0.0.0/16", "2001:db8::/32", network.SERVER, f"{network.SERVER}/32",
                   "192.0.2.0/24", network.SERVER6, "2001:db8:25::/64", "127.0.0.1", "::1", "10.0.0.0/24", "192.168.7.7",
                   "fe80::/64", TRUSTED, "198.51.100.5", "198.51.100.0/24"]
        self.stream.say(*({"add": net(one)} for one in guarded), {"add": net("203.0.113.8")})
        firewall.wait_bans(["203.0.113.7", "203.0.113.8"])
        self.stream.say(*snapshot(2000, *guarded, "203.0.113.9"))
        firewall.wait_bans(["203.0.113.9"])
        waiting.until(lambda: self.stream.reports and self.stream.reports[-1]["guarded"] == len(guarded) - 1,
                      "the report of what was guarded", 8)

    def test_what_breaks_off_takes_nothing_away(self):
        self.begin()
        self.stream.say({"snapshot": "begin", "epoch": 2000}, net("203.0.113.8"))
        firewall.wait_bans(["203.0.113.7", "203.0.113.8"])
        self.stream.hang_up()
        self.stream.say(*snapshot(1000))
        time.sleep(0.3)
        self.assertEqual(firewall.bans(), {"203.0.113.7", "203.0.113.8"})
        self.stream.say(*snapshot(3000, "203.0.113.9"))
        firewall.wait_bans(["203.0.113.9"])

    def test_a_shorter_repeat_never_shortens(self):
        self.begin()
        self.stream.say({"add": net("203.0.113.8", 2 * HOUR_MS)}, {"add": net("203.0.113.8", 60_000)},
                        {"add": net("203.0.113.9")})
        firewall.wait_bans(["203.0.113.7", "203.0.113.8", "203.0.113.9"])
        self.assertGreater(firewall.elements("ban4")["203.0.113.8"], 3600)

    def test_a_flood_of_words_is_taken_to_its_end(self):
        self.begin()
        lines = []
        for n in range(20_000):
            lines += [{"add": net(f"203.0.113.{n % 200}")}, {"remove": f"203.0.113.{n % 200}"}]
        self.stream.say(*lines, {"add": net("203.0.113.250")})
        firewall.wait_bans(["203.0.113.250"])


    def test_a_report_that_mxwardend_does_not_take_is_said_once(self):
        self.stream.answer_to_reports = {"ok": False, "error": "`mode' is missing"}
        for epoch in (1, 2, 3):  # each list is followed by a report
            self.stream.say(*snapshot(epoch, "203.0.113.7"))
            waiting.until(lambda: len(self.stream.reports) >= epoch, "a report", 8)
        self.assertEqual(len(self.firewall.wait_log("do not know how the kernel is: .*`mode' is missing")), 1)


class Adopted(StreamTestCase):
    def test_whom_the_guard_names_by_now_is_let_in_before_mxwardend_is_heard(self):
        self.stream.say(*snapshot(1, "203.0.113.7", "203.0.113.8", "203.0.113.9", "203.0.113.0/28"))
        firewall.wait_bans(["203.0.113.7", "203.0.113.8", "203.0.113.9", "203.0.113.0/28"])
        self.firewall.kill()
        network.run("ip", "addr", "add", "203.0.113.7/32", "dev", "lo")
        self.addCleanup(network.run, "ip", "addr", "del", "203.0.113.7/32", "dev", "lo")
        self.firewall.conf_path.write_text(CONF.replace(TRUSTED, f"{TRUSTED} 203.0.113.8"))
        self.firewall.start()
        firewall.wait_bans(["203.0.113.9", "203.0.113.0/28"])


class Capped(StreamTestCase):
    conf = CONF + "max_elements = 100\n"

    def test_of_more_than_max_elements_those_that_end_soonest_give_way(self):
        nets = [net(f"203.0.113.{n}", HOUR_MS + n * 60_000) for n in range(250)]
        self.stream.say({"snapshot": "begin", "epoch": 1}, *nets, {"snapshot": "end"})
        firewall.wait_bans(f"203.0.113.{n}" for n in range(150, 250))
        self.stream.say({"add": net("198.51.100.99", 100 * HOUR_MS)})
        firewall.wait_bans(["198.51.100.99", *(f"203.0.113.{n}" for n in range(151, 250))])


class Monitor(StreamTestCase):
    arguments = ("--set", "firewall.mode=monitor")

    def test_it_says_what_it_would_do_and_does_nothing(self):
        self.stream.say(*snapshot(1, "203.0.113.7", "203.0.113.0/28"))
        self.firewall.wait_log("would=drop set=ban4 net=203.0.113.7 for=")
        self.firewall.wait_log("would=drop set=net4 net=203.0.113.0-203.0.113.15 for=")
        self.stream.say({"remove": "203.0.113.7"})
        self.firewall.wait_log("would=accept set=ban4 net=203.0.113.7")
        self.assertFalse(firewall.has_table())


class Modes(StreamTestCase):
    def test_a_reload_to_monitor_removes_the_table_and_back_makes_it(self):
        self.stream.say(*snapshot(1, "203.0.113.7"))
        firewall.wait_bans(["203.0.113.7"])
        for mode in ("monitor", "off"):
            self.reload(f"mode = {mode}\n")
            self.assertFalse(firewall.has_table())
        self.reload("mode = enforce\n")
        self.stream.say(*snapshot(2, "203.0.113.8"))
        firewall.wait_bans(["203.0.113.8"])

    def test_a_bad_file_leaves_the_old_settings_in_force(self):
        before = len(self.firewall.log())
        self.firewall.conf_path.write_text(CONF + "ports = smtp\n")
        self.firewall.signal()
        self.firewall.wait_log("not reloaded: the old settings stay in force", before)
        self.stream.say(*snapshot(1, "203.0.113.7"))
        firewall.wait_bans(["203.0.113.7"])

    def reload(self, lines):
        before = len(self.firewall.log())
        self.stream.hang_up()
        self.firewall.conf_path.write_text(CONF + lines)
        self.firewall.signal()
        self.firewall.wait_log("reloaded", before)


class Foreign(case.TestCase):
    def test_a_table_of_somebody_elses_is_left_alone(self):
        self.addCleanup(firewall.nft, "flush", "ruleset")
        firewall.nft("-f", "-", text="table inet filter { chain in { type filter hook input priority 0; policy accept; "
                                     "tcp dport 7 drop; }; }")
        before = firewall.nft("list", "ruleset")
        folder = self.own_folder()
        stream = self.enterContext(Stream(folder / "control"))
        with firewall.Firewall(folder, stream.path, "--set", "firewall.table=filter", conf=CONF) as worker:
            stream.say(*snapshot(1, "203.0.113.7"))
            worker.wait_log("it is another's; delete it, or name another in \\[firewall\\] table")
            self.assertEqual(firewall.nft("list", "ruleset"), before)
        done = firewall.run("--flush", "--set", "firewall.table=filter")
        self.assertEqual(done.returncode, 71, done)
        self.assertEqual(firewall.nft("list", "ruleset"), before)


class Off(StreamTestCase):
    arguments = ("--set", "firewall.mode=off")

    def test_it_does_nothing_and_takes_no_time_for_it(self):
        network.run("ip", "addr", "add", "192.0.2.77/32", "dev", "lo")
        self.addCleanup(network.run, "ip", "addr", "del", "192.0.2.77/32", "dev", "lo")
        before = self.processor_time()
        time.sleep(0.5)
        self.assertLess(self.processor_time() - before, 0.1)
        self.assertEqual(self.stream.asked, 0)

    def processor_time(self):
        fields = pathlib.Path(f"/proc/{self.firewall.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Privileges(StreamTestCase):
    def test_it_has_one_capability_and_can_gain_none(self):
        status = dict(line.split(":\t", 1) for line in
                      pathlib.Path(f"/proc/{self.firewall.pid}/status").read_text().splitlines())
        net_admin = 1 << 12
        for name in ("CapInh", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)
        for name in ("CapPrm", "CapEff", "CapBnd"):
            self.assertEqual(int(status[name], 16), net_admin, name)
        self.assertEqual(status["NoNewPrivs"].strip(), "1")
        for task in pathlib.Path(f"/proc/{self.firewall.pid}/task").iterdir():
            self.assertIn(f"CapEff:\t{net_admin:016x}", (task / "status").read_text())

    def test_without_the_capability_it_says_so_and_ends(self):
        command = firewall.command(self.firewall.conf_path, self.stream.path)
        done = firewall.run_as_nobody(self.own_folder(), *command[1:])
        self.assertEqual(done.returncode, 77, done)
        self.assertIn("CAP_NET_ADMIN", done.stderr)


class NoSuchUser(StreamTestCase):
    arguments = ("--set", "server.firewall_user=nobody-of-that-name")

    def test_it_says_so_and_goes_on(self):
        self.firewall.wait_log("firewall_user = nobody-of-that-name: there is no such user")
        self.stream.say(*snapshot(1, "203.0.113.7"))
        firewall.wait_bans(["203.0.113.7"])


class DryRun(case.TestCase):
    def test_it_prints_what_nft_takes_and_asks_no_kernel(self):
        daemon = self.mxwardend()
        for one in ("203.0.113.7", "2001:db8:1:2::/64", "203.0.113.32/28", "203.0.113.33/32", "203.0.113.64/26"):
            done = daemon.cli("bans", "add", one, "--for", "1h", "--reason", "r")
            self.assertEqual(done.returncode, 0, done)
        done = firewall.run("--dry-run", "--set", f"server.control={daemon.control_path}")
        self.assertEqual(done.returncode, 0, done)
        self.assertFalse(firewall.has_table())
        self.addCleanup(firewall.nft, "flush", "ruleset")
        firewall.nft("-f", "-", text=done.stdout)
        self.assertEqual(firewall.bans(), {"203.0.113.7", "203.0.113.33", "2001:db8:1:2::", "203.0.113.32/28",
                                           "203.0.113.64/26"})
        by_nft = listed()
        firewall.nft("flush", "ruleset")
        with firewall.Firewall(self.own_folder(), daemon.control_path):
            waiting.until(lambda: firewall.has_table() and len(firewall.bans()) == 5, "the bans")
            self.assertEqual(listed(), by_nft)

    def test_what_is_left_out_is_said(self):
        daemon = self.mxwardend()
        daemon.cli("bans", "add", "203.0.113.7", "--for", "5m", "--reason", "r")
        daemon.cli("bans", "add", network.SERVER, "--for", "1h", "--reason", "r", "--force")
        done = firewall.run("--dry-run", "--set", f"server.control={daemon.control_path}")
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("1 bans left out: they are shorter than [firewall] min_ban", done.stderr)
        self.assertIn("1 bans left out: they cover what is trusted", done.stderr)

    def test_without_mxwardend_it_says_where_it_looked(self):
        done = firewall.run("--dry-run", "--set", "server.control=/nowhere/control.sock")
        self.assertEqual(done.returncode, 69, done)
        self.assertIn("/nowhere/control.sock", done.stderr)


class CommandLine(case.TestCase):
    def test_help_version_and_faults(self):
        helped = firewall.run("--help")
        self.assertEqual(helped.returncode, 0)
        for word in ("--dry-run", "--flush", "--check-config", "--config", "--set"):
            self.assertIn(word, helped.stdout)
        self.assertEqual(firewall.run("--version").returncode, 0)
        self.assertEqual(firewall.run("--dry-run", "--flush").returncode, 64)
        self.assertEqual(firewall.run("--nonsense").returncode, 64)
        wrong = firewall.run("--check-config", "--set", "firewall.ports=smtp")
        self.assertEqual(wrong.returncode, 78)
        self.assertIn("write a whole number from 1 to 65535", wrong.stdout + wrong.stderr)


if __name__ == "__main__":
    case.main()
