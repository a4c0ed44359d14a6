"""What a monitoring system sees: /healthz, /metrics, and the decision log."""

import re
import socket

from support import case, mxwardend

CONF = """
[client_rate]
limit = 2
window = 1h
"""


def connect(client, **attributes):
    return client.ask(protocol_state="CONNECT", client_address="198.51.100.80", **attributes)


class Http(case.TestCase):
    def test_healthz_says_that_it_is_well(self):
        self.mxwardend()
        self.assertEqual(mxwardend.http("/healthz")[0], 200)

    def test_metrics_count_what_was_decided(self):
        daemon = self.mxwardend(CONF)
        with daemon.client() as client:
            answers = [connect(client) for _ in range(5)]
            self.assertEqual([answer[:5] for answer in answers], ["DUNNO", "DUNNO", "421 4", "421 4", "421 4"])
            status, content_type, text = mxwardend.http("/metrics")
            self.assertEqual(status, 200)
            self.assertTrue(content_type.startswith("text/plain"), content_type)
            self.assertEqual(mxwardend.metric("mxwarden_policy_connections"), 1)
        self.assertEqual(mxwardend.metric('mxwarden_requests_total{state="CONNECT"}'), 5)
        refusals = [line for line in text.splitlines()
                    if line.startswith("mxwarden_decisions_total{") and 'rule="client_rate"' in line]
        self.assertEqual([line.rpartition(" ")[2] for line in refusals], ["3"], refusals)

    def test_metrics_are_prometheus_text(self):
        self.mxwardend()
        sample = re.compile(r'[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*,?\})? (-?[0-9.e+-]+|\+Inf|NaN)')
        described = set()
        for line in mxwardend.http("/metrics")[2].splitlines():
            if line.startswith(("# HELP ", "# TYPE ")):
                described.add(line.split()[2])
            elif line:
                self.assertRegex(line, sample)
                self.assertTrue(line.startswith("mxwarden_"), line)
                name = re.match(r"[a-z_]+", line)[0]
                self.assertTrue({name, re.sub("_(bucket|sum|count)$", "", name)} & described, line)

    def test_other_requests_are_turned_down_and_do_no_harm(self):
        daemon = self.mxwardend()
        self.assertEqual(mxwardend.http("/nothing")[0], 404)
        for label, data in [("no HTTP", b"\x16\x03\x01\r\n\r\n"), ("nothing", b""), ("half a request", b"GET /met"),
                            ("a giant", b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 200000)]:
            with self.subTest(label):
                try:
                    with socket.create_connection(mxwardend.HTTP_ADDRESS, 5) as connection:
                        connection.sendall(data)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                self.assertEqual(mxwardend.http("/healthz")[0], 200)
        with daemon.client() as client:
            self.assertEqual(client.ask(), "DUNNO")

    def test_no_http_port_when_none_is_wanted(self):
        self.mxwardend("[server]\nhttp =\n")
        with self.assertRaises(ConnectionRefusedError):
            mxwardend.http("/healthz")


class DecisionLog(case.TestCase):
    def test_a_refusal_is_one_line_with_all_that_led_to_it(self):
        daemon = self.mxwardend(CONF)
        with daemon.client() as client:
            for _ in range(3):
                connect(client)
        [line] = daemon.wait_log(r"decision action=421")
        self.assertIsNone(re.search(r"action=DUNNO", daemon.log()), "DUNNO is for debug")
        decision = daemon.decisions()[0]
        retry_after, micros = decision.pop("retry_after"), decision.pop("us")
        self.assertRegex(retry_after, r"^\d+(ms|s|m|h)$")
        self.assertRegex(micros, r"^\d+$")
        self.assertEqual(decision, {
            "action": "421", "rule": "client_rate", "client": "198.51.100.80", "state": "CONNECT", "count": "3",
            "limit": "2", "window": "1h", "mode": "enforce", "store": "embedded", "helo": "client.example",
            "sender": "someone@sender.example", "recipient": "user1@example.org",
        })
        keys = re.findall(r" (\w+)=", line.partition("decision")[2])
        self.assertEqual(keys, "action rule client state count limit window retry_after mode store us sender "
                               "recipient helo".split())

    def test_attributes_that_exist_are_named(self):
        daemon = self.mxwardend("[message_recipients]\nlimit = 1\n[limit logins]\nkey = sasl_username\nstage = RCPT\n"
                                "count = recipients\nwindow = 1h\nlimit = 1\nwhen = logged in\naction = 450 4.7.1 No\n")
        with daemon.client() as client:
            for user in range(2):
                client.ask(instance="1a.2b.3c.0", sasl_username="anna", client_port="44000",
                           recipient=f"user{user}@example.org")
        [decision] = daemon.wait_decisions(rule="logins")
        self.assertEqual((decision["login"], decision["instance"], decision["recipient"]),
                         ("anna", "1a.2b.3c.0", "user1@example.org"))

    def test_debug_shows_those_that_pass(self):
        daemon = self.mxwardend("[log]\nlevel = debug\n")
        with daemon.client() as client:
            client.ask()
        daemon.wait_decisions(1, action="DUNNO", client="198.51.100.7", state="RCPT")

    def test_the_log_may_be_a_file(self):
        path = self.own_folder() / "decisions.log"
        daemon = self.mxwardend(f"{CONF}\n[log]\ntarget = file:{path}\n")
        with daemon.client() as client:
            for _ in range(3):
                connect(client)
        daemon.stop()
        self.assertIn("decision action=421 rule=client_rate", path.read_text())


if __name__ == "__main__":
    case.main()
