"""`mxwarden explain`: what a request would be answered and why, on a store of one's own and on Redis. Asking it, however
often, counts nothing."""

import json
import subprocess

from support import case, mxwardend, policy, redis

LIMIT = 20
CONF = f"""
[client_rate]
window = 1h
limit = {LIMIT}
[limit letters]
key = sender
stage = RCPT
count = distinct recipients
window = 1h
limit = 3
mode = monitor
"""
ACCESS = "ClientRate:198.51.100.9  2\nConnect:198.51.100.8  REJECT not you\n"
CLIENT = "198.51.100.7"
EXPLANATIONS = 1000

TOP = {"ok": bool, "action": str, "store": str, "new_session": bool, "rules": list}
COUNT = {"entity": str, "adds": int, "count": int, "limit": int, "window_ms": int, "over": bool, "recorded": bool}


def question(client=CLIENT, **more):
    return {"op": "explain", "attributes": {"protocol_state": "RCPT", "client_address": client, "sender": "a@b.example",
                                            "recipient": "c@d.example", **more}}


class ExplainTestCase(case.TestCase):
    def explain(self, daemon, *arguments, **options):
        done = subprocess.run([mxwardend.COMMAND, "--control", daemon.control_path, "explain", *arguments], check=False,
                              capture_output=True, text=True, timeout=20, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return done.stdout

    def rule(self, answer, name):
        return next(rule for rule in answer["rules"] if rule["rule"] == name)

    def check_that_explaining_counts_nothing(self, daemon, store):
        lines = [json.dumps(question()).encode() + b"\n"] * (EXPLANATIONS // 10)
        with daemon.client() as client:
            for counted in range(10):
                answers = daemon.ask(*lines)
                self.assertEqual(len(answers), len(lines))
                for answer in answers:
                    rate = self.rule(answer, "client_rate")
                    self.assertEqual((answer["action"], answer["store"], rate["counts"][0]["count"]),
                                     ("DUNNO", store, counted + 1))
                self.assertEqual(client.ask(client_address=CLIENT).split()[0], "DUNNO")
            passed = 10
            while client.ask(client_address=CLIENT) == "DUNNO":
                passed += 1
            self.assertEqual(passed, LIMIT)
            refusal = client.ask(client_address=CLIENT)
        answer, = daemon.ask(question())
        self.assertEqual((answer["action"], answer["rule"]), (refusal, "client_rate"))
        self.assertEqual(self.rule(answer, "client_rate")["counts"][0]["count"], LIMIT + 1)


class OnThisNode(ExplainTestCase):
    def test_a_thousand_explanations_count_nothing_and_the_limit_holds(self):
        self.check_that_explaining_counts_nothing(self.mxwardend(CONF), "embedded")

    def test_machines_get_the_answer_as_it_came(self):
        daemon = self.mxwardend(CONF, ACCESS)
        answer = json.loads(self.explain(daemon, "--json", "--client", CLIENT, "--sender", "a@b.example",
                                         "--recipient", "c@d.example"))
        self.assertEqual({name: type(member) for name, member in answer.items()}, TOP)
        for rule in answer["rules"]:
            self.assertIn(rule["says"], ("answers", "would answer", "counts", "passes", "not asked"))
            self.assertEqual("why" in rule, rule["says"] in ("passes", "not asked"), rule)
        rate = self.rule(answer, "client_rate")
        self.assertEqual({name: type(member) for name, member in rate["counts"][0].items()}, COUNT)
        self.assertEqual(self.rule(answer, "letters")["counts"][0]["member"], "c@d.example")
        limited = json.loads(self.explain(daemon, "--json", "--client", "198.51.100.9"))
        self.assertEqual(self.rule(limited, "client_rate")["access"], {"key": "198.51.100.9", "line": 1})

    def test_people_read_who_decides_and_why(self):
        daemon = self.mxwardend(CONF, ACCESS)
        text = self.explain(daemon, "--client", CLIENT)
        self.assertRegex(text, r"^DUNNO\nno rule decides; counted by the store embedded; the first request of its ")
        self.assertRegex(text, r"\nban +enforce +passes +no ban\n")
        self.assertRegex(text, rf"\nclient_rate +enforce +counts +1 of {LIMIT} in 1h +client:{CLIENT}\n")
        done = daemon.cli("bans", "add", "198.51.100.0/24", "--for", "1h", "--reason", "ticket 17")
        self.assertEqual(done.returncode, 0, done)
        text = self.explain(daemon, "--client", CLIENT)
        self.assertRegex(text, rf"^521 5.7.1 Mail from {CLIENT} is not accepted here .*\noperator_ban decides; ")
        self.assertRegex(text, r"\noperator_ban +enforce +answers +ban of 198.51.100.0/24 by operator: ticket 17\n")
        self.assertRegex(text, r"\nclient_rate +enforce +not asked .*operator_ban decides before it\n")

    def test_a_request_as_postfix_sends_it_is_read_from_standard_input(self):
        daemon = self.mxwardend(CONF, ACCESS)
        request = policy.request(client_address="198.51.100.8", protocol_state="RCPT")
        text = self.explain(daemon, input=request.decode())
        self.assertRegex(text, r"^REJECT not you \[mxw:connect\]\nconnect decides; ")
        with daemon.client() as client:
            client.send(request)
            self.assertEqual(client.reply(), text.partition("\n")[0])

    def test_a_session_under_way_is_known(self):
        daemon = self.mxwardend(CONF)
        session = {"client_port": "4711", "server_address": "192.0.2.25", "server_port": "25"}
        with daemon.client() as client:
            client.ask(client_address=CLIENT, sender="a@b.example", **session)
        answer, = daemon.ask(question(**session))
        self.assertFalse(answer["new_session"])
        self.assertEqual(self.rule(answer, "client_rate")["why"], "counted already in this connection")

    def test_what_is_wrong_is_told(self):
        daemon = self.mxwardend()
        done = subprocess.run([mxwardend.COMMAND, "--control", daemon.control_path, "explain"], check=False, timeout=20,
                              capture_output=True, text=True, input="protocol_state=RCPT\nclient=192.0.2.1\n\n")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn('"client" is no attribute of Postfix', done.stderr)
        for arguments, text in [(["--client", "me"], ""), ([], ""), ([], "hello\n")]:
            done = subprocess.run([mxwardend.COMMAND, "--control", daemon.control_path, "explain", *arguments],
                                  check=False, timeout=20, capture_output=True, text=True, input=text)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done)

    def test_giant_attributes_are_answered_and_the_daemon_lives(self):
        daemon = self.mxwardend(CONF)
        giant = {name: "ä" * 1000 for name in ("sender", "recipient", "helo_name", "sasl_username", "client_name")}
        answer, = daemon.ask(question(**giant))
        self.assertTrue(answer["ok"])
        answer, = daemon.ask(question(sender="x" * 8200))
        self.assertRegex(answer["error"], "^`sender' in `attributes' is too long")
        self.assertTrue(daemon.ask({"op": "status"})[0]["ok"])


class OnRedis(ExplainTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.redis = cls.enterClassContext(redis.RedisServer(cls.folder))

    def test_a_thousand_explanations_count_nothing_and_the_limit_holds(self):
        daemon = self.mxwardend(CONF + redis.settings())
        with daemon.client() as client:
            redis.wait_answered_by(daemon, client, "redis")
        self.redis.ask("FLUSHALL")
        before = self.redis.keys()
        daemon.ask(question())
        self.assertEqual(self.redis.keys(), before)
        self.check_that_explaining_counts_nothing(daemon, "redis")

    def test_while_redis_is_away_this_node_says_what_it_knows(self):
        daemon = self.mxwardend(CONF + redis.settings("inet:127.0.0.1:6399"))
        answer, = daemon.ask(question())
        self.assertEqual((answer["action"], answer["store"]), ("DUNNO", "embedded"))


if __name__ == "__main__":
    case.main()
