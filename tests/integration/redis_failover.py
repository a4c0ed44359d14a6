"""Redis with sentinels, while the nodes are asked without pause: the master is killed, hangs and comes back, or is sent
away by the operator; or the sentinels are gone. Each question is answered in time, and afterwards the nodes count
together in the new master."""

import contextlib
import re

from support import case, cluster, redis, waiting

REPLICA_PORT = 6380
SENTINEL_PORTS = (26379, 26380, 26381)

ADMITTED, REFUSED = cluster.ADMITTED, cluster.REFUSED

# An election may fail and come again.
FAILOVER_TAKES = 30


class FailoverTestCase(case.TestCase):
    """A master, a replica, three sentinels that know each other, and two nodes that count in the master."""

    def setUp(self):
        folder = self.own_folder()
        self.master = self.enterContext(redis.RedisServer(folder, "repl-diskless-sync-delay 0"))
        self.replica = self.enterContext(redis.RedisServer(folder, "repl-diskless-sync-delay 0",
                                                           f"replicaof 127.0.0.1 {self.master.port}",
                                                           port=REPLICA_PORT))
        waiting.until(self.is_following, "the replica to follow")
        self.sentinels = [self.enterContext(redis.Sentinel(folder, port)) for port in SENTINEL_PORTS]
        waiting.until(self.is_watched, "the sentinels to know each other and the replica")
        conf = cluster.CLIENT_RATE + redis.settings(master=redis.MASTER_NAME,
                                            sentinels=" ".join(f"127.0.0.1:{port}" for port in SENTINEL_PORTS))
        self.nodes = [cluster.Node(self, number, conf, cluster.ACCESS) for number in range(2)]
        for node in self.nodes:
            node.wait_store("redis")

    def is_following(self):
        return self.replica.ask("ROLE")[3] == "connected"

    def is_watched(self):
        known = [sentinel.master() for sentinel in self.sentinels]
        return all((master["num-other-sentinels"], master["num-slaves"], master["flags"]) == ("2", "1", "master")
                   for master in known)

    def count_before(self):
        """Four connections of a client, which the replica has heard of."""
        self.assertEqual(cluster.in_turn(self.nodes, 4, "198.51.100.4"), [ADMITTED] * 4)
        offset = self.master.info("master_repl_offset")
        waiting.until(lambda: self.replica.info("slave_repl_offset") >= offset, "the replica to be told")

    def wait_counting_in(self, server):
        """Until all nodes have gone there."""
        for node in self.nodes:
            waiting.until(lambda node=node: node.said("info")[-1].endswith(connected(server)),
                          f"a node to go to port {server.port}", FAILOVER_TAKES)
            node.wait_store("redis")

    def wait_demoted(self):
        """Until the old master is a replica and all sentinels know: one that does not would demote it once more."""
        def is_known():
            replicas = [replica for sentinel in self.sentinels for replica in sentinel.replicas()]
            return all((replica["role-reported"], replica["flags"]) == ("slave", "slave") for replica in replicas)

        waiting.until(lambda: self.master.role() == "slave" and is_known(), "the old master to become a replica",
                      FAILOVER_TAKES)

    def check_shared(self, server, counted_before=4):
        """A limit is that of both nodes together, in this server; what was counted before counts."""
        left = 10 - counted_before
        self.assertEqual(cluster.in_turn(self.nodes, left + 2, "198.51.100.4"), [ADMITTED] * left + [REFUSED] * 2)
        self.assertEqual(cluster.in_turn(self.nodes, 12, "198.51.100.10"), [ADMITTED] * 10 + [REFUSED] * 2)
        self.assertIn("mxw:3{client:198.51.100.10}client_rate/1h", server.keys())

    def check_told(self, *warnings, masters):
        """The log has these warnings alone, in this order, and that counts are shared in one master after the other."""
        for node in self.nodes:
            said = node.said("warning")
            self.assertEqual(len(said), len(warnings), said)
            for line, warning in zip(said, warnings):
                self.assertRegex(line, warning)
            said = node.said("info")
            self.assertEqual(len(said), len(masters), said)
            for line, master in zip(said, masters):
                self.assertTrue(line.endswith(connected(master)), line)


def connected(server):
    return f" redis {named(server)}: connected, counts are shared"


def away(server):
    return re.escape(f" redis {named(server)}: ") + ".*; what it cannot say is answered without it$"


