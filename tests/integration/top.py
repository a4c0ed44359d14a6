"""The worst offenders of one mxwardend: mxwarden top, as people and as programs read it."""

import json
import re
import time

from support import case

CONF = """
[client_rate]
limit = 2
window = 1h
[message_recipients]
mode = off
"""

USAGE = 2

# Of an entry of whom, what a program reads.
ENTRY = {"count": int, "error": int, "rule": str, "last": int, "covers_ms": int, "nodes": list, "silent": list}
ANSWER = {"ok": bool, "by": str, "since_ms": int, "covers_ms": int, "floor": int, "nodes": list, "silent": list,
          "entries": list}


class Top(case.TestCase):
    def setUp(self):
        self.daemon = self.mxwardend(CONF)

    def connect(self, client, address, count):
        for _ in range(count):
            client.ask(protocol_state="CONNECT", client_address=address)

    def lines(self, *options):
        done = self.daemon.cli("--json", "top", *options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def counts(self, by, member="client"):
        return {entry[member]: (entry["count"], entry["rule"]) for entry in self.lines("--by", by)}

    def test_each_category_shows_who_is_the_worst(self):
        self.assertEqual(self.daemon.cli("bans", "add", "192.0.2.0/24", "--for", "1h", "--reason", "r").returncode, 0)
        with self.daemon.client() as client:
            self.connect(client, "198.51.100.7", 12)
            self.connect(client, "198.51.100.8", 3)
            self.connect(client, "2001:db8::1", 4)
            self.connect(client, "2001:db8::2", 4)
            self.connect(client, "192.0.2.9", 2)
            self.connect(client, "203.0.113.1", 1)
            for user in range(5):
                client.ask(client_address="203.0.113.5", client_port="5", instance="1.2.3.0", sasl_method="PLAIN",
                           sasl_username="anna@example.org", recipient=f"user{user}@example.org")
        self.assertEqual(self.counts("rejected"), {
            "198.51.100.7": (10, "client_rate"), "2001:db8::/64": (6, "client_rate"), "192.0.2.9": (2, "operator_ban"),
            "198.51.100.8": (1, "client_rate")})
        self.assertEqual([entry["client"] for entry in self.lines("-n", "2")], ["198.51.100.7", "2001:db8::/64"])
        self.assertEqual(self.counts("banned"), {"192.0.2.9": (2, "operator_ban")})
        self.assertEqual(self.counts("network", "network"), {
            "198.51.100.0/24": (11, "client_rate"), "2001:db8::/64": (6, "client_rate"),
            "192.0.2.0/24": (2, "operator_ban")})
        self.assertEqual(self.counts("rate"), {
            "198.51.100.7": (12, "client_rate"), "198.51.100.8": (3, "client_rate"),
            "2001:db8::/64": (8, "client_rate"), "192.0.2.9": (2, "operator_ban"), "203.0.113.1": (1, ""),
            "203.0.113.5": (1, "")})
        self.assertEqual(self.counts("login", "login"), {"anna@example.org": (5, "")})

    def test_what_a_program_reads(self):
        with self.daemon.client() as client:
            self.connect(client, "198.51.100.7", 3)
        [node] = [json.loads(self.daemon.cli("--json", "status").stdout)["node"]]
        [entry] = self.lines("--since", "1h")
        self.assertEqual({name: type(member) for name, member in entry.items()}, {"client": str, **ENTRY})
        self.assertEqual((entry["count"], entry["error"], entry["nodes"]), (1, 0, [node]))
        self.assertAlmostEqual(entry["last"] / 1000, time.time(), delta=10)
        [answer] = self.daemon.ask({"op": "top", "by": "rejected", "since_ms": 60000, "nodes": "all"})
        self.assertEqual(answer.pop("proto"), 1)
        self.assertEqual({name: type(member) for name, member in answer.items()}, ANSWER)
        self.assertEqual((answer["by"], answer["since_ms"], answer["silent"]), ("rejected", 60000, []))

    def test_what_a_person_reads(self):
        done = self.daemon.cli("top", "--by", "banned")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^requests of clients that were refused by a ban in the last \d+s, counted by "
                                      r"\S+\nnobody\n$")
        with self.daemon.client() as client:
            self.connect(client, "198.51.100.7", 12)
        done = self.daemon.cli("top", TZ="UTC0")
        title, heading, row = done.stdout.splitlines()
        self.assertIn("requests of clients that were refused in the last ", title)
        self.assertEqual(heading.split(), ["RANK", "CLIENT", "AT", "LEAST", "AT", "MOST", "RULE", "LAST", "SEEN"])
        self.assertRegex(row, r"^ +1  198\.51\.100\.7 +10 +client_rate  " + time.strftime("%Y-%m-%d", time.gmtime()))

    def test_many_come_in_pages(self):
        with self.daemon.client() as client:
            for number in range(1500):
                self.connect(client, f"10.7.{number // 250}.{number % 250}", 1)
        entries = self.lines("--by", "rate", "-n", "10000")
        self.assertEqual(len({entry["client"] for entry in entries}), 1500)
        self.assertEqual(len(self.daemon.cli("top", "--by", "rate", "-n", "1400").stdout.splitlines()), 1402)

    def test_a_reload_counts_on_by_the_new_prefix(self):
        with self.daemon.client() as client:
            self.connect(client, "198.51.100.7", 3)
            self.daemon.write(CONF + "[client]\nipv4_prefix = 28\n")
            self.daemon.reload()
            self.connect(client, "198.51.100.7", 4)
        self.assertEqual(set(self.counts("rejected")), {"198.51.100.7", "198.51.100.0/28"})

    def test_what_is_wrong_is_said(self):
        for request, sentence in [({"op": "top", "by": "guessers"}, "must be one of rejected, rate, login"),
                                  ({"op": "top", "by": "rate", "since_ms": 90000000}, "nothing older than 1d is kept")]:
            [answer] = self.daemon.ask(request)
            self.assertFalse(answer["ok"])
            self.assertTrue(re.search(sentence, answer["error"]), answer)
        done = self.daemon.cli("top", "--by", "nonsense")
        self.assertEqual(done.returncode, USAGE)
        [answer] = self.daemon.ask({"op": "top", "by": "nonsense"})
        allowed = answer["error"].partition("one of ")[2]
        self.assertIn(f"is unknown: one of {allowed};", done.stderr)


if __name__ == "__main__":
    case.main()
