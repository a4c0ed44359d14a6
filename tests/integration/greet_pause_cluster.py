"""The banner held back at two nodes that share a Redis: each looks at its own clients, and a good record counts at
both."""

import contextlib
import socket

from support import case, cluster, network, policy, redis, smtp, waiting

PAUSE = 0.7
CONF = """
[client_rate]
mode = off
[greet_pause]
mode = enforce
"""

STRANGER = "198.51.100.1"
KNOWN = "198.51.100.2"


class GreetPause(case.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.redis = cls.enterClassContext(redis.RedisServer(cls.folder))

    def setUp(self):
        self.nodes = [cluster.Node(self, number, CONF + redis.settings()) for number in range(2)]
        for node in self.nodes:
            node.wait_store("redis")

    @contextlib.contextmanager
    def connection(self, source):
        """An SMTP connection that nobody reads from, and what Postfix would say of it at CONNECT."""
        with socket.create_server((network.SERVER, 0)) as listening, \
                smtp.connect(source, listening.getsockname()[1], network.SERVER) as client:
            accepted, _ = listening.accept()
            with accepted:
                yield client, {"protocol_state": "CONNECT", "client_address": source,
                               "client_port": str(client.getsockname()[1]), "server_address": network.SERVER,
                               "server_port": str(client.getpeername()[1])}

    def talk_early(self, node):
        with self.connection(STRANGER) as (client, ends), node.client() as asking:
            asking.send(policy.request(**ends))
            client.sendall(b"EHLO client.example\r\n")
            return asking.reply().split()[0]

    def seconds(self, node, source):
        with self.connection(source) as (_, ends), node.client() as asking:
            answer = asking.measure(**ends)
        self.assertEqual(answer.action, "DUNNO")
        return answer.seconds

    def test_at_each_node_a_client_waits_and_who_talks_first_is_refused(self):
        for node in self.nodes:
            self.assertGreaterEqual(self.seconds(node, STRANGER), PAUSE)
            self.assertEqual(self.talk_early(node), "554")

    def test_a_good_record_of_one_node_spares_the_wait_at_the_other(self):
        for number in range(3):
            self.assertEqual(self.nodes[0].ask(protocol_state="END-OF-MESSAGE", client_address=KNOWN, client_port="4711",
                                               instance=f"1f.65.{number}.0", queue_id=f"A{number}"), "DUNNO")
        for node in self.nodes:
            self.assertLess(self.seconds(node, KNOWN), waiting.MARGIN)


if __name__ == "__main__":
    case.main()
