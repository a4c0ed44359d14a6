"""Recipients of one message, through a real Postfix: `[message_recipients]`."""

from support import case, postfix, smtp

CONF = """
[message_recipients]
limit = 3
"""


class EveryList(case.PostfixTestCase):
    """The policy service stands in every restriction list, in two spellings, and may count a recipient only once."""

    main = {
        "smtpd_client_restrictions": postfix.POLICY,
        "smtpd_helo_restrictions": postfix.POLICY,
        "smtpd_sender_restrictions": postfix.POLICY,
        "smtpd_relay_restrictions": f"permit_mynetworks, reject_unauth_destination, {postfix.POLICY}",
        "smtpd_recipient_restrictions": f"{postfix.POLICY}, check_policy_service {{ inet:127.0.0.1:10040, "
                                        "policy_context=post }",
        "smtpd_data_restrictions": postfix.POLICY,
        "smtpd_end_of_data_restrictions": postfix.POLICY,
    }


class MessageRecipients:
    port = None

    def test_the_recipient_over_the_limit_is_452_and_the_rest_are_delivered(self):
        daemon = self.mxwardend(CONF)
        sender = "over@sender.example"
        with smtp.Smtp("198.51.100.20", port=self.port) as session:
            session.hello()
            session.mail(sender)
            replies = [session.recipient(f"user{user}@example.org") for user in range(5)]
            self.assertEqual([reply.code for reply in replies], [250, 250, 250, 452, 452])
            self.assertIn("4.5.3", replies[3].text)
            self.assertTrue(replies[3].text.endswith(" [mxw:message_recipients]"), replies[3])
            self.assertEqual(session.data().code, 250)
            # The session goes on: a 452 is no 421.
            self.assertEqual(session.quit().code, 221)
        self.assertEqual(self.postfix.wait_delivered(sender, 3),
                         ["user0@example.org", "user1@example.org", "user2@example.org"])
        refused = daemon.wait_decisions(2, rule="message_recipients", sender=sender)
        self.assertEqual([line["recipient"] for line in refused], ["user3@example.org", "user4@example.org"])

    def test_the_next_message_of_the_session_starts_anew(self):
        self.mxwardend(CONF)
        with smtp.Smtp("198.51.100.21", port=self.port) as session:
            session.hello()
            for message in range(3):
                session.mail(f"message{message}@sender.example")
                codes = [session.recipient(f"user{user}@example.org").code for user in range(4)]
                self.assertEqual(codes, [250, 250, 250, 452])
                self.assertEqual(session.data().code, 250)
            # So does one after RSET.
            session.mail("reset@sender.example")
            codes = [session.recipient(f"user{user}@example.org").code for user in range(3)]
            session.command("RSET")
            session.mail("reset@sender.example")
            codes += [session.recipient(f"user{user}@example.org").code for user in range(4)]
            self.assertEqual(codes, [250, 250, 250, 250, 250, 250, 452])

    def test_a_recipient_named_twice_counts_once(self):
        self.mxwardend(CONF)
        with smtp.Smtp("198.51.100.22", port=self.port) as session:
            session.hello()
            session.mail("someone@sender.example")
            names = ["user1@example.org", "user1@example.org", "User1@EXAMPLE.ORG", "user2@example.org",
                     "user3@example.org", "user2@example.org", "user4@example.org"]
            self.assertEqual([session.recipient(name).code for name in names],
                             [250, 250, 250, 250, 250, 250, 452])

    def test_pipelined_commands_get_the_same_answers(self):
        self.mxwardend(CONF)
        sender = "pipelined@sender.example"
        with smtp.Smtp("198.51.100.23", port=self.port) as session:
            session.hello()
            replies = session.pipeline(f"MAIL FROM:<{sender}>",
                                       *[f"RCPT TO:<user{user}@example.org>" for user in range(5)], "DATA")
            self.assertEqual([reply.code for reply in replies], [250, 250, 250, 250, 452, 452, 354])
            self.assertEqual(session.command("Subject: test\r\n\r\ntest\r\n.").code, 250)
        self.assertEqual(len(self.postfix.wait_delivered(sender, 3)), 3)

    def test_the_access_table_sets_the_limit_of_a_client(self):
        self.mxwardend(CONF, "MaxRcpt:198.51.100.26  1\nMaxRcpt:198.51.100.27  0\n")
        for source, codes in [("198.51.100.26", [250, 452, 452, 452, 452]), ("198.51.100.27", [250] * 5)]:
            with self.subTest(source), smtp.Smtp(source, port=self.port) as session:
                session.hello()
                session.mail("someone@sender.example")
                self.assertEqual([session.recipient(f"user{user}@example.org").code for user in range(5)], codes)

    def test_a_logged_in_client_is_exempt(self):
        self.mxwardend(CONF)
        sender = "login@sender.example"
        with smtp.Smtp(server="127.0.0.1", port=self.port) as session:
            session.xclient(ADDR="198.51.100.24", PORT="4242", LOGIN="somebody")
            session.mail(sender)
            codes = [session.recipient(f"user{user}@example.org").code for user in range(6)]
            self.assertEqual(codes, [250] * 6)
            self.assertEqual(session.data().code, 250)
        self.assertEqual(len(self.postfix.wait_delivered(sender, 6)), 6)


class AskedAtEveryStage(MessageRecipients, EveryList):
    """smtpd_delay_reject=no"""

    port = postfix.PORT

    def test_a_recipient_that_postfix_refuses_before_it_asks_does_not_count(self):
        self.mxwardend(CONF)
        with smtp.Smtp("198.51.100.25", port=self.port) as session:
            session.hello()
            session.mail("someone@sender.example")
            codes = [session.recipient(f"user{user}@elsewhere.example").code for user in range(5)]
            codes += [session.recipient(f"user{user}@example.org").code for user in range(4)]
            self.assertEqual(codes, [554, 554, 554, 554, 554, 250, 250, 250, 452])


class AskedAtRecipient(MessageRecipients, EveryList):
    """smtpd_delay_reject=yes: four to six identical requests for each recipient"""

    port = postfix.DELAYED_PORT


if __name__ == "__main__":
    case.main()
