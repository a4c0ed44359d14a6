"""Listed clients that keep coming are banned, through a real Postfix; guards keep rules from those they must not hit."""

import json
import pathlib
import time

from support import case, policy, smtp, waiting

SNIPPETS = pathlib.Path(__file__).parents[2] / "postfix-snippets"

CONF = """
[client_rate]
mode = off
[repeat_offender]
rate = 1/10s
rate_ban = 3s
"""


def records(daemon, what):
    """By net."""
    done = daemon.cli("--json", what, "list")
    return {record["net"]: record for record in map(json.loads, done.stdout.splitlines())}


def listed(daemon, client):
    daemon.cli("listings", "add", client, "--list", "bl.example", "--reason", "spam")


class RepeatOffender(case.PostfixTestCase):
    main = (SNIPPETS / "tcp.cf").read_text()

    def test_the_second_attempt_bans_and_the_ban_ends_by_itself(self):
        daemon = self.mxwardend(CONF)
        for client, net in [("203.0.113.7", "203.0.113.7"), ("2001:db8:bad:1::7", "2001:db8:bad:1::/64")]:
            with self.subTest(client):
                listed(daemon, client)
                self.assertEqual(smtp.send_message(client).code, 554)
                self.assertEqual(records(daemon, "bans"), {})
                self.assertEqual(smtp.send_message(client).code, 554)
                waiting.until(lambda: net in records(daemon, "bans"), "the ban")
                began = time.monotonic()
                with smtp.Smtp(client) as session:
                    self.assertEqual(session.banner.code, 421)
                    self.assertTrue(session.banner.text.endswith("[mxw:ban]"), session.banner)
                ban = records(daemon, "bans")[net]
                self.assertEqual((ban["rule"], ban["offences"]), ("repeat_offender", 1))
                waiting.until(lambda: smtp.send_message(client).code == 554, "the ban to end")
                self.assertGreater(time.monotonic() - began, 2)
                # That was an attempt within ten seconds of the last: the next ban, twice as long.
                waiting.until(lambda: net in records(daemon, "bans"), "the second ban")
                ban = records(daemon, "bans")[net]
                self.assertEqual(ban["offences"], 2)
                self.assertAlmostEqual(ban["until"] / 1000 - time.time(), 6, delta=2)
                listing = records(daemon, "listings")[net]
                self.assertEqual((listing["hits"], listing["bans"], listing["banned_until"]), (3, 2, ban["until"]))
                daemon.cli("bans", "remove", net)

    def test_trusted_and_allowed_clients_and_those_never_to_be_banned_are_not(self):
        daemon = self.mxwardend(CONF + "[client]\ntrusted = 203.0.113.20\nnever_ban = 203.0.113.22",
                                "Connect:203.0.113.21 OK\n")
        for client, code in [("203.0.113.20", 250), ("203.0.113.21", 250), ("203.0.113.22", 554)]:
            with self.subTest(client):
                listed(daemon, client)
                for _ in range(4):
                    self.assertEqual(smtp.send_message(client).code, code)
        daemon.wait_log(r'offence rule=repeat_offender net=203\.0\.113\.22 .*why="203\.0\.113\.22 is in never_ban"')
        self.assertEqual(records(daemon, "bans"), {})


class OnDisk(case.TestCase):
    def test_a_ban_that_a_rule_made_is_there_after_a_kill_a_second_later(self):
        daemon = self.mxwardend(CONF.replace("3s", "1h"))
        clients = [f"203.0.113.{number}" for number in range(1, 60)]
        for client in clients:
            listed(daemon, client)
        with daemon.client() as connection:
            for client in clients:
                for _ in range(2):
                    answer = connection.ask(protocol_state="CONNECT", client_address=client)
                    self.assertTrue(answer.startswith("554"), answer)
        time.sleep(1)
        daemon.kill()
        daemon.start()
        self.assertEqual(set(records(daemon, "bans")), set(clients))
        self.assertEqual({record["hits"] for record in records(daemon, "listings").values()}, {2})
        with daemon.client() as connection:
            for client in clients:
                answer = connection.ask(protocol_state="CONNECT", client_address=client)
                self.assertTrue(answer.startswith("421"), answer)


class GoodRecord(case.TestCase):
    def sends(self, connection, client):
        # One session and message; END-OF-MESSAGE is asked about twice.
        attributes = {"client_address": client, "client_port": str(next(self.ports)), "instance": f"1.{client}.1"}
        connection.ask(protocol_state="MAIL", **attributes)
        for _ in range(2):
            self.assertEqual(connection.ask(protocol_state="END-OF-MESSAGE", **attributes), "DUNNO")

    def setUp(self):
        self.ports = iter(range(20000, 60000))

    def test_a_rule_that_hits_clients_with_a_good_record_spares_them(self):
        daemon = self.mxwardend("[client]\ngood_record = 2/1d\n")
        clients = [f"198.51.100.{number}" for number in range(10)]
        with daemon.client() as connection:
            for client in clients:
                for _ in range(2):
                    self.sends(connection, client)
            # An administrator's slip.
            daemon.write("[client]\ngood_record = 2/1d\n[client_rate]\nlimit = 1\nwindow = 1h\n")
            daemon.reload()
            stranger = "203.0.113.9"

            def connects(client):
                return connection.ask(protocol_state="CONNECT", client_address=client).split()[0]

            for client in (stranger, *clients[:5]):
                connects(client)
                self.assertEqual(connects(client), "421")
            daemon.wait_log(r"alert rule=client_rate refuses 5 of 10 clients with a good record")
            for client in clients:
                self.assertEqual(connects(client), "DUNNO")
            # What it would have answered is still told, and strangers are not spared.
            daemon.wait_decisions(client=clients[0], would="421")
            self.assertEqual(connects(stranger), "421")
            self.assertIn("kept from clients with a good record", daemon.cli("status").stdout)
            # What the operator says at a reload is tried again.
            daemon.write("[client]\ngood_record = off\n[client_rate]\nlimit = 1\nwindow = 1h\n")
            daemon.reload()
            self.assertEqual(connects(clients[0]), "421")


if __name__ == "__main__":
    case.main()
