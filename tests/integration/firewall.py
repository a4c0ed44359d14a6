"""mxwarden-firewall and a real kernel: a client on one host, mxwardend and the servers on another."""

import time

from support import case, firewall, lan, mxwardend, network, waiting

CONF = """
[firewall]
min_ban = 1s
"""

CLIENT, NEIGHBOUR = "192.0.2.200", "192.0.2.201"
# Two of one /64, and one of the next; none of them is private.
CLIENT6, SAME_NET6, NEIGHBOUR6 = "2001:2:0:1::7", "2001:2:0:1:ffff::1", "2001:2:0:2::7"
SERVER6 = "2001:2:0:ff::25"

HOUR_MS = 3_600_000


class FirewallTestCase(case.TestCase):
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


class Packets(FirewallTestCase):
    def test_a_banned_client_cannot_connect_its_running_session_goes_on_and_other_ports_are_open(self):
        running = self.session(CLIENT)
        self.ban(CLIENT)
        firewall.wait_bans([CLIENT], firewall.BANNED_WITHIN)
        self.assertFalse(self.connects(CLIENT))
        self.assertTrue(self.connects(CLIENT, 22))
        self.assertTrue(self.connects(NEIGHBOUR))
        self.assertTrue(running.works())
        self.bans("remove", CLIENT)
        firewall.wait_bans([], firewall.BANNED_WITHIN)
        self.assertTrue(self.connects(CLIENT))

    def test_an_ipv6_client_is_its_net_and_the_next_net_is_another(self):
        running = self.session(SAME_NET6)
        self.ban("2001:2:0:1::/64")
        firewall.wait_bans(["2001:2:0:1::"], firewall.BANNED_WITHIN)
        for source in (CLIENT6, SAME_NET6):
            self.assertFalse(self.connects(source), source)
            self.assertTrue(self.connects(source, 22), source)
        self.assertTrue(self.connects(NEIGHBOUR6))
        self.assertTrue(running.works())
        self.bans("remove", "2001:2:0:1::/64")
        firewall.wait_bans([], firewall.BANNED_WITHIN)
        self.assertTrue(self.connects(CLIENT6))

    def test_what_is_no_client_is_banned_as_a_range_and_overlaps_are_no_trouble(self):
        self.ban("192.0.2.200/31", "1h")
        self.ban("192.0.2.200/30", "2h")
        self.ban("2001:2:0:1::7/128")
        firewall.wait_bans(["192.0.2.200/30", "2001:2:0:1::7"])
        for source in (CLIENT, NEIGHBOUR, CLIENT6):
            self.assertFalse(self.connects(source), source)
        for source in (SAME_NET6, NEIGHBOUR6):
            self.assertTrue(self.connects(source), source)
        self.bans("remove", "192.0.2.200/30")
        firewall.wait_bans(["192.0.2.200/31", "2001:2:0:1::7"])
        self.bans("remove", "192.0.2.200/31")
        firewall.wait_bans(["2001:2:0:1::7"])
        self.assertTrue(self.connects(CLIENT))

    def test_a_ban_ends_by_itself_to_the_second(self):
        began = time.monotonic()
        self.ban(CLIENT, "3s")
        firewall.wait_bans([CLIENT], firewall.BANNED_WITHIN)
        with firewall.Prober(self.sender.inside, CLIENT, self.mx.address) as prober:
            waiting.until(lambda: prober.opened, "the ban to end", 5)
        ended = prober.opened[0] - began
        self.assertGreater(ended, 2.9)
        self.assertLess(ended, 4)

    def test_an_operator_may_shorten_a_ban(self):
        self.ban(CLIENT, "1d")
        firewall.wait_bans([CLIENT])
        self.ban(CLIENT, "30m")
        waiting.until(lambda: firewall.elements("ban4")[CLIENT] <= 1800, "the ban to be shorter")
        self.ban(CLIENT, "2h")
        waiting.until(lambda: firewall.elements("ban4")[CLIENT] > 7000, "the ban to be longer")

    def test_shorter_ones_than_min_ban_are_for_mxwardend_alone(self):
        self.firewall.conf_path.write_text("[firewall]\nmin_ban = 10m\n")
        self.firewall.signal()
        self.firewall.wait_log("reloaded")
        self.ban(CLIENT, "5m")
        self.ban(NEIGHBOUR, "10m")
        firewall.wait_bans([NEIGHBOUR])
        self.assertTrue(self.connects(CLIENT))

    def test_ports_change_with_a_reload_and_the_bans_stay(self):
        self.ban(CLIENT)
        firewall.wait_bans([CLIENT])
        self.firewall.conf_path.write_text("[firewall]\nmin_ban = 1s\nports = 22\n")
        self.firewall.signal()
        self.firewall.wait_log("reloaded")
        self.assertTrue(self.connects(CLIENT))
        self.assertFalse(self.connects(CLIENT, 22))

    def test_what_is_of_this_host_trusted_or_too_wide_is_never_banned(self):
        for net in (self.mx.address, "192.0.2.128/25", "2001:2::/40"):
            self.daemon.cli("bans", "add", net, "--for", "1h", "--reason", "r", "--force")
        self.ban(NEIGHBOUR)
        firewall.wait_bans([NEIGHBOUR])
        self.assertTrue(self.connects(CLIENT))
        # An address that this host gets is let go at once.
        network.run("ip", "addr", "add", f"{NEIGHBOUR}/32", "dev", "lo")
        firewall.wait_bans([], 2)
        network.run("ip", "addr", "del", f"{NEIGHBOUR}/32", "dev", "lo")
        firewall.wait_bans([NEIGHBOUR], 2)

    def test_status_and_metrics_say_what_is_in_the_kernel(self):
        self.ban_many(f"203.0.113.{n}" for n in range(50))
        firewall.wait_bans(f"203.0.113.{n}" for n in range(50))
        self.ban(CLIENT)
        firewall.wait_bans([CLIENT, *(f"203.0.113.{n}" for n in range(50))])
        self.assertFalse(self.connects(CLIENT))
        waiting.until(lambda: mxwardend.metric('mxwarden_firewall_elements{set="ban4"}') == 51, "the report", 8)
        self.assertEqual(mxwardend.metric("mxwarden_firewall_up"), 1)
        waiting.until(lambda: mxwardend.metric("mxwarden_firewall_dropped_packets_total") > 0, "the next check", 8)
        status = self.daemon.cli("status").stdout
        self.assertIn("51", status)


