"""Several mxwardend that count in one Redis: what a limit admits, it admits once for all of them."""

import concurrent.futures
import pathlib
import re
import time

from support import case, cluster, confs, mxwardend, redis, waiting

CLIENT_RATE = """
[client_rate]
limit = 10
window = 1m
"""

# Each kind of count that Redis keeps.
EVERY_KIND = """
[client_rate]
limit = 1000 10000
window = 1m 1h
[limit volume]
key = sender
stage = END-OF-MESSAGE
count = bytes
window = 1h
limit = 1000000
action = 452 4.3.1 Enough for now
""" + confs.HARVEST

ADMITTED, REFUSED = cluster.ADMITTED, cluster.REFUSED


class ClusterTestCase(case.TestCase):
    """`self.redis` is empty at the beginning of each test."""

    lines = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.redis = cls.enterClassContext(redis.RedisServer(cls.folder, *cls.lines))

    def setUp(self):
        self.redis.ask("FLUSHALL")

    def nodes(self, *texts):
        """One for each configuration, as soon as all of them count in Redis."""
        nodes = [cluster.Node(self, number, conf) for number, conf in enumerate(texts)]
        for node in nodes:
            node.wait_store("redis")
        return nodes

    def cluster(self, size, conf, **settings):
        return self.nodes(*[conf + redis.settings(**settings)] * size)


class OneCount(ClusterTestCase):
    def test_what_three_nodes_admit_together_is_what_one_would_admit(self):
        for label, addresses in [("IPv4", ["198.51.100.7"] * 3),
                                 ("IPv6, a network", [f"2001:db8:1:2::{node}" for node in (1, 2, 3)])]:
            with self.subTest(label):
                nodes = self.cluster(3, CLIENT_RATE)
                answers = [node.connect(address) for _ in range(10) for node, address in zip(nodes, addresses)]
                self.assertEqual(answers, [ADMITTED] * 10 + [REFUSED] * 20)
                for node in nodes:
                    node.disconnect()
                    node.daemon.stop()

    def test_nor_do_they_admit_more_when_they_are_asked_at_the_same_time(self):
        nodes = self.cluster(3, CLIENT_RATE)
        with concurrent.futures.ThreadPoolExecutor(len(nodes)) as threads:
            answers = threads.map(lambda node: [node.connect() for _ in range(50)], nodes)
            self.assertEqual(sum(answer.count(ADMITTED) for answer in answers), 10)

    def test_a_client_that_one_node_refuses_may_try_elsewhere_when_the_time_that_was_named_has_passed(self):
        one, other = self.cluster(2, "[client_rate]\nlimit = 3\nwindow = 2s\n")
        self.assertEqual([one.connect() for _ in range(4)], [ADMITTED] * 3 + [REFUSED])
        [decision] = one.daemon.wait_decisions(action="421")
        self.assertEqual((decision["count"], decision["limit"], decision["store"]), ("4", "3", "redis"))
        self.assertEqual(other.connect(), REFUSED)
        number, unit = re.fullmatch(r"(\d+)(ms|s)", decision["retry_after"]).groups()
        time.sleep(int(number) * {"ms": 0.001, "s": 1}[unit] + 0.05)
        self.assertEqual(other.connect(), ADMITTED)

    def test_a_login_has_one_count_whichever_node_it_comes_to(self):
        nodes = self.cluster(3, """
            [limit login]
            key = sasl_username
            stage = RCPT
            count = recipients
            window = 1d
            limit = 4
            when = logged in
            action = 450 4.7.1 Enough for today
            """)
        answers = [nodes[n % 3].ask(sasl_username="anna", client_address=f"198.51.100.{n}") for n in range(6)]
        self.assertEqual(answers, [ADMITTED] * 4 + ["450"] * 2)
        self.assertEqual(nodes[0].ask(sasl_username="bert"), ADMITTED)

    def test_distinct_recipients_are_distinct_over_all_nodes(self):
        one, other = self.cluster(2, EVERY_KIND)
        for node in (one, other, one):
            self.assertEqual([node.ask(recipient=f"user{n}@example.org") for n in range(3)], [ADMITTED] * 3)
        self.assertEqual(one.ask(recipient="user3@example.org"), "450")
        self.assertEqual(other.ask(recipient="user4@example.org"), "450")
        self.assertEqual(other.ask(recipient="user0@example.org"), ADMITTED)

    def test_bytes_of_a_sender_add_up(self):
        nodes = self.cluster(2, EVERY_KIND)
        answers = [node.ask(protocol_state="END-OF-MESSAGE", size=400000) for node in nodes + nodes]
        self.assertEqual(answers, [ADMITTED, ADMITTED, "452", "452"])


