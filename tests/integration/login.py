"""What logins may do, through a real Postfix that has Dovecot check their passwords: `[login_rate]`, `[login_messages]` and
`[login_sender]`."""

from support import case, cluster, dovecot, postfix, redis, smtp

ANNA, BERT, CARL = "anna@example.org", "bert@example.org", "carl"
USERS = (ANNA, BERT, CARL)

RATE = """
[login_rate]
mode = enforce
limit = 10
"""


def service(number):
    host, port = cluster.policy_address(number)
    return f"check_policy_service inet:{host}:{port}"


def session(login, port=postfix.PORT):
    """A session of somebody who has logged in."""
    one = smtp.Smtp("198.51.100.60", port=port)
    one.hello()
    reply = one.log_in(login, dovecot.PASSWORD)
    assert reply.code == 235, reply
    return one


def send(login, recipients, sender=ANNA, port=postfix.PORT, body=None):
    """A message to so many: the replies to its recipients, and to the whole of it."""
    with session(login, port) as one:
        one.mail(sender)
        replies = [one.recipient(f"user{n}@example.org") for n in range(recipients)]
        codes = [reply.code for reply in replies]
        return codes, one.data(*([body] if body else [])).code if 250 in codes else None


class Login(case.PostfixTestCase):
    main = {**postfix.asked_everywhere(), **dovecot.SASL}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(dovecot.Dovecot(cls.folder, cls.folder / "dovecot.log", USERS, cls.postfix))

    def check_count(self, daemon, rule, login, count):
        """What the login has used of its limit, as `mxwarden explain` sees it."""
        [answer] = daemon.ask({"op": "explain", "attributes": {
            "protocol_state": "RCPT", "client_address": "198.51.100.61", "client_port": "1", "sasl_username": login,
            "sender": "x@freemail.example", "recipient": "other@example.org"}})
        [counts] = [one["counts"] for one in answer["rules"] if one["rule"] == rule]
        self.assertEqual([one["count"] for one in counts], [count + 1], counts)

    def test_recipients_of_all_messages_add_up_and_those_over_the_limit_are_refused_one_by_one(self):
        daemon = self.mxwardend(RATE)
        self.assertEqual(send(ANNA, 4), ([250] * 4, 250))
        self.assertEqual(send(ANNA, 4), ([250] * 4, 250))
        self.assertEqual(send(ANNA, 4), ([250] * 2 + [450] * 2, 250))
        self.assertEqual(send(ANNA, 2), ([450] * 2, None))
        self.assertEqual(send(BERT, 3, BERT), ([250] * 3, 250))
        for line in daemon.wait_decisions(4, rule="login_rate", login=ANNA):
            self.assertEqual((line["action"], line["count"], line["limit"], line["window"]), ("450", "11", "10", "1d"))
        self.check_count(daemon, "login_rate", ANNA, 10)
        self.check_count(daemon, "login_rate", BERT, 3)

    def test_by_default_it_is_only_told_of(self):
        daemon = self.mxwardend("[login_rate]\nlimit = 2\n")
        self.assertEqual(send(ANNA, 4), ([250] * 4, 250))
        lines = daemon.wait_decisions(2, rule="login_rate")
        self.assertEqual([(line["action"], line["would"], line["mode"]) for line in lines],
                         [("DUNNO", "450", "monitor")] * 2)

    def test_what_is_refused_later_has_counted_once(self):
        daemon = self.mxwardend(RATE + """
            [login_messages]
            mode = enforce
            limit = 3
            [limit volume]
            key = sasl_username
            count = bytes
            window = 1h
            limit = 2000
            action = 452 4.3.1 Too large
            """)
        large = "Subject: test\r\n\r\n" + ("x" * 70 + "\r\n") * 40
        # At END-OF-MESSAGE; by Postfix, as nobody has the address; and a recipient that is asked for twice.
        self.assertEqual(send(ANNA, 3, body=large), ([250] * 3, 452))
        self.check_count(daemon, "login_rate", ANNA, 3)
        self.check_count(daemon, "login_messages", ANNA, 1)
        with session(ANNA) as one:
            one.mail(ANNA)
            codes = [one.recipient(address).code
                     for address in ("user1@example.org", "nobody@example.org", "user2@example.org", "User1@example.org")]
            self.assertEqual(codes, [250, 550, 250, 250])
            self.assertEqual(one.data().code, 250)
        self.check_count(daemon, "login_rate", ANNA, 6)
        self.check_count(daemon, "login_messages", ANNA, 2)
        self.assertEqual(send(ANNA, 2), ([250] * 2, 250))
        self.assertEqual(send(ANNA, 2), ([450] * 2, None))
        self.check_count(daemon, "login_rate", ANNA, 8)

    def test_counted_at_the_end_of_the_message_only_what_got_there_counts(self):
        daemon = self.mxwardend(RATE + "stage = END-OF-MESSAGE\n[login_messages]\nmode = enforce\nlimit = 3\n"
                                "stage = END-OF-MESSAGE\n")
        with session(ANNA) as one:
            one.mail(ANNA)
            for address in ("user1@example.org", "nobody@example.org", "user2@example.org"):
                one.recipient(address)
            self.assertEqual(one.data().code, 250)
            one.mail(ANNA)
            one.recipient("user1@example.org")
            one.command("RSET")
            one.mail(ANNA)
            codes = [one.recipient(f"user{n}@example.org").code for n in range(9)]
            self.assertEqual((codes, one.data().code), ([250] * 9, 450))
        [line] = daemon.wait_decisions(1, rule="login_rate")
        self.assertEqual((line["count"], line["limit"], line["state"]), ("11", "10", "END-OF-MESSAGE"))
        self.assertEqual([send(ANNA, 1)[1] for _ in range(3)], [250, 250, 450])
        daemon.wait_decisions(1, rule="login_messages", action="450")

    def test_hold_keeps_the_message_in_the_hold_queue(self):
        self.mxwardend(RATE.replace("10", "1") + "action = HOLD Look at {rule}\n")
        sender = "hold@example.org"
        self.assertEqual(send(ANNA, 1, sender), ([250], 250))
        self.assertEqual(send(ANNA, 2, sender), ([250] * 2, 250))
        self.assertEqual(self.postfix.wait_delivered(sender, 1), ["user0@example.org"])
        self.assertEqual(len(list((self.postfix.folder / "spool/hold").iterdir())), 1)

    def test_logins_and_their_domains_have_limits_of_their_own(self):
        daemon = self.mxwardend(RATE.replace("10", "10 20") + "window = 1h 1d\n",
                                "LoginRate:example.org 2 3\nLoginRate:bert@example.org 0\n")
        self.assertEqual(send(ANNA, 3), ([250, 250, 450], 250))
        self.assertEqual(send(BERT, 12, BERT), ([250] * 12, 250))
        self.assertEqual(send(CARL, 11), ([250] * 10 + [450], 250))
        daemon.write(access="LoginRate:example.org 5 3\n")
        daemon.reload()
        self.assertEqual(send(ANNA, 2), ([250, 450], 250))

    def test_messages_with_a_sender_that_is_not_the_logins_own_count_once(self):
        daemon = self.mxwardend("[login_sender]\nmode = enforce\nlimit = 2\n")
        self.assertEqual(send(ANNA, 3, "x@freemail.example"), ([250] * 3, 250))
        self.assertEqual(send(ANNA, 2, BERT), ([250] * 2, 250))
        self.assertEqual(send(ANNA, 2, ""), ([250] * 2, 250))
        self.assertEqual(send(CARL, 1, "x@freemail.example"), ([250], 250))
        self.check_count(daemon, "login_sender", ANNA, 1)
        self.assertEqual(send(ANNA, 1, "y@freemail.example"), ([250], 250))
        self.assertEqual(send(ANNA, 2, "y@freemail.example"), ([450] * 2, None))
        self.assertEqual(send(ANNA, 1), ([250], 250))
        self.assertEqual(len(daemon.wait_decisions(2, rule="login_sender", login=ANNA)), 2)

    def test_the_map_of_senders_is_read_again_at_a_reload_and_kept_if_the_new_one_has_faults(self):
        path = self.own_folder() / "senders"
        path.write_text(f"{CARL} @one.example\n")
        daemon = self.mxwardend(f"[login_sender]\nmode = enforce\nlimit = 1\nmap = {path}\n")
        codes = [send(CARL, 1, sender)[0] for sender in ("a@one.example", "b@one.example", "a@two.example")]
        self.assertEqual(codes, [[250]] * 3)
        self.assertEqual(send(CARL, 1, "a@two.example")[0], [450])
        path.write_text(f"{CARL} @one.example a@two.example\n")
        daemon.reload()
        self.assertEqual(send(CARL, 1, "a@two.example")[0], [250])
        self.assertEqual(send(CARL, 1, "b@two.example")[0], [450])
        path.write_text(f"{CARL} two.example\n{ANNA}\n")
        daemon.reload(expect="stays in force")
        for fault in (f"{path}:1: `two.example' is not a sender", f"{path}:2: no sender stands after"):
            self.assertIn(fault, daemon.log())
        self.assertEqual(send(CARL, 1, "a@two.example")[0], [250])