class Repair(FirewallTestCase):
    def setUp(self):
        super().setUp()
        self.ban(CLIENT)
        self.ban("2001:2:0:1::/64")
        self.ban("203.0.113.0/28")
        self.expected = [CLIENT, "2001:2:0:1::", "203.0.113.0/28"]
        firewall.wait_bans(self.expected)

    def check_repaired(self, breach):
        """What was done to the table is undone in time, and said once."""
        before = len(self.firewall.log())
        began = time.monotonic()
        breach()
        waiting.until(lambda: not self.connects(CLIENT) and not self.connects(CLIENT6), "the bans to be back",
                      firewall.REPAIRED_WITHIN)
        firewall.wait_bans(self.expected, firewall.REPAIRED_WITHIN + began - time.monotonic())
        said = self.firewall.wait_log("warning:.*rebuil", before)
        self.assertEqual(len(said), 1, said)

    def test_the_whole_ruleset_is_flushed(self):
        self.check_repaired(lambda: firewall.nft("flush", "ruleset"))

    def test_the_table_is_deleted(self):
        self.check_repaired(lambda: firewall.nft("delete", "table", "inet", firewall.TABLE))

    def test_a_set_is_flushed(self):
        self.check_repaired(lambda: firewall.nft("flush", "set", "inet", firewall.TABLE, "ban4"))
        self.check_repaired(lambda: firewall.nft("flush", "set", "inet", firewall.TABLE, "net4"))

    def test_rules_are_deleted(self):
        def flush_chains():
            for line in firewall.nft("list", "chains", "inet").splitlines():
                if line.strip().startswith("chain "):
                    firewall.nft("flush", "chain", "inet", firewall.TABLE, line.split()[1])

        self.check_repaired(flush_chains)

    def test_the_table_sleeps(self):
        self.check_repaired(lambda: firewall.nft("add", "table", "inet", firewall.TABLE, "{ flags dormant; }"))


