"""Redis is away, late, full, or of another opinion: each question is answered in time all the same, and what was lost
is the sharing of the counts, for as long as Redis is away."""

import statistics
import threading
import time

from support import case, confs, loads, mxwardend, policy, postfix, redis, waiting

CLIENT_RATE = """
[client_rate]
limit = 5
window = 1h
"""

# What is refused here is asked for again and again: refusals of distinct counts are not remembered by the node.
HARVEST = confs.HARVEST + """
[client_rate]
mode = off
"""

ADMITTED, REFUSED = "DUNNO", "421"


def keep_asking(client, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client.measure()
        time.sleep(0.005)


def actions(client, count, client_address="198.51.100.7"):
    return [client.measure(client_address=client_address).action for _ in range(count)]


class RedisTestCase(case.TestCase):
    """`self.redis` is there at the beginning of each test unless the test is to start it."""

    lines = ()
    started = True

    def setUp(self):
        self.redis = redis.RedisServer(self.own_folder(), *self.lines)
        if self.started:
            self.enterContext(self.redis)

    def start(self, conf=confs.GENEROUS, store="redis", **settings):
        """A mxwardend and a policy connection to it, as soon as `store` answers."""
        daemon = self.mxwardend(conf + redis.settings(**settings))
        client = self.enterContext(daemon.client())
        redis.wait_answered_by(daemon, client, store)
        return daemon, client

    def check_said(self, daemon, away, back):
        """So often the log says that Redis is away, and that it is back; nothing else about it since the start."""
        def count():
            return len(redis.said(daemon, "warning")), len(redis.said(daemon, "info")) - 1

        waiting.until(lambda: count()[1] >= back, "the log to say that Redis is back")
        self.assertEqual(count(), (away, back), "\n".join(redis.said(daemon, "(?:warning|info)")))


class NotThereAtStart(RedisTestCase):
    started = False

    def test_it_answers_from_its_own_counts_and_shares_them_as_soon_as_redis_is_there(self):
        daemon, client = self.start(CLIENT_RATE, store="embedded")
        self.assertEqual(actions(client, 6), [ADMITTED] * 5 + [REFUSED])
        self.assertEqual(mxwardend.http("/healthz")[0], 200)
        self.assertEqual(mxwardend.metric("mxwarden_redis_up"), 0)
        self.enterContext(self.redis)
        redis.wait_answered_by(daemon, client, "redis")
        self.assertEqual(mxwardend.metric("mxwarden_redis_up"), 1)
        self.assertEqual(actions(client, 6), [ADMITTED] * 5 + [REFUSED])
        self.assertIn("mxw:3{client:198.51.100.7}client_rate/1h", self.redis.keys())


class UnderLoad(RedisTestCase):
    def check_answered(self, load):
        self.assertEqual(load.complaints, [])
        self.assertGreater(len(load.answers), 200)
        self.assertLess(load.slowest(), confs.ANSWER_WITHIN)

    def test_when_redis_is_killed_and_comes_back_empty_nobody_waits(self):
        daemon, client = self.start()
        with loads.PolicyLoad() as load:
            for _ in range(3):
                time.sleep(0.4)
                self.redis.kill()
                time.sleep(0.4)
                self.redis.start()
                redis.wait_answered_by(daemon, client, "redis")
        self.check_answered(load)
        self.assertEqual(load.count(ADMITTED), len(load.answers))
        self.assertGreater(mxwardend.metric("mxwarden_store_fallback_total"), 0)
        self.check_said(daemon, away=3, back=3)

    def test_a_script_that_is_forgotten_costs_no_count(self):
        daemon, _ = self.start("[client_rate]\nlimit = 300\nwindow = 1h\n")
        with loads.PolicyLoad() as load:
            while load.count(REFUSED) < 50 and not load.complaints:
                self.redis.ask("SCRIPT", "FLUSH")
                time.sleep(0.01)
        self.check_answered(load)
        self.assertEqual(load.count(ADMITTED), 300)
        self.assertEqual(daemon.decisions(store="embedded", client="198.51.100.7"), [])

    def test_connections_that_redis_ends_cost_sharing_alone(self):
        daemon, client = self.start()
        with loads.PolicyLoad() as load:
            for _ in range(20):
                self.redis.ask("CLIENT", "KILL", "TYPE", "normal")
                time.sleep(0.1)
            redis.wait_answered_by(daemon, client, "redis")
        self.check_answered(load)
        self.assertEqual(load.count(ADMITTED), len(load.answers))

    def test_a_redis_that_hangs_and_goes_on_costs_no_answer(self):
        daemon, client = self.start()
        with loads.PolicyLoad() as load:
            for _ in range(3):
                self.redis.pause()
                time.sleep(0.5)
                self.redis.resume()
                redis.wait_answered_by(daemon, client, "redis")
        self.check_answered(load)


class Silent(RedisTestCase):
    def check_silence(self, daemon, client):
        """Redis has just fallen silent: one question waits for it, those that follow don't."""
        answers = [client.measure() for _ in range(200)]
        self.assertGreater(answers[0].seconds, confs.DEADLINE * 0.9)
        self.assertLess(answers[0].seconds, confs.DEADLINE + waiting.MARGIN)
        self.assertLess(statistics.median(answer.seconds for answer in answers[1:]), 0.01)
        self.assertEqual([answer for answer in answers[1:] if answer.seconds > confs.DEADLINE * 0.9], [])
        self.assertEqual(redis.answered_by(daemon, client), "embedded")

    def test_a_redis_that_hangs_makes_the_first_question_wait_and_no_other(self):
        daemon, client = self.start(CLIENT_RATE)
        self.assertEqual(actions(client, 3), [ADMITTED] * 3)
        self.redis.pause()
        self.check_silence(daemon, client)
        self.redis.resume()
        redis.wait_answered_by(daemon, client, "redis")
        # What was counted before is still there; what the node counted meanwhile is its own. The question that Redis
        # did not answer may have been counted by both.
        answers = actions(client, 3)
        self.assertIn(answers, ([ADMITTED] * 2 + [REFUSED], [ADMITTED] + [REFUSED] * 2))
        self.check_said(daemon, away=1, back=1)

    def test_it_drains_and_ends_while_an_answer_is_outstanding(self):
        daemon, client = self.start(CLIENT_RATE, deadline="400ms")
        self.redis.pause()
        client.send(policy.request(protocol_state="CONNECT", client_address="198.51.100.7"))
        time.sleep(0.1)
        before = time.monotonic()
        daemon.stop()
        self.assertLess(time.monotonic() - before, 2)
        self.assertEqual(client.reply(), "DUNNO")
        self.redis.resume()

    def test_a_network_that_swallows_everything_is_as_quick(self):
        with redis.SlowProxy() as proxy:
            daemon, client = self.start(address=f"inet:127.0.0.1:{redis.PROXY_PORT}")
            proxy.silent = True
            self.check_silence(daemon, client)
            proxy.silent = False
            redis.wait_answered_by(daemon, client, "redis")
            self.check_said(daemon, away=1, back=1)

    def test_connections_are_not_made_again_and_again(self):
        with redis.SlowProxy() as proxy:
            daemon, client = self.start(address=f"inet:127.0.0.1:{redis.PROXY_PORT}")
            proxy.silent = True
            before = proxy.accepted
            keep_asking(client, seconds=2)
            # Each is given up after a deadline, and the waits between them double: for the counts, and for the records.
            self.assertLessEqual(proxy.accepted - before, 2 * 7)
            self.assertEqual(len(redis.said(daemon, "warning")), 1)


class Slow(RedisTestCase):
    def setUp(self):
        super().setUp()
        self.proxy = self.enterContext(redis.SlowProxy())

    def test_a_redis_that_answers_within_the_deadline_is_waited_for(self):
        daemon, client = self.start(CLIENT_RATE, address=f"inet:127.0.0.1:{redis.PROXY_PORT}")
        self.proxy.delay = 0.05
        answers = [client.measure() for _ in range(6)]
        self.assertEqual([answer.action for answer in answers], [ADMITTED] * 5 + [REFUSED])
        for answer in answers:
            self.assertTrue(0.045 < answer.seconds < confs.DEADLINE + waiting.MARGIN, answer)
        self.assertEqual(len(daemon.wait_decisions(6, store="redis", client="198.51.100.7")), 6)
        self.assertEqual(redis.said(daemon, "warning"), [])

    def test_one_that_answers_too_late_is_not_and_no_answer_is_taken_for_that_of_another(self):
        daemon, client = self.start(HARVEST, address=f"inet:127.0.0.1:{redis.PROXY_PORT}")

        def recipient(client_address, user):
            return client.measure("RCPT", client_address=client_address, recipient=f"user{user}@example.org")

        answers = [recipient("198.51.100.8", user).action for user in range(4)]
        self.assertEqual(answers, [ADMITTED] * 3 + ["450"])
        self.proxy.delay = 0.15
        for host in range(1, 201):
            # Redis refuses this one, late; it is let in for it is the first one that the node itself sees.
            self.assertEqual(recipient("198.51.100.8", 3).action, ADMITTED)
            answer = recipient(f"203.0.113.{host}", 3)
            self.assertLess(answer.seconds, confs.DEADLINE + waiting.MARGIN)
            self.assertEqual(answer.action, ADMITTED)
            time.sleep(0.01)
        self.proxy.delay = 0
        redis.wait_answered_by(daemon, client, "redis")
        self.assertEqual(recipient("198.51.100.8", 3).action, "450")

    def test_connections_that_are_cut_are_made_anew(self):
        daemon, client = self.start(CLIENT_RATE, address=f"inet:127.0.0.1:{redis.PROXY_PORT}")
        for _ in range(3):
            self.assertEqual(actions(client, 1), [ADMITTED])
            self.proxy.cut()
            redis.wait_answered_by(daemon, client, "redis")
        self.assertEqual(actions(client, 3), [ADMITTED] * 2 + [REFUSED])


class CannotCount(RedisTestCase):
    """Redis is there, and says no."""

    lines = ("busy-reply-threshold 1",)

    def check(self, daemon, client, trouble, end):
        trouble()
        waiting.until(lambda: redis.answered_by(daemon, client) == "embedded", "answers of the node itself")
        self.assertEqual(mxwardend.metric("mxwarden_redis_up"), 0)
        answers = [client.measure() for _ in range(100)]
        self.assertEqual({answer.action for answer in answers}, {ADMITTED})
        self.assertLess(statistics.median(answer.seconds for answer in answers), 0.01)
        self.assertLess(max(answer.seconds for answer in answers), confs.ANSWER_WITHIN)
        end()
        redis.wait_answered_by(daemon, client, "redis")
        self.check_said(daemon, away=1, back=1)

    def test_it_is_full(self):
        daemon, client = self.start()
        self.check(daemon, client, lambda: self.redis.configure(maxmemory=1), lambda: self.redis.configure(maxmemory=0))
        self.assertRegex(redis.said(daemon, "warning")[0], "OOM|memory")

    def test_it_has_lost_the_replicas_that_it_is_to_have(self):
        daemon, client = self.start()
        self.check(daemon, client, lambda: self.redis.configure(min_replicas_to_write=1),
                   lambda: self.redis.configure(min_replicas_to_write=0))
        self.assertIn("NOREPLICAS", redis.said(daemon, "warning")[0])

    def test_it_has_become_a_replica(self):
        daemon, client = self.start()
        self.check(daemon, client, lambda: self.redis.ask("REPLICAOF", "127.0.0.1", "1"),
                   lambda: self.redis.ask("REPLICAOF", "NO", "ONE"))

    def test_somebody_else_keeps_it_busy(self):
        daemon, client = self.start()
        other = redis.Connection(self.redis.path, timeout=30)
        self.addCleanup(other.close)

        def endless():
            with self.assertRaisesRegex(redis.Refused, "killed"):
                other.ask("EVAL", "while true do end", "0")

        thread = threading.Thread(target=endless)
        self.check(daemon, client, thread.start, lambda: self.redis.ask("SCRIPT", "KILL"))
        thread.join()


class Loading(RedisTestCase):
    lines = ("save 3600 1", "key-load-delay 1000", "loading-process-events-interval-bytes 1024")

    def test_while_it_reads_its_file_the_node_counts_for_itself_and_then_finds_what_was_counted(self):
        daemon, client = self.start(CLIENT_RATE)
        self.assertEqual(actions(client, 5), [ADMITTED] * 5)
        # Two seconds of them.
        self.redis.ask("EVAL", "for n = 1, 2000 do redis.call('SET', 'other:' .. n, string.rep('x', 100)) end", "0")
        self.redis.stop()
        self.redis.start(ready=False)
        with self.assertRaisesRegex(redis.Refused, "LOADING"):
            self.redis.ask("PING")
        answers = [client.measure() for _ in range(100)]
        self.assertLess(max(answer.seconds for answer in answers), confs.ANSWER_WITHIN)
        self.assertEqual([answer.action for answer in answers[:6]], [ADMITTED] * 5 + [REFUSED])
        self.assertEqual(redis.answered_by(daemon, client), "embedded")
        redis.wait_answered_by(daemon, client, "redis")
        self.assertEqual(actions(client, 1), [REFUSED])


class Password(RedisTestCase):
    right, wrong = "correct-horse", "battery-staple"
    lines = (f"user mxwarden on >{right} ~mxw:* +@all",)

    def password_file(self, password):
        path = self.own_folder() / "password"
        path.write_text(f"{password}\n")
        return path

    def check_secret(self, daemon, *more):
        texts = [daemon.log(), mxwardend.run("--config", str(daemon.conf_path), "--print-config").stdout, *more]
        for text in texts:
            self.assertNotIn(self.right, text)
            self.assertNotIn(self.wrong, text)

    def test_the_right_one_is_used_and_never_shown(self):
        daemon, client = self.start(CLIENT_RATE, user="mxwarden", password_file=self.password_file(self.right))
        self.assertEqual(actions(client, 6), [ADMITTED] * 5 + [REFUSED])
        self.check_secret(daemon, mxwardend.http("/metrics")[2])

    def test_a_wrong_one_is_one_line_in_the_log_and_no_storm_of_attempts(self):
        daemon, client = self.start(CLIENT_RATE, store="embedded", user="mxwarden",
                                    password_file=self.password_file(self.wrong))
        daemon.wait_log("WRONGPASS|password")
        before = self.redis.info("total_connections_received")
        keep_asking(client, seconds=2)
        self.assertEqual(self.redis.info("total_connections_received") - before, 0)
        self.assertEqual(len(redis.said(daemon, "warning")), 1, redis.said(daemon, "warning"))
        self.assertEqual(redis.answered_by(daemon, client), "embedded")
        self.check_secret(daemon)

    def test_a_user_without_the_rights_is_as_quiet(self):
        self.redis.ask("ACL", "SETUSER", "mxwarden", "-evalsha", "-eval")
        daemon, client = self.start(store="embedded", user="mxwarden", password_file=self.password_file(self.right))
        waiting.until(lambda: client.measure() and redis.said(daemon, "warning"), "a line about the missing right")
        self.assertRegex(redis.said(daemon, "warning")[0], "NOPERM|ACL")
        before = self.redis.info("total_connections_received")
        keep_asking(client, seconds=3)
        self.assertEqual(self.redis.info("total_connections_received") - before, 0)
        # What puts up the lists of top, each two seconds, meets the same.
        warnings = redis.said(daemon, "warning")
        of_top = [line for line in warnings if "who is the worst" in line]
        self.assertEqual((len(warnings), len(of_top)), (2, 1), warnings)

    def test_a_password_file_that_cannot_be_read_is_a_fault_of_the_configuration(self):
        path = self.own_folder() / "mxwarden.conf"
        path.write_text(redis.settings(password_file="/nowhere/password"))
        done = mxwardend.run("--config", str(path), "--check-config")
        self.assertEqual(done.returncode, 78)
        self.assertIn("/nowhere/password", done.stdout + done.stderr)


class OnError(RedisTestCase):
    def answers_without_redis(self, on_error):
        _, client = self.start(CLIENT_RATE, on_error=on_error)
        self.assertEqual(actions(client, 5), [ADMITTED] * 5)
        self.redis.kill()
        answers = [client.ask(protocol_state="CONNECT", client_address="198.51.100.7") for _ in range(8)]
        self.redis.start()
        waiting.until(lambda: actions(client, 1) == [ADMITTED], "Redis to be back")
        waiting.until(lambda: mxwardend.metric("mxwarden_redis_up") == 1, "Redis to be back")
        # It came back empty, and has counted since.
        self.assertEqual(actions(client, 6)[-1], REFUSED)
        return answers

    def test_local_counts_on_this_node(self):
        answers = self.answers_without_redis("local")
        self.assertEqual([answer.split()[0] for answer in answers], [ADMITTED] * 5 + [REFUSED] * 3)

    def test_who_was_refused_by_all_together_stays_refused(self):
        _, client = self.start(CLIENT_RATE)
        self.assertEqual(actions(client, 6), [ADMITTED] * 5 + [REFUSED])
        self.redis.kill()
        self.assertEqual(actions(client, 3), [REFUSED] * 3)

    def test_dunno_lets_pass(self):
        self.assertEqual(self.answers_without_redis("dunno"), ["DUNNO"] * 8)

    def test_defer_puts_off(self):
        for answer in self.answers_without_redis("defer"):
            self.assertRegex(answer, r"^DEFER_IF_PERMIT 4\.3\.0 ")


class Mail(case.PostfixTestCase):
    main = postfix.asked_everywhere()

    def test_mail_goes_through_while_redis_is_killed_and_comes_back(self):
        server = self.enterContext(redis.RedisServer(self.own_folder()))
        daemon = self.mxwardend(confs.GENEROUS + redis.settings())
        with loads.SmtpLoad("away@sender.example") as load:
            time.sleep(0.5)
            server.kill()
            time.sleep(1)
            server.start()
            time.sleep(1)
        self.assertEqual(load.complaints, [])
        self.assertGreater(load.accepted, 50)
        self.assertEqual(len(self.postfix.wait_delivered(load.sender, 2 * load.accepted)), 2 * load.accepted)
        self.assertEqual({decision["store"] for decision in daemon.decisions()}, {"redis", "embedded"})
        # Nothing was dropped on the way that Postfix had to repair.
        self.assertNotIn("warning", self.postfix.log())


if __name__ == "__main__":
    case.main()
