"""An administrator's own limits, through a real Postfix: `[limit NAME]`."""

from support import case, postfix, smtp


class Limits(case.PostfixTestCase):
    main = {
        "smtpd_client_restrictions": postfix.POLICY,
        "smtpd_sender_restrictions": postfix.POLICY,
        "smtpd_recipient_restrictions": postfix.POLICY,
        "smtpd_end_of_data_restrictions": postfix.POLICY,
    }

    def test_bytes_are_counted_at_the_end_of_the_message(self):
        self.mxwardend("""
            [limit volume]
            key = sender
            stage = END-OF-MESSAGE
            count = bytes
            window = 1m
            limit = 50000
            action = 452 4.3.1 Enough for now
            """)
        body = "Subject: test\r\n\r\n" + ("x" * 70 + "\r\n") * 280  # 20,177 bytes and a little
        replies = [smtp.send_message("198.51.100.30", sender="big@sender.example", body=body) for _ in range(3)]
        self.assertEqual([reply.code for reply in replies], [250, 250, 452])
        self.assertTrue(replies[2].text.endswith("Enough for now [mxw:volume]"), replies[2])
        # What is refused is not counted: a small one still fits.
        self.assertEqual(smtp.send_message("198.51.100.30", sender="big@sender.example").code, 250)
        self.assertEqual(smtp.send_message("198.51.100.30", sender="other@sender.example", body=body).code, 250)
        self.assertEqual(len(self.postfix.wait_delivered("big@sender.example", 3)), 3)

    def test_distinct_recipients_are_counted_over_sessions(self):
        self.mxwardend("""
            [limit harvest]
            key = client_address
            stage = RCPT
            count = distinct recipients
            window = 1h
            limit = 4
            action = 450 4.7.1 Too many different recipients
            """)
        for _ in range(3):
            for user in range(4):
                reply = smtp.send_message("198.51.100.31", recipients=[f"user{user}@example.org"])
                self.assertEqual(reply.code, 250)
        with smtp.Smtp("198.51.100.31") as session:
            session.hello()
            session.mail("someone@sender.example")
            self.assertEqual(session.recipient("user4@example.org").code, 450)
            self.assertEqual(session.recipient("user0@example.org").code, 250)
        self.assertEqual(smtp.send_message("198.51.100.32", recipients=["user4@example.org"]).code, 250)

    def test_a_login_has_its_own_count_from_whichever_address_it_comes(self):
        self.mxwardend("""
            [limit login]
            key = sasl_username
            stage = RCPT
            count = recipients
            window = 1d
            limit = 3
            when = logged in
            action = 450 4.7.1 Enough for today
            """)

        def codes(login, address, recipients):
            with smtp.Smtp(server="127.0.0.1") as session:
                session.xclient(ADDR=address, PORT="5000", LOGIN=login)
                session.mail("user@example.org")
                return [session.recipient(f"user{user}@example.org").code for user in range(recipients)]

        self.assertEqual(codes("anna", "198.51.100.33", 2), [250, 250])
        self.assertEqual(codes("anna", "203.0.113.33", 2), [250, 450])
        self.assertEqual(codes("bert", "203.0.113.33", 3), [250, 250, 250])
        # Without a login there is nothing to count.
        self.assertEqual(smtp.send_message("203.0.113.33", recipients=[f"user{n}@example.org" for n in range(5)]).code,
                         250)

    def test_a_limit_in_monitor_mode_lets_pass_and_says_what_it_would_have_done(self):
        daemon = self.mxwardend("""
            [limit trial]
            key = client_address
            stage = MAIL
            count = messages
            window = 1m
            limit = 2
            mode = monitor
            action = 450 4.7.1 Not now
            """)
        codes = [smtp.send_message("198.51.100.34").code for _ in range(4)]
        self.assertEqual(codes, [250] * 4)
        lines = daemon.wait_decisions(2, rule="trial")
        for line in lines:
            self.assertEqual((line["action"], line["would"], line["mode"]), ("DUNNO", "450", "monitor"))
            self.assertEqual((line["client"], line["limit"], line["window"]), ("198.51.100.34", "2", "60s"))

    def test_the_strictest_window_decides(self):
        self.mxwardend("""
            [limit pace]
            key = client_address
            stage = MAIL
            count = messages
            window = 1s 1h
            limit = 100 3
            action = 450 4.7.1 Not now
            """)
        with smtp.Smtp("198.51.100.35") as session:
            session.hello()
            replies = []
            for _ in range(5):
                replies += session.pipeline("MAIL FROM:<a@sender.example>", "RCPT TO:<user1@example.org>", "RSET")[:2]
        self.assertEqual([reply.code for reply in replies[:6]], [250] * 6)
        self.assertIn(450, [reply.code for reply in replies[6:8]])

    def test_a_network_a_domain_and_a_pair_of_both_are_keys(self):
        self.mxwardend("""
            [limit net]
            key = client_address/24 + sender.domain
            stage = RCPT
            count = recipients
            window = 1m
            limit = 2
            action = 450 4.7.1 Not now
            """)
        ask = [("198.51.100.40", "a@one.example", 250), ("198.51.100.41", "b@ONE.example", 250),
               ("198.51.100.42", "c@one.example.", 450), ("198.51.100.42", "c@two.example", 250),
               ("203.0.113.42", "c@one.example", 250)]
        for source, sender, code in ask:
            with self.subTest(source=source, sender=sender):
                self.assertEqual(smtp.send_message(source, sender=sender).code, code)

    def test_a_condition_picks_the_mail_that_is_counted(self):
        self.mxwardend(r"""
            [limit picky]
            key = client_address
            stage = RCPT
            count = recipients
            window = 1m
            limit = 1
            when = helo_name ~ ^dsl- and server_port in 25 587
            action = 450 4.7.1 Not now
            """)

        def codes(helo):
            with smtp.Smtp("198.51.100.43") as session:
                session.hello(helo)
                session.mail("someone@sender.example")
                return [session.recipient(f"user{user}@example.org").code for user in range(3)]

        self.assertEqual(codes("mail.client.example"), [250, 250, 250])
        self.assertEqual(codes("dsl-1-2-3.client.example"), [250, 450, 450])


if __name__ == "__main__":
    case.main()