class Shared(case.PostfixTestCase):
    """Two nodes, each asked by an smtpd of its own, that count in one Redis."""

    main = dovecot.SASL
    listeners = {587 + number: {"smtpd_recipient_restrictions": service(number)} for number in range(2)}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(dovecot.Dovecot(cls.folder, cls.folder / "dovecot.log", USERS, cls.postfix))
        cls.redis = cls.enterClassContext(redis.RedisServer(cls.folder))

    def setUp(self):
        self.redis.ask("FLUSHALL")

    def start_nodes(self, conf):
        nodes = [cluster.Node(self, number, conf + redis.settings()) for number in range(2)]
        for node in nodes:
            node.wait_store("redis")

    def test_what_two_nodes_let_a_login_send_together_is_what_one_would(self):
        self.start_nodes(RATE)
        self.assertEqual(send(ANNA, 4, port=587), ([250] * 4, 250))
        self.assertEqual(send(ANNA, 4, port=588), ([250] * 4, 250))
        self.assertEqual(send(ANNA, 2, port=587), ([250] * 2, 250))
        for port in (588, 587):
            self.assertEqual(send(ANNA, 2, port=port), ([450] * 2, None))
        self.assertEqual(send(BERT, 1, BERT, port=588), ([250], 250))

    def test_so_it_is_with_messages_and_with_senders(self):
        self.start_nodes("[login_messages]\nmode = enforce\nlimit = 10\n[login_sender]\nmode = enforce\nlimit = 4\n")
        senders = ["x@freemail.example"] * 4 + [ANNA] * 6
        for number, sender in enumerate(senders):
            self.assertEqual(send(ANNA, 2, sender, port=587 + number % 2), ([250] * 2, 250), number)
        self.assertEqual([send(ANNA, 1, port=port)[0] for port in (587, 588)], [[450]] * 2)
        for number in range(5):
            code = 250 if number < 4 else 450
            self.assertEqual(send(BERT, 1, "x@freemail.example", port=587 + number % 2)[0], [code], number)


if __name__ == "__main__":
    case.main()
