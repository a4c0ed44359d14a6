"""Who fills a mailbox, through a real Postfix wired as postfix-snippets/tcp.cf says, on the embedded store."""

import pathlib

from support import case, postfix, smtp

SNIPPET = (pathlib.Path(__file__).parents[2] / "postfix-snippets/tcp.cf").read_text()

CONF = """
[client]
good_record = off
[mail_bomb]
mode = enforce
messages = 3
bytes = 100000
"""

# 30 KB and a little.
LARGE = "Subject: large\r\n\r\n" + ("x" * 73 + "\r\n") * 400


def codes(source, sender, recipients, body=None, port=postfix.PORT):
    """What each recipient was told, and what the message was."""
    with smtp.Smtp(source, port=port) as session:
        session.hello()
        session.mail(sender)
        told = [session.recipient(recipient).code for recipient in recipients]
        if 250 in told:
            told.append(session.data(body or LARGE).code)
        return told


class MailBomb:
    port = None

    def codes(self, *arguments):
        return codes(*arguments, port=self.port)

    def test_one_sender_s_mail_to_one_mailbox_from_one_host_is_put_off_and_nothing_else(self):
        daemon = self.mxwardend(CONF)
        source, sender = "198.51.100.50", f"bomb{self.port}@sender.example"
        for _ in range(4):
            self.assertEqual(self.codes(source, sender, ["user1@example.org"]), [250, 250])
        with smtp.Smtp(source, port=self.port) as session:
            session.hello()
            session.mail(sender)
            reply = session.recipient("User1@Example.Org")
            self.assertEqual(reply.code, 450, reply)
            self.assertTrue(reply.text.endswith("try again later [mxw:mail_bomb]"), reply)
            # The session goes on: the others of this message get it, and so does whoever else this host has mail for.
            self.assertEqual(session.recipient("user2@example.org").code, 250)
            self.assertEqual(session.data(LARGE).code, 250)
            session.mail(f"friend{self.port}@sender.example")
            self.assertEqual(session.recipient("user1@example.org").code, 250)
            self.assertEqual(session.data(LARGE).code, 250)
        # The real owner of a forged address, on his own host.
        self.assertEqual(self.codes("198.51.100.51", sender, ["user1@example.org"]), [250, 250])
        self.assertEqual(sorted(self.postfix.wait_delivered(sender, 6)), ["user1@example.org"] * 5 + ["user2@example.org"])
        self.assertEqual(self.postfix.wait_delivered(f"friend{self.port}@sender.example", 1), ["user1@example.org"])
        (line,) = daemon.wait_decisions(1, rule="mail_bomb")
        self.assertEqual((line["action"], line["state"], line["count"], line["limit"]), ("450", "RCPT", "4", "3"))

    def test_many_small_messages_and_few_large_ones_go_through(self):
        self.mxwardend(CONF)
        for _ in range(6):
            self.assertEqual(self.codes("198.51.100.52", "small@sender.example", ["user1@example.org"], "x\r\n\r\nx"),
                             [250, 250])
        for _ in range(3):
            self.assertEqual(self.codes("198.51.100.52", "big@sender.example", ["user1@example.org"], LARGE * 2),
                             [250, 250])

    def test_a_message_counts_for_each_mailbox_that_has_got_it(self):
        self.mxwardend(CONF)
        everybody = ["user1@example.org", "user2@example.org"]
        for _ in range(2):
            self.assertEqual(self.codes("198.51.100.53", "list@sender.example", everybody), [250, 250, 250])
        for _ in range(2):
            self.assertEqual(self.codes("198.51.100.53", "list@sender.example", ["user2@example.org"]), [250, 250])
        self.assertEqual(self.codes("198.51.100.53", "list@sender.example", everybody), [250, 450, 250])

    def test_who_may_send_in_bulk_does(self):
        self.mxwardend(CONF + "when = sender not in news@shop.example\n", "Connect:198.51.100.55  OK\n")
        for source, sender in (("198.51.100.54", "News@Shop.example"), ("198.51.100.55", "any@sender.example")):
            for _ in range(6):
                self.assertEqual(self.codes(source, sender, ["user1@example.org"]), [250, 250])

    def test_a_host_s_bounces_are_mail_of_one_sender(self):
        self.mxwardend(CONF)
        for _ in range(4):
            self.assertEqual(self.codes("198.51.100.56", "", ["user1@example.org"]), [250, 250])
        self.assertEqual(self.codes("198.51.100.56", "", ["user1@example.org"]), [450])
        self.assertEqual(self.codes("198.51.100.56", "ann@sender.example", ["user1@example.org"]), [250, 250])

    def test_by_default_it_is_only_said(self):
        daemon = self.mxwardend("[mail_bomb]\nmessages = 1\nbytes = 64K\n")
        for _ in range(3):
            self.assertEqual(self.codes("198.51.100.57", "ann@sender.example", ["user1@example.org"], LARGE * 2),
                             [250, 250])
        (line,) = daemon.wait_decisions(1, rule="mail_bomb")
        self.assertEqual((line["action"], line["would"], line["mode"]), ("DUNNO", "450", "monitor"))


class Snippet(MailBomb, case.PostfixTestCase):
    """Before and after Postfix looks whether the recipient exists, in two contexts."""

    main = SNIPPET
    listeners = {postfix.PORT: {}}
    port = postfix.PORT


class EveryList(MailBomb, case.PostfixTestCase):
    """The policy service stands in every restriction list, all asked at RCPT."""

    main = postfix.asked_everywhere()
    port = postfix.DELAYED_PORT


class RefusedBehindUs(case.PostfixTestCase):
    """Postfix refuses the message at its end after mxwardend was asked: the transaction goes on, under another queue
    id."""

    main = {
        **postfix.asked_everywhere(),
        "smtpd_end_of_data_restrictions": f"{postfix.POLICY}, check_sender_access inline:{{late@sender.example=DEFER}}",
    }

    def test_a_message_that_comes_again_is_counted_once(self):
        self.mxwardend(CONF)
        with smtp.Smtp("198.51.100.58") as session:
            session.hello()
            session.mail("late@sender.example")
            for _ in range(6):
                self.assertEqual(session.recipient("user1@example.org").code, 250)
                self.assertEqual(session.data(LARGE).code, 450)
        for _ in range(3):
            self.assertEqual(codes("198.51.100.58", "late@sender.example", ["user1@example.org"]), [250, 450])
        self.assertEqual(codes("198.51.100.58", "late@sender.example", ["user1@example.org"]), [450])


if __name__ == "__main__":
    case.main()
