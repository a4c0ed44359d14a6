"""[bad_recipient] source = inline: who guesses recipients is put off, listed and banned, as a real Postfix shows it by what
it asks before and behind its own look; and whatever else keeps the second question away is held against nobody."""

import contextlib
import json
import pathlib
import re
import resource
import time

from support import case, cluster, policy, postfix, recipient_table, redis, smtp, waiting

SNIPPETS = pathlib.Path(__file__).parents[2] / "postfix-snippets"

# Short, as nobody wants to wait a minute.
CONFIRM = 2
SHARED = f"""
[client_rate]
mode = off
[bad_recipient]
confirm = {CONFIRM}s
"""
CONF = SHARED + """
[client_conn]
mode = off
"""

REFUSING, DISCARDING, PERMITTING, WITHOUT_POST = 2501, 2502, 2503, 2504
CLIENT = "203.0.113.7"
BLOCKED = "203.0.113.66"


def between(restriction):
    """What an administrator might put there, though he must not."""
    return {"smtpd_delay_reject": "no",
            "smtpd_recipient_restrictions": f"$mxwarden_pre, {restriction}, reject_unlisted_recipient, $mxwarden_post"}


def nets(daemon, what):
    return [json.loads(line)["net"] for line in daemon.cli("--json", what, "list").stdout.splitlines()]


def codes(source, recipients, port=postfix.PORT, sender="a@sender.example"):
    """Of each recipient, all in one message that is not sent."""
    with smtp.Smtp(source, port=port) as session:
        session.hello()
        session.mail(sender)
        return [session.recipient(f"{recipient}@example.org").code for recipient in recipients]


def names(word, count):
    return [f"{word}{number}" for number in range(count)]