class Away(FirewallTestCase):
    def test_kill_9_and_a_restart_lose_nothing_and_open_nothing(self):
        self.ban(CLIENT)
        self.ban("203.0.113.0/28")
        self.ban_many(f"203.0.113.{n}" for n in range(100, 200))
        expected = [CLIENT, "203.0.113.0/28", *(f"203.0.113.{n}" for n in range(100, 200))]
        firewall.wait_bans(expected)
        with firewall.Prober(self.sender.inside, CLIENT, self.mx.address) as prober:
            for _ in range(3):
                self.firewall.kill()
                time.sleep(0.3)
                self.assertEqual(firewall.bans(), set(expected))
                before = len(self.firewall.log())
                self.firewall.start()
                self.firewall.wait_log("mxwardend tells its bans", before)
            # What changes while it is away is made good.
            self.firewall.kill()
            self.bans("remove", "203.0.113.0/28")
            self.ban(NEIGHBOUR)
            self.firewall.start()
            firewall.wait_bans([*expected[:1], *expected[2:], NEIGHBOUR])
        self.assertEqual(prober.opened, [])
        self.assertGreater(prober.tried, 10)

    def test_a_clean_stop_leaves_the_bans_and_flush_removes_them(self):
        self.ban(CLIENT)
        firewall.wait_bans([CLIENT])
        self.firewall.stop()
        self.assertFalse(self.connects(CLIENT))
        flushed = firewall.run("--flush")
        self.assertEqual(flushed.returncode, 0, flushed)
        self.assertFalse(firewall.has_table())
        self.assertTrue(self.connects(CLIENT))
        self.assertEqual(firewall.run("--flush").returncode, 0)
        self.firewall.start()
        firewall.wait_bans([CLIENT])

    def test_mxwardend_is_away_for_a_while(self):
        self.ban(CLIENT)
        self.ban(NEIGHBOUR)
        firewall.wait_bans([CLIENT, NEIGHBOUR])
        self.daemon.kill()
        time.sleep(0.5)
        firewall.nft("flush", "ruleset")
        waiting.until(lambda: not self.connects(CLIENT), "the bans to be back", firewall.REPAIRED_WITHIN)
        self.daemon.start()
        self.bans("remove", NEIGHBOUR)
        firewall.wait_bans([CLIENT], 3)
        self.assertEqual(len(self.firewall.wait_log("warning: .*keeps the bans")), 2, self.firewall.log())

    def test_a_mxwardend_that_hangs_is_taken_for_gone_and_heard_again(self):
        self.ban(CLIENT)
        firewall.wait_bans([CLIENT])
        with mxwardend.paused(self.daemon):
            self.firewall.wait_log("has fallen silent", seconds=25)
            self.assertFalse(self.connects(CLIENT))
        self.ban(NEIGHBOUR)
        firewall.wait_bans([CLIENT, NEIGHBOUR], 3)


class Many(FirewallTestCase):
    def test_100_000_bans_are_there_and_go(self):
        nets = [f"11.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(100_000)]
        self.ban_many(nets)
        waiting.until(lambda: self.reported("ban4") == len(nets), "the report of all", 20)
        self.ban(CLIENT)
        waiting.until(lambda: not self.connects(CLIENT), "one more", firewall.BANNED_WITHIN)
        self.firewall.kill()
        firewall.nft("delete", "table", "inet", firewall.TABLE)
        began = time.monotonic()
        self.firewall.start()
        waiting.until(lambda: not self.connects(CLIENT), "all of them again", 10)
        print(f"100,001 bans were in the kernel {time.monotonic() - began:.2f} s after the start")

    def reported(self, name):
        return mxwardend.metric(f'mxwarden_firewall_elements{{set="{name}"}}')


if __name__ == "__main__":
    case.main()
