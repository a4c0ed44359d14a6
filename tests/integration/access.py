"""The access table, through a real Postfix that knows its clients' names, and its reload."""

from support import case, network, postfix, smtp

CONF = """
[client_rate]
limit = 2
window = 1h
"""

# network.HOSTS gives two clients a name below sender.example.
NAMED = {name: address for address, name in network.HOSTS.items()}


class AccessTable(case.PostfixTestCase):
    main = {"smtpd_client_restrictions": postfix.POLICY, "smtpd_sender_restrictions": postfix.POLICY}

    def codes(self, source, sessions):
        return [smtp.send_message(source).code for _ in range(sessions)]

    def test_connect_entries(self):
        self.mxwardend(CONF, """
            Connect:198.51.100.1    REJECT
            Connect:198.51.100.2    ERROR:4.7.1:450 come back later
            Connect:198.51.100.3    OK
            Connect:IPv6:2001:db8:bad  REJECT
            Connect:203.0.113.0/24  421 4.7.0 whole net
            203.0.113.7             OK
            """)
        for source, code, text in [
                ("198.51.100.1", 554, "mxw:connect"),
                ("198.51.100.2", 450, "4.7.1 <unknown[198.51.100.2]>: Client host rejected: come back later"),
                ("2001:db8:bad:1::9", 554, "mxw:connect"),
                ("203.0.113.9", 421, "4.7.0 <unknown[203.0.113.9]>: Client host rejected: whole net"),
        ]:
            with self.subTest(source=source):
                reply = smtp.send_message(source)
                self.assertEqual(reply.code, code)
                self.assertIn(text, reply.text)
        for label, source, codes in [
                ("OK exempts from client_rate", "198.51.100.3", [250, 250, 250, 250]),
                ("without an entry the limit is in force", "198.51.100.4", [250, 250, 421, 421]),
                ("the address is more specific than its net", "203.0.113.7", [250, 250, 250, 250]),
                ("the neighbour of a prefix", "2001:db8:bae::9", [250, 250, 421, 421]),
        ]:
            with self.subTest(label):
                self.assertEqual(self.codes(source, 4), codes)

    def test_connect_entries_by_name_need_a_confirmed_name(self):
        self.mxwardend(CONF, """
            Connect:bulk.sender.example  REJECT
            Connect:sender.example       OK
            """)
        self.assertEqual(self.codes(NAMED["mail.sender.example"], 4), [250] * 4)
        self.assertEqual(self.codes(NAMED["bulk.sender.example"], 2), [554] * 2)

    def test_client_rate_entries_set_the_limit_of_a_client(self):
        self.mxwardend(CONF, """
            ClientRate:                       3
            ClientRate:198.51.100             1
            ClientRate:198.51.100.9           0
            ClientRate:sender.example         4
            ClientRate:bulk.sender.example    2
            ClientRate:IPv6:2001:db8:5        1
            """)
        for label, source, passed in [
                ("the default of the table", "203.0.113.1", 3),
                ("a dotted prefix", "198.51.100.1", 1),
                ("counting stays per client", "198.51.100.2", 1),
                ("an address; 0 is no limit", "198.51.100.9", 6),
                ("a domain", NAMED["mail.sender.example"], 4),
                ("a host is more specific than its domain", NAMED["bulk.sender.example"], 2),
                ("an IPv6 prefix", "2001:db8:5::1", 1),
        ]:
            with self.subTest(label):
                codes = self.codes(source, 6)
                self.assertEqual(codes, [250] * passed + [421] * (6 - passed))

    def test_a_reload_picks_up_new_entries_and_keeps_the_counts(self):
        daemon = self.mxwardend(CONF)
        self.assertEqual(self.codes("198.51.100.1", 2), [250, 250])
        daemon.write(access="ClientRate:198.51.100.1  3\nConnect:198.51.100.2  REJECT\n")
        daemon.reload()
        self.assertEqual(self.codes("198.51.100.1", 2), [250, 421])
        self.assertEqual(self.codes("198.51.100.2", 1), [554])

    def test_a_reload_picks_up_new_settings_and_keeps_the_counts(self):
        daemon = self.mxwardend(CONF)
        self.assertEqual(self.codes("198.51.100.1", 3), [250, 250, 421])
        daemon.write(CONF.replace("limit = 2", "limit = 4"))
        daemon.reload()
        self.assertEqual(self.codes("198.51.100.1", 3), [250, 250, 421])

    def test_a_session_that_lives_through_a_reload_is_not_counted_again(self):
        daemon = self.mxwardend(CONF)
        with smtp.Smtp("198.51.100.1") as session:
            daemon.reload()
            session.hello()
            for _ in range(3):
                self.assertEqual(session.mail("someone@sender.example").code, 250)
                session.command("RSET")
        self.assertEqual(self.codes("198.51.100.1", 2), [250, 421])

    def test_a_broken_file_leaves_the_old_one_in_force(self):
        good = "ClientRate:198.51.100.1  1\n"
        daemon = self.mxwardend(CONF, good)
        faulty = [
            ("access", {"access": good + "Connect:198.51.100.300  REJECT\n"}, rf"{daemon.access_path}:2: "),
            ("settings", {"conf": CONF + "\n[no_such_section]\na = b\n"}, rf"{daemon.conf_path}:6: "),
        ]
        for label, files, complaint in faulty:
            with self.subTest(label):
                daemon.write(CONF, good)
                daemon.write(**files)
                daemon.reload(complaint)
                client = f"198.51.100.{200 + len(label)}"
                self.assertEqual(self.codes(client, 3), [250, 250, 421])
        self.assertEqual(self.codes("198.51.100.1", 2), [250, 421])


if __name__ == "__main__":
    case.main()