class BadRecipient(case.PostfixTestCase):
    main = (SNIPPETS / "tcp.cf").read_text() + f"""
local_recipient_maps = {recipient_table.MAP}
"""
    listeners = {
        postfix.PORT: {},
        REFUSING: between(f"check_client_access inline:{{{BLOCKED}=REJECT}}"),
        DISCARDING: between(f"check_client_access inline:{{{BLOCKED}=DISCARD}}"),
        PERMITTING: between("check_recipient_access regexp:{{/^permitted/ OK}}"),
        WITHOUT_POST: {"smtpd_recipient_restrictions": "$mxwarden_pre, reject_unlisted_recipient"},
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.table = cls.enterClassContext(recipient_table.RecipientTable(re.compile(r"^(user|permitted)\d")))

    def setUp(self):
        self.table.down = False
        self.daemon = self.mxwardend(CONF)
        self.accept_some()

    def accept_some(self):
        """Mail of others, as there always is: Postfix's table answers."""
        self.assertEqual(codes("198.51.100.1", names("user", 3)), [250] * 3)

    def confirm(self):
        """Long enough for everything that is suspected, and a sign of life behind it."""
        time.sleep(CONFIRM / 2)
        self.accept_some()
        time.sleep(CONFIRM / 2 + 2.5)

    def assert_nobody_is_listed(self):
        self.confirm()
        self.assertEqual((nets(self.daemon, "listings"), nets(self.daemon, "bans")), ([], []))

    def test_who_guesses_is_put_off_at_once_and_banned_when_it_is_confirmed(self):
        for client, net in [("203.0.113.7", "203.0.113.7"), ("2001:db8:bad:1::7", "2001:db8:bad:1::/64")]:
            with self.subTest(client):
                self.assertEqual(codes(client, names("nosuch", 8)), [550] * 6 + [450] * 2)
                with smtp.Smtp(client) as session:
                    session.hello()
                    session.mail("b@sender.example")
                    reply = session.recipient("user1@example.org")
                    self.assertEqual(reply.code, 450)
                    self.assertTrue(reply.text.endswith("[mxw:bad_recipient]"), reply)
                self.assertNotIn(net, nets(self.daemon, "bans"))
                self.confirm()
                waiting.until(lambda: net in nets(self.daemon, "bans"), "the ban")
                self.assertIn(net, nets(self.daemon, "listings"))
                self.assertEqual(smtp.send_message(client).code, 421)
        worst = json.loads(self.daemon.cli("--json", "top", "--by", "bad-recipients").stdout.splitlines()[0])
        self.assertEqual(worst["count"], 6)

    def test_a_guess_for_each_message_and_each_way_to_go_on_counts(self):
        with smtp.Smtp("203.0.113.8") as session:
            session.hello()
            for number, command in enumerate(["RSET", "NOOP", "EHLO again.example", "VRFY nosuch", "RSET", "DATA"]):
                session.mail(f"s{number}@sender.example")
                self.assertEqual(session.recipient(f"nosuch{number}@example.org").code, 550)
                session.command(command)
                if command == "NOOP":
                    session.command("RSET")
            session.mail("s@sender.example")
            self.assertEqual(session.recipient("user1@example.org").code, 450)

    def test_who_is_put_off_but_never_confirmed_is_let_in_again(self):
        self.assertEqual(codes("203.0.113.9", names("nosuch", 7))[-1], 450)
        waiting.until(lambda: codes("203.0.113.9", ["user1"]) == [250], "the suspicion to be over")

    def test_a_list_server_with_stale_addresses_and_a_sender_for_each_mail_is_innocent(self):
        client = "203.0.113.17"
        for number in range(10):
            self.assertEqual(smtp.send_message(client, sender=f"list+u{number}@lists.example",
                                               recipients=[f"user{number}@example.org"]).code, 250)
        with smtp.Smtp(client) as session:
            session.hello()
            for number in range(9):
                session.mail(f"list+s{number}@lists.example")
                self.assertEqual(session.recipient(f"stale{number}@example.org").code, 550)
                session.command("RSET")
        self.assertEqual(codes(client, ["user1"]), [250])
        self.assert_nobody_is_listed()

    def test_pipelined_recipients_are_told_apart(self):
        with smtp.Smtp("203.0.113.18") as session:
            session.hello()
            recipients = names("user", 20) + names("nosuch", 5)
            replies = session.pipeline("MAIL FROM:<a@sender.example>",
                                       *(f"RCPT TO:<{recipient}@example.org>" for recipient in recipients), "DATA")
            self.assertEqual([reply.code for reply in replies], [250] * 21 + [550] * 5 + [354])
        self.assert_nobody_is_listed()

    def test_a_session_that_ends_with_its_guess_shows_nothing(self):
        for number in range(9):
            self.assertEqual(codes("203.0.113.19", [f"nosuch{number}"]), [550])
        self.assertEqual(codes("203.0.113.19", ["user1"]), [250])
        self.assert_nobody_is_listed()

    def test_while_the_recipient_table_is_down_nobody_guesses(self):
        self.table.down = True
        with self.subTest("none that is known has been missed yet"):
            self.assertEqual(codes("203.0.113.20", names("user1", 5)), [451] * 5)
        with self.subTest("one has"):
            self.assertEqual(codes("203.0.113.21", names("user2", 3) + ["user1", "user2"] + names("user3", 9)),
                             [451] * 14)
            self.assertIn("user1@example.org", self.daemon.log())
        self.table.down = False
        self.assertEqual(codes("203.0.113.20", names("user1", 5)), [250] * 5)
        self.assertEqual(codes("203.0.113.21", names("user2", 3)), [250] * 3)
        self.assert_nobody_is_listed()

    def test_where_the_table_was_down_from_the_start_nobody_guesses(self):
        self.daemon.stop()
        self.daemon.start()
        self.table.down = True
        self.assertEqual(codes("203.0.113.22", names("user1", 12)), [451] * 12)
        self.table.down = False
        self.assert_nobody_is_listed()

    def test_a_restriction_in_between_that_refuses_or_discards_makes_no_guesser_of_those_who_write_to_users(self):
        for port, code in [(REFUSING, 554), (DISCARDING, 250)]:
            with self.subTest(port):
                self.assertEqual(codes("198.51.100.1", names("user", 9)), [250] * 9)
                self.assertEqual(codes(BLOCKED, names("user", 9), port), [code] * 9)
                for number in range(9):
                    self.assertEqual(codes(BLOCKED, [f"user{number}"], port), [code])
                self.assertIn("something stands between", self.daemon.log())
        self.assert_nobody_is_listed()

    def test_a_restriction_in_between_that_permits_makes_no_guesser_of_anybody(self):
        for message in range(4):
            recipients = [f"permitted{message}{number}@example.org" for number in range(5)]
            self.assertEqual(smtp.send_message("203.0.113.24", recipients=recipients, port=PERMITTING).code, 250)
        self.assert_nobody_is_listed()

    def test_without_post_nothing_counts_and_the_log_says_what_is_missing(self):
        self.daemon.stop()
        self.daemon.start()
        for _ in range(2):
            self.assertEqual(codes("203.0.113.25", names("nosuch", 51), WITHOUT_POST), [550] * 51)
        self.assertIn("with policy_context=pre and about none with policy_context=post", self.daemon.log())
        self.assert_nobody_is_listed()


DELAY = 1
THROTTLE = f"""
[client_rate]
mode = off
[client_conn]
mode = off
[bad_recipient]
mode = off
[bad_recipient_throttle]
mode = enforce
delay = {DELAY}s
"""


def measured(command, *arguments):
    start = time.monotonic()
    return command(*arguments).code, time.monotonic() - start


class Throttle(case.PostfixTestCase):
    main = (SNIPPETS / "tcp.cf").read_text()

    def test_who_has_tried_two_waits_for_each_further_answer_in_the_message_and_nobody_else_does(self):
        self.mxwardend(THROTTLE)
        self.assertEqual(codes("198.51.100.1", ["user1"]), [250])
        with smtp.Smtp(CLIENT) as session:
            session.hello()
            session.mail("a@sender.example")
            for recipient, code, waits in [("nosuch1", 550, False), ("nosuch2", 550, False), ("user1", 250, True),
                                           ("nosuch3", 550, True)]:
                found, took = measured(session.recipient, f"{recipient}@example.org")
                self.assertEqual(found, code, recipient)
                self.assertEqual(took >= DELAY, waits, (recipient, took))
                self.assertLess(took, DELAY + 0.5)
            session.send("RCPT TO:<user2@example.org>")
            _, took = measured(smtp.send_message, "198.51.100.2")
            self.assertLess(took, DELAY / 2)
            self.assertEqual(session.reply().code, 250)
            # END-OF-MESSAGE is asked about, DATA is not.
            code, took = measured(session.data)
            self.assertEqual((code, took >= DELAY), (250, True))
            session.mail("b@sender.example")
            code, took = measured(session.recipient, "user1@example.org")
            self.assertEqual((code, took < DELAY / 2), (250, True))

    def test_no_more_than_a_thousand_wait_at_once(self):
        most = 1000
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(2 * most, hard)), hard))
        self.mxwardend(THROTTLE + "[server]\nmax_connections = 2000\n")
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(policy.Client()) for _ in range(most + 1)]
            clients[0].ask(policy_context="post")
            for port, client in enumerate(clients):
                for number in range(2):
                    client.ask(**self.guess(port, number))
            *waiting_ones, last = clients
            for port, client in enumerate(waiting_ones):
                client.send(policy.request(**self.guess(port, 2)))
            start = time.monotonic()
            self.assertLess(last.measure("RCPT", **self.guess(most, 2)).seconds, DELAY / 2)
            for client in waiting_ones:
                self.assertEqual(client.reply(), "DUNNO")
            self.assertGreater(time.monotonic() - start, DELAY / 2)
            self.assertGreaterEqual(last.measure("RCPT", **self.guess(most, 3)).seconds, DELAY)

    @staticmethod
    def guess(port, number):
        return {"policy_context": "pre", "client_address": CLIENT, "client_port": str(port + 1),
                "instance": f"{port:x}.1.1.0", "recipient": f"nosuch{number}@example.org"}


