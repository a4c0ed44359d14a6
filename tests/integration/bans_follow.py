"""bans.follow at the control socket: who enforces the bans elsewhere knows all of them, and each that comes or goes."""

import json
import socket
import time

from support import case, cluster, redis, waiting

HOUR_MS = 3_600_000
MANY = 50_000
# As many answers as a socket takes while nobody reads.
AT_ONCE = 500
# A ban is heard so soon, though the machine be busy.
HEARD_WITHIN = 1.0
# A decision waits for at most this long while a snapshot is sent.
DECIDED_WITHIN = 0.25


class Follower:
    """A connection that follows, and what it believes, as the protocol says."""

    def __init__(self, daemon):
        self.bans = {}
        self.lengths = {}
        self.epochs = []
        self._listed = {}
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(15)
        self._socket.connect(str(daemon.control_path))
        self._socket.sendall(b'{"op":"bans.follow"}\n')
        self._lines = self._socket.makefile("rb")
        assert json.loads(self._lines.readline()) == {"ok": True, "proto": 1}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._lines.close()
        self._socket.close()

    def line(self):
        line = json.loads(self._lines.readline())
        match line:
            case {"snapshot": "begin", "epoch": int(epoch)}:
                self._listed = {}
                self.epochs.append(epoch)
            case ({"net": str(net), "left_ms": int(left), "length_ms": int(length)} |
                  {"add": {"net": str(net), "left_ms": int(left), "length_ms": int(length)}}):
                assert length >= left, line
                self.bans[net] = self._listed[net] = left
                self.lengths[net] = length
            case {"snapshot": "end"}:
                self.bans = dict(self._listed)
            case {"remove": str(net)}:
                self.bans.pop(net, None)
                self._listed.pop(net, None)
            case {"heartbeat": int(epoch)}:
                assert epoch in (0, *self.epochs), line
            case _:
                raise AssertionError(line)
        return line

    def until(self, wanted):
        """Reads on until wanted(line); how many lines that were."""
        count = 1
        while not wanted(self.line()):
            count += 1
        return count

    def snapshot(self):
        return self.until(lambda line: line == {"snapshot": "end"})


class Bans(case.TestCase):
    def told(self, daemon, *arguments):
        done = daemon.cli(*arguments)
        self.assertEqual(done.returncode, 0, done)

    def ban(self, daemon, net, lasts="1h"):
        self.told(daemon, "bans", "add", net, "--for", lasts, "--reason", "r")

    def test_what_comes_and_goes_is_heard_at_once(self):
        daemon = self.mxwardend()
        self.ban(daemon, "203.0.113.0/24")
        self.ban(daemon, "2001:db8::/64")
        with Follower(daemon) as follower:
            follower.snapshot()
            self.assertEqual(set(follower.bans), {"203.0.113.0/24", "2001:db8::/64"})
            for left in follower.bans.values():
                self.assertAlmostEqual(left, HOUR_MS, delta=30_000)
            began = time.time()
            self.ban(daemon, "203.0.113.9", "2s")
            follower.until(lambda line: "add" in line)
            self.assertLess(time.time() - began, HEARD_WITHIN)
            self.assertAlmostEqual(follower.bans["203.0.113.9"], 2000, delta=500)
            self.assertEqual(follower.lengths,
                             {"203.0.113.0/24": HOUR_MS, "2001:db8::/64": HOUR_MS, "203.0.113.9": 2000})
            self.told(daemon, "bans", "remove", "203.0.113.0/24")
            self.assertEqual(follower.line(), {"remove": "203.0.113.0/24"})
            follower.until(lambda line: line == {"remove": "203.0.113.9"})
            self.assertAlmostEqual(time.time() - began, 3, delta=1.2)
            follower.until(lambda line: line == {"heartbeat": follower.epochs[0]})
            self.assertAlmostEqual(time.time() - began, 5, delta=2)
            self.assertEqual(set(follower.bans), {"2001:db8::/64"})

    def test_a_long_snapshot_holds_nobody_up(self):
        daemon = self.mxwardend()
        nets = [f"203.{at >> 16}.{at >> 8 & 255}.{at & 255}" for at in range(MANY)]
        for start in range(0, MANY, AT_ONCE):
            answers = daemon.ask(*({"op": "records.add", "kind": "ban", "net": net, "for_ms": HOUR_MS, "reason": "r"}
                                   for net in nets[start:start + AT_ONCE]))
            self.assertEqual([answer["ok"] for answer in answers], [True] * AT_ONCE)
        with Follower(daemon) as asleep, Follower(daemon) as follower, daemon.client() as client:
            slowest = 0.0
            lines = 0
            while True:
                lines += 1
                if follower.line() == {"snapshot": "end"}:
                    break
                if lines % 500 == 0:
                    slowest = max(slowest, client.measure(client_address="198.51.100.1").seconds)
            self.assertEqual(list(follower.bans), nets)
            print(f"slowest decision during a snapshot of {MANY} bans: {slowest * 1000:.1f} ms")
            self.assertLess(slowest, DECIDED_WITHIN)
            # What has changed before the other has read a line of it is right in the end.
            self.told(daemon, "bans", "remove", nets[0])
            self.told(daemon, "bans", "remove", nets[-1])
            self.ban(daemon, "198.51.100.0/24")
            self.ban(daemon, "203.255.0.0/16")
            for one in (asleep, follower):
                one.until(lambda line: line.get("add", {}).get("net") == "203.255.0.0/16" or
                          line.get("net") == "203.255.0.0/16")
            asleep.snapshot()
            expected = {*nets[1:-1], "198.51.100.0/24", "203.255.0.0/16"}
            waiting.until(lambda: asleep.line() and set(asleep.bans) == expected, "the late reader to know all")
            self.assertEqual(set(follower.bans), expected)

    def test_a_daemon_that_goes_ends_the_stream(self):
        daemon = self.mxwardend()
        with Follower(daemon) as follower:
            follower.snapshot()
            daemon.stop()
            with self.assertRaises(json.JSONDecodeError):
                follower.line()
            daemon.start()
        with Follower(daemon) as again:
            again.snapshot()
            self.assertGreater(again.epochs[0], follower.epochs[0])


class Shared(case.TestCase):
    def test_a_new_snapshot_follows_when_the_others_can_be_heard_again(self):
        with redis.RedisServer(self.folder) as server:
            one, other = (cluster.Node(self, number, redis.settings()) for number in range(2))
            for node in (one, other):
                node.wait_store("redis")
                self.wait_current(node, "true")
            with Follower(one.daemon) as follower:
                follower.snapshot()
                done = other.daemon.cli("bans", "add", "203.0.113.9", "--for", "1h", "--reason", "r")
                self.assertEqual(done.returncode, 0, done)
                follower.until(lambda line: "add" in line)
                server.pause()
                try:
                    self.wait_current(one, "false")
                    # Its streams look each second.
                    time.sleep(1.2)
                finally:
                    server.resume()
                follower.snapshot()
                self.assertEqual(len(follower.epochs), 2)
                self.assertGreater(follower.epochs[1], follower.epochs[0])
                self.assertEqual(set(follower.bans), {"203.0.113.9"})

    @staticmethod
    def wait_current(node, wanted):
        waiting.until(lambda: f'"records_current":{wanted}' in node.daemon.cli("--json", "status").stdout,
                      f"a node's records to be current: {wanted}")


if __name__ == "__main__":
    case.main()
