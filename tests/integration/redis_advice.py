"""mxwardend --check-config asks the Redis about its own settings, and gives advice that changes nothing else."""

import re
import time

from support import case, certificates, mxwardend, redis, waiting

PASSWORD = "correct-horse"
ADDRESS = f"inet:127.0.0.1:{redis.PORT}"

GOOD = ("maxmemory 64mb", "maxmemory-policy volatile-ttl")


class Advice(case.TestCase):
    def server(self, *lines, **options):
        return self.enterContext(redis.RedisServer(self.own_folder(), *lines, **options))

    def check(self, *patterns, address=ADDRESS, **settings):
        """Each line that it says, in order; however bad, the configuration is fine. Returns all that was said."""
        path = self.own_folder() / "mxwarden.conf"
        path.write_text(redis.settings(address, **settings) + "[client]\naccess =\n")
        done = mxwardend.run("--config", path, "--check-config")
        self.assertEqual((done.returncode, done.stdout), (0, "The configuration is fine.\n"))
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), len(patterns), done.stderr)
        for line, pattern in zip(lines, patterns):
            self.assertRegex(line, pattern)
        return done.stderr

    def password_file(self, password=PASSWORD):
        path = self.own_folder() / "password"
        path.write_text(f"{password}\n")
        return path

    def replicate(self, *lines):
        """A master with these lines, and a replica of it at another port."""
        self.server(*lines, "repl-diskless-sync-delay 0")
        replica = self.server(*GOOD, f"replicaof 127.0.0.1 {redis.PORT}", port=6381)
        waiting.until(lambda: "master_link_status:up" in replica.ask("INFO", "replication"), "the replica to follow")
        return replica

    def test_a_redis_as_the_manual_recommends_it_is_passed_over_in_silence(self):
        self.server(*GOOD)
        self.check()

    def test_a_redis_as_it_comes_has_no_limit_to_its_memory(self):
        server = self.server()
        self.check(rf"^redis {re.escape(ADDRESS)}: warning: it has no limit to its memory.*`maxmemory-policy volatile-ttl`")
        self.check(r"^redis unix:.*no limit to its memory", address=f"unix:{server.path}")

    def test_bad_settings_are_named_one_by_one(self):
        self.server("maxmemory 64mb", "maxmemory-policy volatile-random", "appendonly yes", "appendfsync always")
        self.check(r"forgets counts at random.*volatile-random", r"appendfsync always")

    def test_a_master_that_is_cut_off_from_its_replicas_should_not_count(self):
        self.replicate(*GOOD)
        self.check("min-replicas-to-write 1")

    def test_a_master_that_notices_is_passed_over_in_silence_and_its_replica_is_not_one_to_count_on(self):
        self.replicate(*GOOD, "min-replicas-to-write 1")
        self.check()
        self.check(rf"it is a replica.*127\.0\.0\.1 port {redis.PORT}", address="inet:127.0.0.1:6381")

    def test_where_nobody_listens_a_line_says_so(self):
        self.check(rf"^redis {re.escape(ADDRESS)}: warning: its settings could not be looked at: Connection refused$")
        self.check("^sentinel 127.0.0.1:26379: Connection refused$",
                   r"^\[redis\] sentinels: warning: its settings could not be looked at: none says within a second",
                   sentinels="127.0.0.1:26379", master="mymaster")

    def test_a_redis_that_says_nothing_takes_a_second(self):
        server = self.server()
        server.pause()
        before = time.monotonic()
        self.check("could not be looked at: it does not answer within a second")
        self.assertLess(time.monotonic() - before, 3)

    def test_a_password_is_used_and_never_shown(self):
        self.server(*GOOD).configure(requirepass=PASSWORD)
        self.check(password_file=self.password_file())
        self.check("could not be looked at: Redis asks for a password")
        said = self.check("Redis refuses the user and the password", password_file=self.password_file("battery-staple"))
        self.assertNotIn("battery-staple", said)

    def test_what_a_user_may_not_ask_is_said_if_it_matters(self):
        server = self.server(*GOOD, "appendonly yes", "appendfsync always",
                             f"user mxwarden on >{PASSWORD} -@all +auth +info")
        who = {"user": "mxwarden", "password_file": self.password_file()}
        self.check(**who)
        server.ask("ACL", "SETUSER", "mxwarden", "+config|get")
        self.check("appendfsync always", **who)
        server.ask("ACL", "SETUSER", "mxwarden", "-info")
        self.check(r"its ACL denies INFO to this user: add `\+info`", **who)

    def test_it_is_asked_over_tls_too(self):
        authority = certificates.Authority(self.own_folder() / "authority")
        self.server("port 0", *authority.server("IP:127.0.0.1", 6390))
        tls = {"address": "inet:127.0.0.1:6390", "tls": "yes"}
        self.check("no limit to its memory", tls_ca_file=authority.path, **tls)
        self.check("could not be looked at: certificate verify failed", **tls)


if __name__ == "__main__":
    case.main()