class TwoNodes(case.TestCase):
    def test_guesses_at_two_nodes_are_one_number(self):
        self.enterContext(redis.RedisServer(self.own_folder()))
        nodes = [cluster.Node(self, number, SHARED + redis.settings()) for number in range(2)]
        for node in nodes:
            node.wait_store("redis")
            self.accept(node)
        # What comes next shows that the one before was missed: each node has seen three.
        answers = [[self.ask_pre(node, f"nosuch{at}{number}") for number in range(4)] for at, node in enumerate(nodes)]
        self.assertEqual(answers, [["DUNNO"] * 4, ["DUNNO"] * 3 + ["450"]])
        self.assertEqual([self.ask_pre(node, "user1") for node in nodes], ["450"] * 2)
        time.sleep(CONFIRM / 2)
        for node in nodes:
            self.accept(node)
        for node in nodes:
            waiting.until(lambda node=node: CLIENT in nets(node.daemon, "bans"), "the ban on each node")
            self.assertEqual(node.connect(CLIENT), "421")

    @staticmethod
    def accept(node):
        for context in ("pre", "post"):
            node.ask(policy_context=context, client_address="198.51.100.1", client_port="1", instance="1.1.1.0")

    @staticmethod
    def ask_pre(node, recipient):
        return node.ask(policy_context="pre", client_address=CLIENT, client_port="2", instance="2.1.1.0",
                        recipient=f"{recipient}@example.org")


if __name__ == "__main__":
    case.main()
