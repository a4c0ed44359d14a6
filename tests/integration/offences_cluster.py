"""Attempts of a listed client at several nodes that share a Redis count together, and the ban holds on all."""

import concurrent.futures
import json

from support import case, cluster, redis, waiting

CONF = """
[client_rate]
mode = off
[repeat_offender]
rate = off
total = 8
"""

CLIENT = "203.0.113.7"


class RepeatOffender(case.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.redis = cls.enterClassContext(redis.RedisServer(cls.folder))

    def test_attempts_spread_over_three_nodes_are_one_number(self):
        nodes = [cluster.Node(self, number, CONF + redis.settings()) for number in range(3)]
        for node in nodes:
            node.wait_store("redis")
            waiting.until(lambda node=node: '"records_current":true' in node.daemon.cli("--json", "status").stdout,
                          "a node's records to be current")
        nodes[0].daemon.cli("listings", "add", CLIENT, "--list", "bl.example", "--reason", "spam")
        for node in nodes:
            waiting.until(lambda node=node: self.listing(node) is not None, "the listing to be known")
        # All at once: no attempt is lost, whoever notes it, and they are one ban.
        with concurrent.futures.ThreadPoolExecutor(len(nodes)) as pool:
            answers = list(pool.map(lambda node: [node.connect(CLIENT) for _ in range(8)], nodes))
        refused = sum(answer.count("554") for answer in answers)
        self.assertGreater(refused, 8)
        for node in nodes:
            waiting.until(lambda node=node: CLIENT in node.daemon.cli("bans", "list").stdout, "the ban to be known")
            waiting.until(lambda node=node: self.listing(node)["hits"] == refused, "all attempts to be known")
            self.assertEqual(self.listing(node)["bans"], 1)
            self.assertEqual(node.connect(CLIENT), "421")

    @staticmethod
    def listing(node):
        found = node.daemon.cli("--json", "listings", "list", CLIENT).stdout
        return json.loads(found) if found else None


if __name__ == "__main__":
    case.main()
