"""Nodes that reach Redis over TLS: they count as ever, trust nobody but the right one, and say what is wrong."""

import re

from support import case, certificates, mxwardend, redis, waiting

TLS_PORT = 6390

# A busy machine may take its time for a handshake; why it failed is what is asked here.
PATIENT = {"deadline": "1600ms"}

CLIENT_RATE = """
[server]
answer_within = 5s
[client_rate]
limit = 5
window = 1h
"""

ADMITTED, REFUSED = "DUNNO", "421"


def warnings(daemon):
    return [line for line in daemon.log().splitlines() if re.search(r"\bwarning\b.*redis", line)]


class RedisTls(case.TestCase):
    """Redis has no port without TLS, and asks for certificates."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = certificates.Authority(cls.folder / "authority")
        cls.redis = cls.enterClassContext(redis.RedisServer(
            cls.folder, "port 0", *cls.authority.server("IP:127.0.0.1,DNS:redis.example.org", TLS_PORT, clients="yes")))
        cls.ours = cls.authority.sign("DNS:mx1.example.org")

    def setUp(self):
        self.redis.ask("FLUSHALL")

    def settings(self, port=TLS_PORT, **more):
        certificate, key = self.ours
        tls = {"tls": "yes", "tls_ca_file": self.authority.path, "tls_cert_file": certificate, "tls_key_file": key}
        chosen = {name: value for name, value in {**PATIENT, **tls, **more}.items() if value is not None}
        return CLIENT_RATE + redis.settings(f"inet:127.0.0.1:{port}", **chosen)

    def check_counts(self, **more):
        daemon = self.mxwardend(self.settings(**more))
        client = self.enterContext(daemon.client())
        redis.wait_answered_by(daemon, client, "redis")
        answers = [client.ask(protocol_state="CONNECT", client_address="198.51.100.7").split()[0] for _ in range(6)]
        self.assertEqual(answers, [ADMITTED] * 5 + [REFUSED])
        self.assertIn("mxw:3{client:198.51.100.7}client_rate/1h", self.redis.keys())
        self.assertEqual(warnings(daemon), [])

    def test_counts_are_shared_over_it(self):
        self.check_counts()

    def test_the_certificate_may_be_for_a_name(self):
        self.check_counts(tls_name="redis.example.org")

    def check_refused(self, pattern, **more):
        """One warning that tells why, however often it is tried; meanwhile the node counts for itself."""
        daemon = self.mxwardend(self.settings(**more))
        client = self.enterContext(daemon.client())
        waiting.until(lambda: mxwardend.metric("mxwarden_redis_connections_total") >= 3, "three connections")
        self.assertEqual(redis.answered_by(daemon, client), "embedded")
        self.assertEqual(len(warnings(daemon)), 1, warnings(daemon))
        self.assertRegex(warnings(daemon)[0], pattern)
        self.assertEqual(self.redis.keys(), [])

    def test_a_redis_from_an_authority_that_is_not_trusted_is_away(self):
        other = certificates.Authority(self.own_folder() / "other")
        self.check_refused(rf"certificate verify failed: .*; is its CA in {other.path}\?", tls_ca_file=other.path)

    def test_a_redis_with_another_name_is_away(self):
        self.check_refused("hostname mismatch; it is not for other.example.org", tls_name="other.example.org")

    def test_a_redis_that_asks_for_a_certificate_is_away_without_one(self):
        self.check_refused("asks for a certificate of this node: name one in tls_cert_file", tls_cert_file=None,
                           tls_key_file=None)

    def test_a_port_without_tls_is_no_place_for_it(self):
        self.redis.configure(port=redis.PORT)
        self.addCleanup(self.redis.configure, port=0)
        self.check_refused("does not speak TLS|does the server speak it on that port", port=redis.PORT, deadline="100ms")

    def test_a_port_with_tls_is_no_place_for_plain_text(self):
        self.check_refused("Connection reset by peer|the connection was closed", tls=None, tls_ca_file=None,
                           tls_cert_file=None, tls_key_file=None)

    def test_the_certificates_of_a_node_are_replaced_by_a_restart(self):
        folder = self.own_folder()
        certificate, key = folder / "node.pem", folder / "node.key"

        def renew():
            for path, source in zip((certificate, key), self.authority.sign("DNS:mx2.example.org")):
                path.write_bytes(source.read_bytes())

        renew()
        daemon = self.mxwardend(self.settings(tls_cert_file=certificate, tls_key_file=key))
        client = self.enterContext(daemon.client())
        redis.wait_answered_by(daemon, client, "redis")
        renew()
        daemon.reload(r"these changes take a restart: \[redis\]")
        key.write_text("nonsense")
        daemon.reload("what was in force stays in force")
        self.assertIn(f"{key}: holds no key", daemon.log())

    def check_fault(self, pattern, **more):
        path = self.own_folder() / "mxwarden.conf"
        path.write_text(self.settings(**more))
        for arguments in (["--check-config"], []):
            done = mxwardend.run("--config", path, *arguments)
            self.assertEqual(done.returncode, 78)
            self.assertRegex(done.stderr, pattern)

    def test_files_that_are_missing_or_hold_something_else_are_faults(self):
        self.check_fault("/nowhere/ca.pem: there is no such file", tls_ca_file="/nowhere/ca.pem")
        self.check_fault("/nowhere/key: there is no such file", tls_key_file="/nowhere/key")
        self.check_fault(f"{self.ours[1]}: holds no certificate", tls_cert_file=self.ours[1])
        _, other = self.authority.sign("DNS:mx2.example.org")
        self.check_fault(f"{other}: is not the key of {self.ours[0]}", tls_key_file=other)


if __name__ == "__main__":
    case.main()
