"""The worst offenders of several mxwardend that share a Redis: what each has counted, together."""

import json
import pathlib
import re

from support import case, cluster, redis, waiting

CONF = """
[message_recipients]
mode = off
"""

# A node puts up each list each 24 seconds.
PUT_UP_WITHIN = 40


class TopOfAll(case.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.redis = cls.enterClassContext(redis.RedisServer(cls.folder))

    def top(self, node, *options):
        """Entries, and what was said besides."""
        done = node.daemon.cli("--json", "top", "--by", "rate", *options)
        self.assertEqual(done.returncode, 0, done)
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    def counts(self, node, *options):
        return {entry["client"]: entry["count"] for entry in self.top(node, *options)[0]}

    def test_nodes_answer_for_all_and_say_for_whom(self):
        one, other = [cluster.Node(self, number, CONF + redis.settings()) for number in range(2)]
        for node in (one, other):
            node.wait_store("redis")
        for node, address, times in [(one, "203.0.113.7", 5), (other, "203.0.113.7", 4), (other, "203.0.113.8", 3)]:
            for _ in range(times):
                node.connect(address)
        own = {"203.0.113.7": 5}
        of_all = {"203.0.113.7": 9, "203.0.113.8": 3}

        waiting.until(lambda: of_all.items() <= self.counts(one).items(), "the other's list of the day", PUT_UP_WITHIN)
        entries, said = self.top(one)
        self.assertEqual({tuple(entry["nodes"]) for entry in entries}, {("node0", "node1")})
        self.assertEqual(said, "")
        waiting.until(lambda: of_all.items() <= self.counts(other, "--since", "1h").items(), "the list of the hour",
                      PUT_UP_WITHIN)
        [answer] = one.daemon.ask({"op": "top", "by": "rate", "nodes": "this"})
        self.assertEqual(answer["nodes"], ["node0"])
        for key in self.redis.ask("KEYS", "mxw:n1*"):
            self.assertGreater(self.redis.ask("PTTL", key), 0)

        # A node that is gone is missing as soon as its lists have ended.
        other.disconnect()
        other.daemon.kill()
        self.redis.ask("DEL", *self.redis.ask("KEYS", "mxw:n1*text/*/node1"))
        entries, said = self.top(one)
        self.assertEqual(said, "mxwarden: the node node1 is silent, and what it has counted is missing\n")
        self.assertEqual({tuple(entry["nodes"]) for entry in entries}, {("node0",)})

        self.redis.pause()
        try:
            entries, said = self.top(one)
            self.assertRegex(said, "^mxwarden: what other nodes have counted is missing: store away: ")
            self.assertLessEqual(own.items(), {entry["client"]: entry["count"] for entry in entries}.items())
        finally:
            self.redis.resume()
        waiting.until(lambda: "store away" not in self.top(one)[1], "Redis to be heard again")


class LeastRights(case.TestCase):
    """The user of docs/redis.md."""

    password = "open-sesame"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        manual = (pathlib.Path(__file__).parents[2] / "docs/redis.md").read_text()
        [acl] = re.findall(r"^ *(user mxwarden .*)$", manual, re.MULTILINE)
        cls.redis = cls.enterClassContext(redis.RedisServer(cls.folder, acl.replace(">PASSWORD", f">{cls.password}")))

    def test_the_documented_user_may_put_up_and_read(self):
        password_file = self.own_folder() / "password"
        password_file.write_text(f"{self.password}\n")
        node = cluster.Node(self, 0, CONF + redis.settings(user="mxwarden", password_file=password_file))
        waiting.until(lambda: self.redis.ask("KEYS", "mxw:n1{notices}text/*"), "a list to be put up")
        done = node.daemon.cli("top")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.redis.ask("ACL", "LOG"), [])


if __name__ == "__main__":
    case.main()
