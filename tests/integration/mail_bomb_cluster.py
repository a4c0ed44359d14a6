"""What a client delivers through several nodes that share a Redis is one number."""

import itertools

from support import case, cluster, redis, waiting

CONF = """
[client_rate]
mode = off
[mail_bomb]
mode = enforce
messages = 4
bytes = 100000
"""


class MailBomb(case.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.redis = cls.enterClassContext(redis.RedisServer(cls.folder))
        cls.ports = itertools.count(20000)

    def recipient(self, node, port, recipient="bob@example.org", **attributes):
        return node.ask(protocol_state="RCPT", recipient=recipient, client_port=str(port), instance=f"{port:x}.65.1.0",
                        **attributes)

    def deliver(self, node, recipients=("bob@example.org",), size=30000, **attributes):
        """A message of one session: what each recipient is told."""
        port = next(self.ports)
        told = [self.recipient(node, port, recipient, **attributes) for recipient in recipients]
        self.assertEqual(node.ask(protocol_state="END-OF-MESSAGE", size=str(size), client_port=str(port),
                                  recipient=recipients[0] if len(recipients) == 1 else "", queue_id="A1",
                                  recipient_count=str(len(recipients)), instance=f"{port:x}.65.1.0", **attributes),
                         "DUNNO")
        return told

    def test_messages_spread_over_two_nodes_are_one_number(self):
        nodes = [cluster.Node(self, number, CONF + redis.settings()) for number in range(2)]
        for node in nodes:
            node.wait_store("redis")
        for number in range(5):
            self.assertEqual(self.deliver(nodes[number % 2], ("bob@example.org", "carol@example.org")),
                             ["DUNNO", "DUNNO"])
        # What was delivered last is told to Redis after the answer.
        for node in nodes:
            waiting.until(lambda node=node: self.recipient(node, next(self.ports)) == "450", "the mailbox to be spared")
            self.assertEqual(self.recipient(node, next(self.ports), "carol@example.org"), "450")
            self.assertEqual(self.recipient(node, next(self.ports), "dave@example.org"), "DUNNO")
            self.assertEqual(self.recipient(node, next(self.ports), sender="friend@sender.example"), "DUNNO")
            self.assertEqual(self.recipient(node, next(self.ports), client_address="198.51.100.8"), "DUNNO")
            (line,) = node.daemon.decisions(rule="mail_bomb", recipient="carol@example.org")
            self.assertEqual((line["store"], line["count"], line["limit"]), ("redis", "5", "4"))
        # Bounded: whatever is kept of it ends by itself.
        keys = [key for key in self.redis.keys() if "mail_bomb" in key]
        self.assertEqual(len(keys), 4, keys)
        for key in keys:
            self.assertGreater(self.redis.ask("PTTL", key), 0, key)


if __name__ == "__main__":
    case.main()
