"""Two MX hosts that share a Redis, each with its own mxwardend and mxwarden-firewall: who attacks one of them is
dropped by both."""

import time

from support import case, cluster, firewall, lan, network, redis, waiting

ATTACKER, HONEST = "192.0.2.200", "192.0.2.201"

# Three attempts of a listed client within a minute ban it for an hour.
CONF = """
[repeat_offender]
rate = 2/60s
rate_ban = 1h
[firewall]
min_ban = 1m
"""


class Cluster(case.TestCase):
    def setUp(self):
        self.switch = self.enterContext(lan.Lan())
        self.redis = self.enterContext(redis.RedisServer(self.own_folder()))
        self.sender = self.switch.add_host()
        with self.sender.inside():
            for address in (ATTACKER, HONEST):
                network.run("ip", "addr", "add", f"{address}/25", "dev", "eth0")
        conf = CONF + redis.settings(address=f"unix:{self.redis.path}")
        self.hosts = [self.switch.add_host() for _ in range(2)]
        self.nodes = [cluster.Node(self, number, conf, inside=host.inside) for number, host in enumerate(self.hosts)]
        for host, node in zip(self.hosts, self.nodes):
            node.wait_store("redis")
            with host.inside():
                self.enterContext(firewall.Listener(host.address, 25))
                worker = self.enterContext(
                    firewall.Firewall(self.own_folder(), node.daemon.control_path, conf=CONF))
            worker.wait_log("mxwardend tells its bans")

    def connects(self, source, host):
        with self.sender.inside():
            return firewall.connects(source, host.address)

    def wait_dropped_everywhere(self, began):
        for host in self.hosts:
            with host.inside():
                waiting.until(lambda: ATTACKER in firewall.bans(), "the ban in the kernel", 5)
        took = time.monotonic() - began
        print(f"in both kernels {took * 1000:.0f} ms after the ban")
        self.assertLess(took, firewall.BANNED_WITHIN)
        for host in self.hosts:
            self.assertFalse(self.connects(ATTACKER, host))
            self.assertTrue(self.connects(HONEST, host))

    def test_an_operators_ban_on_one_node_is_dropped_on_both(self):
        began = time.monotonic()
        done = self.nodes[0].daemon.cli("bans", "add", ATTACKER, "--for", "1h", "--reason", "r")
        self.assertEqual(done.returncode, 0, done)
        self.wait_dropped_everywhere(began)
        done = self.nodes[1].daemon.cli("bans", "remove", ATTACKER)
        self.assertEqual(done.returncode, 0, done)
        for host in self.hosts:
            with host.inside():
                firewall.wait_bans([], firewall.BANNED_WITHIN)
            self.assertTrue(self.connects(ATTACKER, host))

    def test_an_attack_on_one_node_is_dropped_on_both(self):
        done = self.nodes[0].daemon.cli("listings", "add", ATTACKER, "--list", "bl.example", "--reason", "r")
        self.assertEqual(done.returncode, 0, done)
        node = self.nodes[1]
        began = time.monotonic()
        ports = iter(range(40_000, 50_000))

        def banned():
            # Each from another port, which makes it another session.
            answer = node.ask(protocol_state="CONNECT", client_address=ATTACKER, client_port=str(next(ports)))
            return answer == "421"

        waiting.until(banned, "the attempts to earn a ban")
        self.wait_dropped_everywhere(began)


if __name__ == "__main__":
    case.main()
