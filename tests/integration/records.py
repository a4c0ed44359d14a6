"""Bans, grants and listings that an operator makes, through a real Postfix wired as the snippets say."""

import pathlib
import time

from support import case, postfix, smtp, waiting

SNIPPETS = pathlib.Path(__file__).parents[2] / "postfix-snippets"

CONF = """
[relay_grant]
mode = enforce
[client_rate]
mode = off
"""

FOREIGN = ["somebody@elsewhere.example"]

# Ports with other orders of the relay restrictions.
GRANT_FIRST = 2501
WRONG_PLACE = 2502


class Records(case.PostfixTestCase):
    main = (SNIPPETS / "tcp.cf").read_text() + (SNIPPETS / "relay-grant.cf").read_text()
    listeners = {
        postfix.PORT: {},
        GRANT_FIRST: {"smtpd_relay_restrictions": "$mxwarden_relay, permit_mynetworks, reject_unauth_destination"},
        WRONG_PLACE: {"smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
                      "smtpd_recipient_restrictions": "$mxwarden_relay, reject_unlisted_recipient"},
    }

    def test_postfix_reads_the_fragment_as_it_is_written(self):
        _, complaints = self.postfix.postconf()
        # The test's own main.cf has a line that the fragment replaces.
        others = [line for line in complaints.splitlines() if "overriding earlier entry" not in line]
        self.assertEqual(others, [])
        permissions = self.postfix.postconf("-h", "smtpd_relay_restrictions")[0]
        self.assertEqual(permissions,
                         "permit_mynetworks, permit_sasl_authenticated, $mxwarden_relay, reject_unauth_destination\n")

    def relays(self, source, port=postfix.PORT):
        """The code that a message for a foreign domain ends with."""
        return smtp.send_message(source, recipients=FOREIGN, port=port).code

    def test_a_granted_address_relays_until_the_grant_ends_and_its_neighbour_never(self):
        daemon = self.mxwardend(CONF)
        for granted, neighbour in [("198.51.100.7", "198.51.100.8"), ("2001:db8:7::7", "2001:db8:7::8")]:
            with self.subTest(granted):
                self.assertEqual(self.relays(granted), 554)
                daemon.cli("grants", "add", granted, "--login", "ann@example.org", "--for", "3s")
                began = time.monotonic()
                self.assertEqual(self.relays(granted), 250)
                self.assertEqual(self.relays(neighbour), 554)
                waiting.until(lambda: self.relays(granted) == 554, "the grant to end")
                self.assertGreater(time.monotonic() - began, 2.5)

    def test_a_grant_that_is_taken_back_is_gone_at_once(self):
        daemon = self.mxwardend(CONF)
        daemon.cli("grants", "add", "198.51.100.17", "--login", "ann@example.org")
        self.assertEqual(self.relays("198.51.100.17"), 250)
        daemon.cli("grants", "remove", "198.51.100.17")
        self.assertEqual(self.relays("198.51.100.17"), 554)

    def test_only_before_reject_unauth_destination_a_grant_counts(self):
        daemon = self.mxwardend(CONF)
        daemon.cli("grants", "add", "198.51.100.27", "--login", "ann@example.org")
        for port, granted in [(postfix.PORT, 250), (GRANT_FIRST, 250), (WRONG_PLACE, 554)]:
            with self.subTest(port=port):
                self.assertEqual(self.relays("198.51.100.27", port), granted)
                self.assertEqual(self.relays("198.51.100.28", port), 554)
                self.assertEqual(smtp.send_message("198.51.100.28", port=port).code, 250)

    def test_without_mxwarden_a_foreign_recipient_is_put_off_and_our_own_mail_goes_on(self):
        daemon = self.mxwardend(CONF)
        self.assertEqual(self.relays("198.51.100.37"), 554)
        daemon.stop()
        for port in (postfix.PORT, GRANT_FIRST):
            self.assertEqual(self.relays("198.51.100.37", port), 450)
            self.assertEqual(smtp.send_message("198.51.100.37", port=port).code, 250)

    def test_turned_off_nothing_is_granted(self):
        daemon = self.mxwardend("")
        daemon.cli("grants", "add", "198.51.100.47", "--login", "ann@example.org")
        self.assertEqual(self.relays("198.51.100.47"), 554)

    def test_a_banned_client_is_hung_up_on_and_its_neighbour_is_not(self):
        daemon = self.mxwardend(CONF)
        for net, inside, outside in [("203.0.113.0/28", "203.0.113.15", "203.0.113.16"),
                                     ("2001:db8:bad:1::/64", "2001:db8:bad:1::9", "2001:db8:bad:2::9")]:
            with self.subTest(net):
                daemon.cli("bans", "add", net, "--for", "1h", "--reason", "ticket 17")
                with smtp.Smtp(inside) as session:
                    self.assertEqual(session.banner.code, 521)
                    self.assertTrue(session.banner.text.endswith("[mxw:operator_ban]"), session.banner)
                    self.assertTrue(session.dropped())
                self.assertEqual(smtp.send_message(outside).code, 250)
                daemon.cli("bans", "remove", net)
                self.assertEqual(smtp.send_message(inside).code, 250)

    def test_a_running_session_of_a_client_that_is_banned_meanwhile_ends_at_its_next_command(self):
        daemon = self.mxwardend(CONF)
        with smtp.Smtp("203.0.113.33") as session:
            session.hello()
            session.mail("a@sender.example")
            daemon.cli("bans", "add", "203.0.113.33", "--for", "1h", "--reason", "ticket 18")
            self.assertEqual(session.recipient("user1@example.org").code, 521)
            self.assertTrue(session.dropped())

    def test_a_listed_client_is_told_by_whom_and_why(self):
        daemon = self.mxwardend(CONF)
        daemon.cli("listings", "add", "203.0.113.44", "--list", "bl.example", "--reason", "see https://bl.example/44")
        reply = smtp.send_message("203.0.113.44")
        self.assertEqual(reply.code, 554)
        self.assertIn("Your IP address has been blacklisted by bl.example. Visit their website or write to argue. "
                      "see https://bl.example/44 [mxw:listing]", reply.text)
        daemon.cli("listings", "remove", "203.0.113.44")
        self.assertEqual(smtp.send_message("203.0.113.44").code, 250)

    def test_trusted_and_allowed_clients_are_not_touched(self):
        daemon = self.mxwardend(CONF + "[client]\ntrusted = 203.0.113.50", "Connect:203.0.113.51 OK\n")
        for client, listed, banned in [("203.0.113.50", 250, 250), ("203.0.113.51", 250, 521),
                                       ("203.0.113.52", 554, 521)]:
            with self.subTest(client):
                daemon.cli("listings", "add", client, "--list", "bl.example", "--reason", "spam")
                self.assertEqual(smtp.send_message(client).code, listed)
                daemon.cli("bans", "add", client, "--for", "1h", "--reason", "ticket 19", "--force")
                self.assertEqual(smtp.send_message(client).code, banned)

    def test_records_outlive_a_restart_and_a_kill(self):
        daemon = self.mxwardend(CONF)
        daemon.cli("bans", "add", "203.0.113.60", "--for", "1h", "--reason", "ticket 20")
        daemon.cli("grants", "add", "198.51.100.60", "--login", "ann@example.org")
        daemon.cli("listings", "add", "203.0.113.61", "--list", "bl.example", "--reason", "spam")
        for end in (daemon.stop, daemon.kill):
            end()
            daemon.start()
            self.assertEqual(smtp.send_message("203.0.113.60").code, 521)
            self.assertEqual(self.relays("198.51.100.60"), 250)
            self.assertEqual(smtp.send_message("203.0.113.61").code, 554)


if __name__ == "__main__":
    case.main()
