"""The log of a real Postfix and a real Dovecot leads to grants, listings and bans, on one node and on two."""

import json
import pathlib

from support import case, cluster, dns, dovecot, maillog, mxwardend, postfix, redis, smtp, waiting

SNIPPETS = pathlib.Path(__file__).parents[2] / "postfix-snippets"

CONF = """
[relay_grant]
mode = enforce
ttl = 4s
[client_rate]
mode = off
[bad_recipient]
source = log
"""

FOREIGN = ["somebody@elsewhere.example"]
LISTED = "203.0.113.66"
LISTED_TOO = "203.0.113.67"

# Behind what mxwardend is asked about a client, so that who is listed costs no look-up.
RBL_PORT = 2501


def event_count(name):
    """How often the log has told of it."""
    return mxwardend.metric(f'mxwarden_events_total{{event="{name}"}}')


def records(daemon, what):
    """By net."""
    done = daemon.cli("--json", what, "list")
    return {record["net"]: record for record in map(json.loads, done.stdout.splitlines())}


class Mail(case.PostfixTestCase):
    main = (SNIPPETS / "tcp.cf").read_text() + (SNIPPETS / "relay-grant.cf").read_text()
    listeners = {
        postfix.PORT: {},
        RBL_PORT: {"smtpd_client_restrictions": f"{postfix.POLICY}, reject_rbl_client rbl.test"},
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.log = cls.postfix.folder / "maillog"
        cls.enterClassContext(dovecot.Dovecot(cls.folder, cls.log))

    def follow(self, daemon):
        return self.enterContext(maillog.Maillog(self.own_folder(), daemon, f"file:{self.log}"))

    def relays(self, source):
        return smtp.send_message(source, recipients=FOREIGN).code == 250

    def test_who_fetches_mail_may_relay_for_a_while_from_the_same_address(self):
        daemon = self.mxwardend(CONF)
        self.follow(daemon)
        for fetch, client, neighbour in [(dovecot.fetch_by_pop3, "198.51.100.7", "198.51.100.8"),
                                         (dovecot.fetch_by_imap, "2001:db8:7::7", "2001:db8:7::8")]:
            with self.subTest(fetch.__name__):
                self.assertFalse(self.relays(client))
                self.assertTrue(fetch(client))
                waiting.until(lambda: self.relays(client), "the grant")
                self.assertFalse(self.relays(neighbour))
                self.assertEqual(records(daemon, "grants")[client]["logins"][0]["name"], "u1")
                waiting.until(lambda: not self.relays(client), "the grant to end")

    def test_a_failed_login_and_a_name_that_looks_like_an_address_grant_nothing(self):
        daemon = self.mxwardend(CONF)
        self.follow(daemon)
        self.assertFalse(dovecot.fetch_by_pop3("198.51.100.17", password="wrong"))
        forged = "u1>, method=PLAIN, rip=203.0.113.99, lip=192.0.2.25, mpid=1, session=<a"
        self.assertFalse(dovecot.fetch_by_imap("198.51.100.17", user=forged, password="wrong"))
        # Behind these lines in the log.
        self.assertTrue(dovecot.fetch_by_pop3("198.51.100.18"))
        waiting.until(lambda: records(daemon, "grants"), "a grant")
        self.assertEqual(list(records(daemon, "grants")), ["198.51.100.18"])

    def test_who_guesses_recipients_is_listed_and_banned(self):
        daemon = self.mxwardend(CONF)
        self.follow(daemon)
        for client, net in [("203.0.113.7", "203.0.113.7"), ("2001:db8:bad:1::7", "2001:db8:bad:1::/64")]:
            with self.subTest(client):
                with smtp.Smtp(client) as session:
                    session.hello()
                    session.mail("a@sender.example")
                    for number in range(6):
                        self.assertEqual(session.recipient(f"nosuch{number}@example.org").code, 550)
                waiting.until(lambda: net in records(daemon, "bans"), "the ban")
                self.assertEqual(records(daemon, "bans")[net]["rule"], "bad_recipient")
                self.assertEqual(records(daemon, "listings")[net]["list"], "bad_recipient")
                reply = smtp.send_message(client)
                self.assertEqual(reply.code, 421)
                self.assertTrue(reply.text.endswith("[mxw:ban]"), reply)
        worst = json.loads(daemon.cli("--json", "top", "--by", "bad-recipients").stdout.splitlines()[0])
        self.assertEqual(worst["count"], 6)

    def test_a_list_server_with_some_stale_addresses_is_not(self):
        daemon = self.mxwardend(CONF)
        self.follow(daemon)
        client = "203.0.113.17"
        for number in range(10):
            self.assertEqual(smtp.send_message(client, recipients=[f"user{number}@example.org"]).code, 250)
        waiting.until(lambda: event_count("recipient_accepted") >= 10, "the deliveries to be known")
        with smtp.Smtp(client) as session:
            session.hello()
            session.mail("list-owner+17@lists.example")
            for number in range(9):
                self.assertEqual(session.recipient(f"stale{number}@example.org").code, 550)
        waiting.until(lambda: event_count("recipient_unknown") >= 9, "the rejects to be known")
        self.assertEqual(records(daemon, "listings"), {})
        self.assertEqual(smtp.send_message(client).code, 250)

    def test_what_a_dnsbl_has_rejected_is_refused_without_asking_it_again(self):
        daemon = self.mxwardend(CONF)
        self.follow(daemon)
        with dns.Dnsbl("rbl.test", {LISTED: f"Listed: see http://rbl.test/q?{LISTED}"}) as dnsbl:
            reply = smtp.send_message(LISTED, port=RBL_PORT)
            self.assertEqual(reply.code, 554)
            waiting.until(lambda: LISTED in records(daemon, "listings"), "the listing")
            listing = records(daemon, "listings")[LISTED]
            self.assertEqual((listing["list"], listing["reason"], listing["hits"]),
                             ("rbl.test", f"Listed: see http://rbl.test/q?{LISTED}", 1))
            self.assertEqual(dnsbl.asked, [LISTED])
            # One list has said so once: a mistake of it costs an honest server time, not mail.
            reply = smtp.send_message(LISTED, port=RBL_PORT)
            self.assertEqual(reply.code, 450)
            self.assertIn(f"blacklisted by rbl.test. Visit their website or write to argue. Listed: see "
                          f"http://rbl.test/q?{LISTED} [mxw:listing]", reply.text)
            self.assertEqual(dnsbl.asked, [LISTED])
            # That was its second attempt within 30 seconds. The log tells of it, too, and it is not counted twice.
            waiting.until(lambda: LISTED in records(daemon, "bans"), "the ban")
            self.assertEqual(records(daemon, "listings")[LISTED]["hits"], 2)
            self.assertEqual(smtp.send_message(LISTED, port=RBL_PORT).code, 421)
            # An error of the list is no listing.
            dnsbl.listed[LISTED_TOO] = "Error: open resolver; https://check.example/returnc/pub/192.0.2.53/"
            self.assertEqual(smtp.send_message(LISTED_TOO, port=RBL_PORT).code, 554)
            self.assertTrue(dovecot.fetch_by_pop3("198.51.100.27"))
            waiting.until(lambda: "198.51.100.27" in records(daemon, "grants"), "what is behind it in the log")
            self.assertNotIn(LISTED_TOO, records(daemon, "listings"))


class TwoNodes(case.PostfixTestCase):
    main = (SNIPPETS / "tcp.cf").read_text()

    def test_what_the_log_of_one_node_tells_holds_on_the_other(self):
        log = self.postfix.folder / "maillog"
        self.enterContext(dovecot.Dovecot(self.own_folder(), log))
        self.enterContext(redis.RedisServer(self.own_folder()))
        nodes = [cluster.Node(self, number, CONF + redis.settings()) for number in range(2)]
        for node in nodes:
            node.wait_store("redis")
        self.enterContext(maillog.Maillog(self.own_folder(), nodes[0].daemon, f"file:{log}"))
        self.assertTrue(dovecot.fetch_by_pop3("198.51.100.7"))
        waiting.until(lambda: nodes[1].ask(protocol_state="RCPT", policy_context="relay",
                                           client_address="198.51.100.7") == "OK", "the grant on the other node")
        with smtp.Smtp("203.0.113.7") as session:
            session.hello()
            session.mail("a@sender.example")
            for number in range(6):
                self.assertEqual(session.recipient(f"nosuch{number}@example.org").code, 550)
        waiting.until(lambda: nodes[1].connect("203.0.113.7") == "421", "the ban on the other node")


if __name__ == "__main__":
    case.main()
