"""mxwarden-firewall is away for a while, or mxwardend is: the kernel keeps what it has."""

import time

from support import case, firewall, firewall_hosts, mxwardend, waiting
from support.firewall_hosts import CLIENT, NEIGHBOUR


class Away(firewall_hosts.TestCase):
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


if __name__ == "__main__":
    case.main()