class Apart(ClusterTestCase):
    def check_apart(self, one, other):
        for node in self.nodes(CLIENT_RATE + one, CLIENT_RATE + other):
            self.assertEqual([node.connect() for _ in range(11)], [ADMITTED] * 10 + [REFUSED])

    def test_clusters_with_different_prefixes_do_not_meet(self):
        self.check_apart(redis.settings(prefix="east"), redis.settings(prefix="west"))
        for prefix in ("east", "west"):
            self.assertIn(f"{prefix}:3{{client:198.51.100.7}}client_rate/60s", self.redis.keys())

    def test_clusters_in_different_databases_do_not_meet(self):
        self.check_apart(redis.settings(), redis.settings(db=3))
        keyspace = dict(re.findall(r"^(db\d+):keys=(\d+)", self.redis.ask("INFO", "keyspace"), re.MULTILINE))
        self.assertEqual(set(keyspace), {"db0", "db3"})

    def test_each_node_applies_the_limit_of_its_own_to_what_all_have_counted(self):
        strict, generous = self.nodes("[client_rate]\nlimit = 5\nwindow = 1m\n" + redis.settings(),
                                      "[client_rate]\nlimit = 10\nwindow = 1m\n" + redis.settings())
        self.assertEqual([strict.connect() for _ in range(6)], [ADMITTED] * 5 + [REFUSED])
        self.assertEqual([generous.connect() for _ in range(6)], [ADMITTED] * 5 + [REFUSED])
        self.assertEqual(strict.connect(), REFUSED)

    def test_counts_of_different_windows_are_different_counts(self):
        for node in self.nodes(CLIENT_RATE + redis.settings(),
                               "[client_rate]\nlimit = 10\nwindow = 2m\n" + redis.settings()):
            self.assertEqual([node.connect() for _ in range(11)], [ADMITTED] * 10 + [REFUSED])


class WhatStays(ClusterTestCase):
    def test_a_node_that_is_restarted_or_killed_finds_the_counts_as_they_are(self):
        one, other = self.cluster(2, CLIENT_RATE)
        self.assertEqual([node.connect() for _ in range(3) for node in (one, other)], [ADMITTED] * 6)
        one.restart(one.daemon.stop)
        self.assertEqual([node.connect() for node in (one, other)], [ADMITTED] * 2)
        one.restart(one.daemon.kill)
        self.assertEqual([node.connect() for node in (one, other, one, other)], [ADMITTED] * 2 + [REFUSED] * 2)

    def test_a_reload_keeps_the_counts_too(self):
        [node] = self.cluster(1, CLIENT_RATE)
        self.assertEqual([node.connect() for _ in range(4)], [ADMITTED] * 4)
        node.daemon.write(node.conf.replace("limit = 10", "limit = 5"))
        node.daemon.reload()
        self.assertEqual([node.connect() for _ in range(2)], [ADMITTED, REFUSED])

    def test_while_redis_is_away_each_node_counts_for_itself_and_afterwards_they_share_again(self):
        nodes = self.cluster(2, CLIENT_RATE)
        self.redis.kill()
        for node in nodes:
            self.assertEqual([node.connect() for _ in range(11)], [ADMITTED] * 10 + [REFUSED])
        self.redis.start()
        for node in nodes:
            node.wait_store("redis")
        answers = [node.connect() for _ in range(6) for node in nodes]
        self.assertEqual(answers, [ADMITTED] * 10 + [REFUSED] * 2)

    def test_keys_are_named_as_the_manual_says_and_each_has_an_end(self):
        [node] = self.cluster(1, EVERY_KIND)
        self.redis.ask("FLUSHALL")
        node.ask(client_address="192.0.2.7")
        node.ask(client_address="192.0.2.7", protocol_state="END-OF-MESSAGE", size=2000)
        keys = self.redis.ask("KEYS", "mxw:3*")
        self.assertIn("mxw:3{client:192.0.2.7}client_rate/60s,1h", keys)
        self.assertIn("mxw:3{client:192.0.2.7}good_record/30d", keys)
        self.assertEqual(len(keys), 4, keys)
        for key in keys:
            # One slice more than its longest window.
            window = 30 * 86400 if "good_record" in key else 3600
            self.assertTrue(window - 10 < self.redis.ask("PTTL", key) / 1000 <= window * 13 / 12 + 0.001, key)

    def test_nothing_is_left_when_the_windows_have_passed(self):
        [node] = self.cluster(1, "[client_rate]\nlimit = 10\nwindow = 1s\n")
        for host in range(100):
            node.connect(f"198.51.100.{host}")
        self.assertGreaterEqual(len(self.redis.ask("KEYS", "mxw:3*")), 100)
        waiting.until(lambda: not self.redis.ask("KEYS", "mxw:3*"), "the keys to end")


