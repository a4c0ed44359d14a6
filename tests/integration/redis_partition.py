"""Three nodes and Redis, each on a host of its own, and one node is cut off: it goes on from its own counts, the others
count together, and when it is healed it joins them by itself. What it counted meanwhile never comes to Redis."""

import time

from support import case, cluster, confs, lan, loads, postfix, redis, waiting

ADMITTED, REFUSED = cluster.ADMITTED, cluster.REFUSED

# In seconds: the longest wait between two attempts, and what a busy machine adds.
JOINS_WITHIN = 5 + 2


class PartitionTestCase(case.TestCase):
    """Redis is on a host of its own; `self.settings` say where."""

    def setUp(self):
        self.lan = self.enterContext(lan.Lan())
        host = self.lan.add_host()
        with host.inside():
            self.redis = self.enterContext(redis.RedisServer(self.own_folder(), "protected-mode no",
                                                             address=host.address))
        self.settings = redis.settings(address=f"inet:{host.address}:{redis.PORT}")


class CutOff(PartitionTestCase):
    """One of three nodes is cut off; `self.others` are not."""

    def setUp(self):
        super().setUp()
        hosts = [self.lan.add_host() for _ in range(3)]
        self.nodes = [cluster.Node(self, number, cluster.CLIENT_RATE + self.settings, cluster.ACCESS, host.inside)
                      for number, host in enumerate(hosts)]
        for node in self.nodes:
            node.wait_store("redis")
        self.host = hosts[0]
        self.node, *self.others = self.nodes

    def test_its_device_is_down(self):
        self.check(self.host.lose_device)

    def test_its_cable_is_out(self):
        self.check(self.host.unplug)

    def test_every_packet_is_lost(self):
        self.check(lambda: self.host.drop(lan.SENT, lan.RECEIVED))

    def test_what_it_sends_is_lost(self):
        self.check(lambda: self.host.drop(lan.SENT))

    def test_what_it_is_sent_is_lost(self):
        # Its last question comes to Redis, and is counted; the answer is lost.
        self.check(lambda: self.host.drop(lan.RECEIVED), lost_questions=[1])

    def check(self, cut, lost_questions=(0, 1)):
        """`lost_questions`: how many of those that Redis did not answer in time may be counted there all the same. The
        only one may still be on its way when the network is healed, and be delivered then."""
        self.assertEqual(cluster.in_turn(self.nodes, 3, "198.51.100.3"), [ADMITTED] * 3)
        cut()
        self.check_first_question("198.51.100.1")
        with cluster.under_load(self, self.nodes) as (load, *_):
            self.check_apart("198.51.100.3", counted_before=3)
            self.assertEqual([self.node.connect("198.51.100.4") for _ in range(4)], [ADMITTED] * 4)
            load.wait_answers(500)
            self.assertEqual(self.node.metric("mxwarden_redis_up"), 0)
            self.heal()
        self.check_shared("198.51.100.3", [0])
        self.check_shared("198.51.100.4", [10])
        self.check_shared("198.51.100.1", [10 - lost for lost in lost_questions])
        self.check_told(times=1)
        cluster.check_metrics(self, self.nodes)

    def check_first_question(self, client):
        """It waits for Redis, in vain, and then is answered by the node."""
        answer = self.node.measure(client)
        self.assertEqual(answer.action, ADMITTED)
        self.assertTrue(confs.DEADLINE * 0.9 < answer.seconds < confs.ANSWER_WITHIN + waiting.MARGIN, answer)

    def check_apart(self, client, counted_before):
        """The node begins anew; the others go on together, and hear nothing of what it counts."""
        left = 10 - counted_before
        self.assertEqual(cluster.in_turn(self.others, left - 1, client), [ADMITTED] * (left - 1))
        self.assertEqual(cluster.in_turn([self.node], 12, client), [ADMITTED] * 10 + [REFUSED] * 2)
        self.assertEqual(cluster.in_turn(self.others, 3, client), [ADMITTED] + [REFUSED] * 2)

    def heal(self):
        self.host.heal()
        start = time.monotonic()
        self.node.wait_store("redis")
        self.assertLess(time.monotonic() - start, JOINS_WITHIN)

    def check_shared(self, client, left):
        """So many more connections all nodes together let in: one of the numbers in `left`."""
        answers = cluster.in_turn(self.nodes, 12, client)
        admitted = answers.count(ADMITTED)
        self.assertIn(admitted, left)
        self.assertEqual(answers, [ADMITTED] * admitted + [REFUSED] * (12 - admitted))

    def check_told(self, times):
        """In the node's log is each time that it was cut off and that it joined, and in those of the others nothing."""
        counts = [(len(node.said("warning")), len(node.said("info")) - 1) for node in self.nodes]
        self.assertEqual(counts, [(times, times), (0, 0), (0, 0)], self.node.said("(?:warning|info)"))

    def test_it_may_be_cut_off_again_and_again(self):
        with cluster.under_load(self, self.nodes) as (load, *_):
            for _ in range(3):
                self.host.drop(lan.SENT, lan.RECEIVED)
                load.wait_answers(200)
                self.heal()
        self.check_shared("198.51.100.10", [10])
        self.check_told(times=3)
        cluster.check_metrics(self, self.nodes)


class Mail(PartitionTestCase):
    def test_mail_goes_through_on_a_host_that_is_cut_off(self):
        host = self.lan.add_host()
        with host.inside():
            server = self.enterContext(postfix.Postfix(self.own_folder(), postfix.asked_everywhere()))
            daemon = self.mxwardend(confs.GENEROUS + self.settings)
            client = self.enterContext(daemon.client())
            redis.wait_answered_by(daemon, client, "redis")
            with loads.SmtpLoad("cutoff@sender.example") as load:
                host.drop(lan.SENT, lan.RECEIVED)
                redis.wait_answered_by(daemon, client, "embedded")
                before = load.accepted
                waiting.until(lambda: load.accepted > before + 50, "mail to go through")
                host.heal()
                redis.wait_answered_by(daemon, client, "redis")
        self.assertEqual(load.complaints, [])
        self.assertEqual(len(server.wait_delivered(load.sender, 2 * load.accepted)), 2 * load.accepted)
        self.assertNotIn("warning", server.log())


if __name__ == "__main__":
    case.main()
