"""Attempts of a listed client at several nodes that share a Redis count together, and the ban holds on all."""

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
        # All at once: no attempt is lost, whoever notes it.
        for _ in range(3):
            for node in nodes:
                self.assertEqual(node.connect(CLIENT), "554")
        for node in nodes:
            waiting.until(lambda node=node: self.listing(node)["hits"] == 9, "all attempts to be known")
            waiting.until(lambda node=node: node.connect(CLIENT) == "421", "the ban to be known")
        self.assertEqual(self.listing(nodes[0])["bans"], 1)

    @staticmethod
    def listing(node):
        found = node.daemon.cli("--json", "listings", "list", CLIENT).stdout
        return json.loads(found) if found else None


if __name__ == "__main__":
    case.main()
