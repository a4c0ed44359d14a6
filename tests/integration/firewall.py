"""mxwarden-firewall and a real kernel: who is banned, who is not, and when it ends."""

import time

from support import case, firewall, firewall_hosts, mxwardend, network, waiting
from support.firewall_hosts import CLIENT, CLIENT6, NEIGHBOUR, NEIGHBOUR6, SAME_NET6


class Packets(firewall_hosts.TestCase):
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


if __name__ == "__main__":
    case.main()
