"""mxwarden-firewall, when somebody breaks the table that it has made in the kernel."""

import time

from support import case, firewall, firewall_hosts, waiting
from support.firewall_hosts import CLIENT, CLIENT6


class Repair(firewall_hosts.TestCase):
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
        said = self.firewall.wait_log("warning: table inet mxwarden is made anew", before)
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


if __name__ == "__main__":
    case.main()
