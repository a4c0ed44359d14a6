"""Connections per client in a sliding window, through a real Postfix: `[client_rate]`."""

import re
import time

from support import case, postfix, smtp

CONF = """
[client_rate]
limit = 3
window = 3s
"""


class AskedAtConnect(case.PostfixTestCase):
    """smtpd_delay_reject=no: mxwardend answers before the banner."""

    main = {"smtpd_client_restrictions": postfix.POLICY}

    def test_over_the_limit_is_421_instead_of_the_banner_and_the_connection_is_dropped(self):
        self.mxwardend(CONF)
        for _ in range(3):
            self.assertEqual(smtp.send_message("198.51.100.1").code, 250)
        with smtp.Smtp("198.51.100.1") as session:
            self.assertEqual(session.banner.code, 421)
            self.assertIn("4.7.0", session.banner.text)
            self.assertTrue(session.banner.text.endswith(" [mxw:client_rate]"), session.banner)
            self.assertTrue(session.dropped())

    def test_others_pass_while_one_is_over_its_limit(self):
        self.mxwardend(CONF)
        codes = [smtp.send_message("198.51.100.1").code for _ in range(5)]
        self.assertEqual(codes, [250, 250, 250, 421, 421])
        self.assertEqual(smtp.send_message("198.51.100.2").code, 250)
        self.assertEqual(smtp.send_message("203.0.113.1").code, 250)

    def test_a_client_that_comes_back_after_retry_after_passes(self):
        daemon = self.mxwardend(CONF)
        codes = [smtp.send_message("198.51.100.1").code for _ in range(4)]
        self.assertEqual(codes[-1], 421)
        decision = daemon.wait_decisions(action="421")[-1]
        wait = seconds(decision["retry_after"])
        # One slice of the window at most is added to the window itself; so much is promised.
        self.assertLessEqual(wait, 3 * 13 / 12)
        # Time to settle on the far side of the moment it names.
        time.sleep(wait + 0.05)
        self.assertEqual(smtp.send_message("198.51.100.1").code, 250)

    def test_refused_attempts_do_not_prolong_the_refusal(self):
        daemon = self.mxwardend(CONF)
        start = time.monotonic()
        for _ in range(3):
            smtp.send_message("198.51.100.1")
        counted = time.monotonic()
        while smtp.send_message("198.51.100.1").code == 421:
            self.assertLess(time.monotonic(), counted + 3 * 13 / 12 + 0.2)
            time.sleep(0.05)
        # Three in the first moment and the fourth: never more than three in any 3 s.
        self.assertGreater(time.monotonic(), start + 3)
        self.assertGreater(len(daemon.decisions(action="421")), 10)

    def test_many_clients_below_the_limit_all_pass(self):
        daemon = self.mxwardend(CONF)
        for host in range(1, 255):
            self.assertEqual(smtp.send_message(f"198.51.100.{host}").code, 250)
        self.assertEqual(daemon.decisions(rule="client_rate"), [])

    def test_two_addresses_of_one_ipv6_network_are_one_client(self):
        self.mxwardend(CONF)
        codes = [smtp.send_message(f"2001:db8:1:2::{host}").code for host in range(1, 5)]
        self.assertEqual(codes, [250, 250, 250, 421])
        self.assertEqual(smtp.send_message("2001:db8:1:3::1").code, 250)

    def test_a_trusted_client_is_not_counted(self):
        self.mxwardend(CONF)
        codes = [smtp.send_message("127.0.0.1", server="127.0.0.1").code for _ in range(5)]
        self.assertEqual(codes, [250] * 5)

    def test_a_client_without_an_address_is_not_counted(self):
        self.mxwardend(CONF)
        for _ in range(5):
            with smtp.Smtp(server="127.0.0.1") as session:
                self.assertEqual(session.xclient(ADDR="[UNAVAILABLE]").code, 250)

    def test_a_client_that_stands_in_for_another_is_counted_as_that_one(self):
        self.mxwardend(CONF)
        for _ in range(3):
            self.assertEqual(smtp.send_message("198.51.100.9").code, 250)
        with smtp.Smtp(server="127.0.0.1") as session:
            self.assertEqual(session.command("XCLIENT ADDR=198.51.100.9 PORT=4242").code, 421)


class AskedAtRecipient(case.PostfixTestCase):
    """smtpd_delay_reject=yes, Postfix's default: mxwardend is first asked at RCPT, once for each restriction list."""

    main = {
        "smtpd_client_restrictions": postfix.POLICY,
        "smtpd_helo_restrictions": postfix.POLICY,
        "smtpd_sender_restrictions": postfix.POLICY,
        "smtpd_recipient_restrictions": postfix.POLICY,
        "smtpd_data_restrictions": postfix.POLICY,
    }
    listeners = {postfix.PORT: {}}

    def test_over_the_limit_is_421_at_the_first_recipient_and_the_connection_is_dropped(self):
        self.mxwardend(CONF)
        for _ in range(3):
            self.assertEqual(smtp.send_message("198.51.100.1").code, 250)
        with smtp.Smtp("198.51.100.1") as session:
            session.hello()
            self.assertEqual(session.mail("someone@sender.example").code, 250)
            self.assertEqual(session.recipient("user1@example.org").code, 421)
            self.assertTrue(session.dropped())
        self.assertEqual(smtp.send_message("198.51.100.2").code, 250)

    def test_a_session_counts_once_however_many_lists_recipients_and_messages_it_has(self):
        daemon = self.mxwardend(CONF)
        with smtp.Smtp("198.51.100.3") as session:
            session.hello()
            for _ in range(3):
                session.mail("someone@sender.example")
                for user in range(5):
                    self.assertEqual(session.recipient(f"user{user}@example.org").code, 250)
                self.assertEqual(session.data().code, 250)
        self.assertEqual(daemon.decisions(rule="client_rate"), [])
        codes = [smtp.send_message("198.51.100.3").code for _ in range(3)]
        self.assertEqual(codes, [250, 250, 421])


def seconds(duration):
    """A duration as the decision log writes it: 1500ms, 7s, 1m."""
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", duration).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]


if __name__ == "__main__":
    case.main()