def replaces(server, other):
    return re.escape(f" redis {named(server)}: replaces 127.0.0.1:{other.port}") + "$"


def named(server):
    return f"127.0.0.1:{server.port} (master {redis.MASTER_NAME})"


def counted(server):
    """Calls that counted something. Nodes call a script to put up their notices, too (store/redis_notice_board.hpp)."""
    return server.calls("evalsha") - server.calls("zremrangebyscore")


class Failover(FailoverTestCase):
    def test_a_master_that_is_killed_and_comes_back_empty_counts_nothing_more(self):
        self.count_before()
        with cluster.under_load(self, self.nodes):
            self.master.kill()
            for node in self.nodes:
                node.wait_store("embedded")
            self.wait_counting_in(self.replica)
            self.master.start()
            self.wait_demoted()
        self.assertEqual(counted(self.master), 0)
        self.check_shared(self.replica)
        self.check_told(away(self.master), replaces(self.replica, self.master),
                        masters=[self.master, self.replica])
        cluster.check_metrics(self, self.nodes)

    def test_a_master_that_hung_and_thaws_is_master_of_nobody(self):
        self.count_before()
        with cluster.under_load(self, self.nodes):
            self.master.pause()
            for node in self.nodes:
                node.wait_store("embedded")
            sent_to_master = self.calls()
            self.wait_counting_in(self.replica)
            self.master.resume()
            self.assertEqual(self.master.role(), "master")
            before = self.calls()
            self.wait_demoted()
            self.assertGreater(self.calls(), before)
        # What was on its way when it froze has reached it, and nothing since.
        self.assertLessEqual(counted(self.master), sent_to_master)
        # What it was sent and did not answer was not sent again.
        self.assertEqual(counted(self.replica), self.calls() - sent_to_master)
        self.check_shared(self.replica)
        self.check_told(away(self.master), replaces(self.replica, self.master),
                        masters=[self.master, self.replica])
        cluster.check_metrics(self, self.nodes)

    def calls(self):
        """That the nodes have sent, to whichever server."""
        return sum(node.metric("mxwarden_redis_calls_total") for node in self.nodes)

    def test_the_operator_may_send_the_master_away_and_bring_it_back(self):
        self.count_before()
        with cluster.under_load(self, self.nodes):
            self.fail_over()
            self.wait_counting_in(self.replica)
            self.wait_demoted()
            self.fail_over()
            self.wait_counting_in(self.master)
        self.check_shared(self.master)
        # Each node has closed the connection itself, for a better one.
        self.check_told(replaces(self.replica, self.master), replaces(self.master, self.replica),
                        masters=[self.master, self.replica, self.master])
        cluster.check_metrics(self, self.nodes)

    def fail_over(self):
        def is_begun():
            # It may not know yet that the replica is well.
            with contextlib.suppress(redis.Refused):
                return self.sentinels[0].ask("SENTINEL", "FAILOVER", redis.MASTER_NAME) == "OK"

        waiting.until(is_begun, "the sentinel to begin")

    def test_without_any_sentinel_the_nodes_count_on_and_they_hear_the_sentinels_again(self):
        self.count_before()
        before = self.fallbacks()
        with cluster.under_load(self, self.nodes) as loads:
            for sentinel in self.sentinels:
                sentinel.kill()
            for node in self.nodes:
                for port in SENTINEL_PORTS:
                    node.daemon.wait_log(f"warning: sentinel 127.0.0.1:{port}: ")
            for load in loads:
                load.wait_answers(300)
            self.assertEqual(cluster.in_turn(self.nodes, 4, "198.51.100.4"), [ADMITTED] * 4)
            for sentinel in self.sentinels:
                sentinel.start()
            for node in self.nodes:
                for port in SENTINEL_PORTS:
                    node.daemon.wait_log(f"info: sentinel 127.0.0.1:{port}: is heard again")
            self.assertEqual(self.fallbacks(), before)
            waiting.until(self.is_watched, "the sentinels to know each other again")
            self.fail_over()
            self.wait_counting_in(self.replica)
        self.check_shared(self.replica, counted_before=8)
        self.check_told(replaces(self.replica, self.master), masters=[self.master, self.replica])
        cluster.check_metrics(self, self.nodes)

    def fallbacks(self):
        return [node.metric("mxwarden_store_fallback_total") for node in self.nodes]


if __name__ == "__main__":
    case.main()
