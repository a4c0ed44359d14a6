"""Open connections of a client over two MX hosts that share a Redis: `[client_conn]`. Redis and the clients are on
hosts of their own."""

import contextlib
import time

from support import case, cluster, lan, postfix, redis, smtp, waiting

LIMIT = """
[client_conn]
limit = 5
"""

# In seconds. What began and what ended is known on the other host.
KNOWN_WITHIN = 1 + waiting.MARGIN
# A look at the kernel's table is trusted for less: none is counted any more that ended so long ago.
LOOK_IS_OLD = 0.06
# What a node said is over that says nothing any more.
OVER_WITHIN = 10 + waiting.MARGIN
# The longest wait between two attempts at Redis, and what a busy machine adds.
JOINS_WITHIN = 5 + 2


class Mx:
    """A host with a Postfix, which asks the mxwardend beside it: each test's own."""

    def __init__(self, folder, host, number, **parameters):
        self.address = host.address
        self.inside = host.inside
        self.number = number
        self.node = None
        service = "check_policy_service inet:{}:{}".format(*cluster.policy_address(number))
        # An smtpd whose policy connection went with the mxwardend of the last test would wait for a second first.
        main = {**postfix.asked_everywhere(service), "max_use": 1, **parameters}
        self.postfix = postfix.Postfix(folder, main, {postfix.PORT: {}}, address=self.address)


class OverTwoHosts(case.TestCase):
    """Postfix asks at RCPT on the host `late`, which is its default, and before the banner on the host `early`.
    `client`, `another`, `unlimited` and `narrow` are hosts with a client each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        switch = cls.enterClassContext(lan.Lan())
        cls.redis_host, cls.client, cls.another, cls.unlimited, cls.narrow = [switch.add_host() for _ in range(5)]
        cls.late = cls.add_mx(switch.add_host(), 1)
        cls.early = cls.add_mx(switch.add_host(), 2, smtpd_delay_reject="no")

    @classmethod
    def add_mx(cls, host, number, **parameters):
        folder = cls.folder / f"mx{number}"
        folder.mkdir()
        mx = Mx(folder, host, number, **parameters)
        with mx.inside():
            cls.enterClassContext(mx.postfix)
        return mx

    def setUp(self):
        address = self.redis_host.address
        with self.redis_host.inside():
            self.redis = self.enterContext(redis.RedisServer(self.own_folder(), "protected-mode no", address=address))
        conf = LIMIT + redis.settings(address=f"inet:{address}:{redis.PORT}", client_conn="enforce")
        access = f"ClientConn:{self.unlimited.address} 0\nClientConn:{self.narrow.address} 2\n"
        for mx in (self.late, self.early):
            mx.node = cluster.Node(self, mx.number, conf, access, mx.inside)
            self.wait_redis(mx)

    def wait_redis(self, mx):
        # Not by a question: that some have been asked is part of what is tested.
        waiting.until(lambda: mx.node.metric("mxwarden_redis_up") == 1, "Redis", JOINS_WITHIN)

    def hold(self, count, mx, client=None):
        """Connections that are let in, or not asked about, and on which nothing is said."""
        with (client or self.client).inside():
            sessions = [self.enterContext(smtp.Smtp(server=mx.address)) for _ in range(count)]
        self.assertEqual([session.banner.code for session in sessions], [220] * count)
        return sessions

    def mail(self, mx, client=None):
        """A session with a message. The first reply that is no success, or the last one."""
        time.sleep(LOOK_IS_OLD)
        with (client or self.client).inside():
            return smtp.send_message(server=mx.address)

    def wait_mail(self, mx, code, seconds=KNOWN_WITHIN, client=None):
        waiting.until(lambda: self.mail(mx, client).code == code, f"{code} on the host {mx.number}", seconds)

    def check_refused_everywhere(self, seconds=KNOWN_WITHIN, client=None):
        for mx in (self.early, self.late):
            self.wait_mail(mx, 421, seconds, client)
            reply = self.mail(mx, client)
            self.assertEqual(reply.code, 421)
            self.assertTrue(reply.text.endswith(" [mxw:client_conn]"), reply)

    def enter(self, mx):
        """A connection that is let in within a second, and has a recipient."""
        return waiting.until(lambda: self.try_to_enter(mx), f"room on the host {mx.number}", KNOWN_WITHIN)

    def try_to_enter(self, mx):
        time.sleep(LOOK_IS_OLD)
        with contextlib.ExitStack() as stack:
            with self.client.inside():
                session = stack.enter_context(smtp.Smtp(server=mx.address))
            if session.banner.code == 421:
                return None
            session.hello()
            self.assertEqual(session.mail("someone@sender.example").code, 250)
            if session.recipient("user1@example.org").code == 421:
                return None
            self.enterContext(stack.pop_all())
            return session

    def test_the_one_too_many_is_refused_on_either_host_and_others_are_let_in(self):
        self.hold(2, self.late)
        self.enter(self.late)
        self.hold(1, self.early)
        self.enter(self.early)
        self.check_refused_everywhere()
        for mx in (self.early, self.late):
            self.assertEqual(self.mail(mx, self.another).code, 250)
            self.assertEqual({decision["store"] for decision in mx.node.daemon.wait_decisions(rule="client_conn")},
                             {"redis"})

    def test_after_it_closes_one_the_next_gets_in_on_the_other_host_within_a_second(self):
        silent = {self.late: self.hold(3, self.late), self.early: self.hold(2, self.early)}
        for closing, other in ((self.late, self.early), (self.early, self.late)):
            self.check_refused_everywhere()
            silent[closing].pop().close()
            self.enter(other)
        self.check_refused_everywhere()

    def test_silent_connections_count_on_the_other_host_though_nobody_was_asked_about_them(self):
        self.hold(4, self.late)
        self.enter(self.early)
        self.wait_mail(self.early, 421)
        self.assertEqual(self.late.node.daemon.decisions(), [])

    def test_what_a_killed_node_said_is_over_in_time_and_said_again_when_it_is_back(self):
        self.hold(3, self.late)
        self.hold(2, self.early)
        self.hold(5, self.early, self.another)
        self.check_refused_everywhere()
        self.late.node.daemon.kill()
        self.assertEqual(self.mail(self.early).code, 421)
        self.wait_mail(self.early, 250, OVER_WITHIN)
        with self.late.inside():
            self.late.node.daemon.start()
        self.check_refused_everywhere()
        # The other node was not asked about these again, but has said them again.
        self.assertEqual(self.mail(self.late, self.another).code, 421)

    def test_each_host_goes_by_its_own_number_while_redis_is_away(self):
        self.hold(3, self.late)
        silent = self.hold(2, self.early)
        self.check_refused_everywhere()
        self.redis.kill()
        more = [self.enter(self.early) for _ in range(3)]
        self.assertEqual(self.mail(self.early).code, 421)
        self.assertEqual(self.mail(self.late).code, 250)
        for session in more:
            session.close()
        self.wait_mail(self.early, 250)
        with self.redis_host.inside():
            self.redis.start()
        self.check_refused_everywhere(JOINS_WITHIN)
        silent[0].close()
        self.wait_mail(self.late, 250)

    def test_an_access_entry_limits_what_a_client_has_on_both_hosts(self):
        self.hold(6, self.early, self.unlimited)
        for mx in (self.early, self.late):
            self.hold(1, mx, self.narrow)
        self.check_refused_everywhere(client=self.narrow)
        for mx in (self.early, self.late):
            self.assertEqual(self.mail(mx, self.unlimited).code, 250)


if __name__ == "__main__":
    case.main()
