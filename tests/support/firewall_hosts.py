"""The hosts that mxwarden-firewall is tested on: a client's, and one with mxwardend and the servers."""

from support import case, firewall, lan, network

CONF = """
[firewall]
min_ban = 1s
"""

CLIENT, NEIGHBOUR = "192.0.2.200", "192.0.2.201"
# Two of one /64, and one of the next; none of them is private.
CLIENT6, SAME_NET6, NEIGHBOUR6 = "2001:2:0:1::7", "2001:2:0:1:ffff::1", "2001:2:0:2::7"
SERVER6 = "2001:2:0:ff::25"

HOUR_MS = 3_600_000


class TestCase(case.TestCase):
    """`mx` and `sender` are hosts; mxwardend and mxwarden-firewall run on `mx`, as do servers on ports 25 and 22."""

    conf = CONF

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        switch = cls.enterClassContext(lan.Lan())
        cls.mx, cls.sender = switch.add_host(), switch.add_host()
        for host, addresses in ((cls.mx, [SERVER6]), (cls.sender, [CLIENT6, SAME_NET6, NEIGHBOUR6])):
            with host.inside():
                for address in addresses:
                    network.run("ip", "-6", "addr", "add", f"{address}/48", "dev", "eth0", "nodad")
        with cls.sender.inside():
            for address in (CLIENT, NEIGHBOUR):
                network.run("ip", "addr", "add", f"{address}/25", "dev", "eth0")
        with cls.mx.inside():
            for address in (cls.mx.address, SERVER6):
                for port in (25, 22):
                    cls.enterClassContext(firewall.Listener(address, port))

    def setUp(self):
        self.enterContext(self.mx.inside())
        self.daemon = self.mxwardend(self.conf)
        self.firewall = self.enterContext(
            firewall.Firewall(self.own_folder(), self.daemon.control_path, conf=self.conf))
        self.addCleanup(self.flush)
        self.firewall.wait_log("mxwardend tells its bans")

    def flush(self):
        firewall.nft("flush", "ruleset")

    def connects(self, source, port=25):
        with self.sender.inside():
            return firewall.connects(source, SERVER6 if ":" in source else self.mx.address, port)

    def session(self, source):
        with self.sender.inside():
            return self.enterContext(firewall.Session(source, SERVER6 if ":" in source else self.mx.address))

    def bans(self, *arguments):
        done = self.daemon.cli("bans", *arguments)
        self.assertEqual(done.returncode, 0, done)

    def ban(self, net, lasts="1h"):
        self.bans("add", net, "--for", lasts, "--reason", "r")

    def ban_many(self, nets, length_ms=HOUR_MS):
        nets = list(nets)
        for at in range(0, len(nets), 300):
            answers = self.daemon.ask(*({"op": "records.add", "kind": "ban", "net": net, "for_ms": length_ms,
                                         "reason": "r"} for net in nets[at:at + 300]), timeout=60)
            self.assertTrue(all(answer["ok"] for answer in answers), answers[-1])