class LeastRights(ClusterTestCase):
    """The user of docs/redis.md, over a unix socket."""

    password = "open-sesame"

    @classmethod
    def setUpClass(cls):
        manual = (pathlib.Path(__file__).parents[2] / "docs/redis.md").read_text()
        [cls.acl] = re.findall(r"^ *(user mxwarden .*)$", manual, re.MULTILINE)
        cls.lines = [cls.acl.replace(">PASSWORD", f">{cls.password}")]
        super().setUpClass()

    def test_the_documented_user_may_do_all_that_is_needed_and_nothing_else(self):
        password_file = self.own_folder() / "password"
        password_file.write_text(f"{self.password}\n")
        [node] = self.cluster(1, EVERY_KIND, address=f"unix:{self.redis.path}", user="mxwarden",
                              password_file=password_file, db=1)
        self.redis.ask("CONFIG", "RESETSTAT")
        node.restart(node.daemon.stop)
        for arguments in (["add", "192.0.2.1", "--for", "1h", "--reason", "r"],
                          ["add", "192.0.2.2", "--for", "1h", "--reason", "r"], ["remove", "192.0.2.1"]):
            waiting.until(lambda: node.daemon.cli("bans", *arguments).returncode == 0, f"bans {arguments}")
        # Records are read as a whole at the start.
        node.restart(node.daemon.stop)
        waiting.until(lambda: node.connect("192.0.2.2") == "521", "the ban to be known again")
        for host in range(3):
            for user in range(6):
                node.ask(client_address=f"198.51.100.{host}", recipient=f"user{user}@example.org")
                node.ask(client_address=f"198.51.100.{host}", protocol_state="END-OF-MESSAGE", size=300000)
            # The script is to be sent again.
            self.redis.ask("SCRIPT", "FLUSH")
        checked = mxwardend.run("--config", node.daemon.conf_path, "--check-config")
        self.assertRegex(checked.stderr, "no limit to its memory")
        self.assertEqual(self.redis.ask("ACL", "LOG"), [])
        local = [decision for decision in node.daemon.decisions(store="embedded")
                 if decision["client"].startswith("198.51.100.")]
        self.assertEqual(local, [])
        granted = set(re.findall(r"\+([a-z|]+)", self.acl))
        self.assertEqual(granted - self.used(), set())

    def used(self):
        """Commands that were called since the statistics were reset, those inside of scripts, too."""
        return set(re.findall(r"^cmdstat_([a-z|]+):", self.redis.ask("INFO", "commandstats"), re.MULTILINE))


if __name__ == "__main__":
    case.main()
