"""mxwarden-firewall and 100,000 bans, and a million."""

import contextlib
import json
import sqlite3
import time

from support import case, firewall, firewall_hosts, mxwardend, waiting
from support.firewall_hosts import CLIENT, NEIGHBOUR

# One of them that can try to connect.
CLIENT_OF_MANY = NEIGHBOUR


class Many(firewall_hosts.TestCase):
    def begin(self, count):
        self.daemon.stop()
        self.fill(count)
        self.daemon.start(seconds=60)
        waiting.until(lambda: self.reported("ban4") == count and self.reported_waiting() == 0, "the report of all", 60)
        self.assertFalse(self.connects(CLIENT_OF_MANY))

    def check_one_more_and_one_less(self):
        self.ban(CLIENT)
        waiting.until(lambda: not self.connects(CLIENT), "one more", firewall.BANNED_WITHIN)
        self.bans("remove", CLIENT)
        waiting.until(lambda: self.connects(CLIENT), "one less", firewall.BANNED_WITHIN)

    def test_100_000_bans_are_there_and_come_back(self):
        self.begin(100_000)
        self.check_one_more_and_one_less()
        self.ban(CLIENT)
        waiting.until(lambda: not self.connects(CLIENT), "one more", firewall.BANNED_WITHIN)
        self.firewall.kill()
        firewall.nft("delete", "table", "inet", firewall.TABLE)
        began = time.monotonic()
        self.firewall.start()
        waiting.until(lambda: not self.connects(CLIENT), "all of them again", 10)
        print(f"100,001 bans were in the kernel {time.monotonic() - began:.2f} s after the start")

    def test_1_000_000_bans_are_there(self):
        self.begin(1_000_000)
        self.check_one_more_and_one_less()

    def fill(self, count):
        """So many bans into the store, which mxwardend has made; by hand, as it takes some time to acknowledge each."""
        now = int(time.time() * 1000)
        until = now + firewall_hosts.HOUR_MS
        nets = (CLIENT_OF_MANY if n == 0 else f"11.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(count))
        with contextlib.closing(sqlite3.connect(self.daemon.store_path / "records.sqlite")) as file, file:
            file.executemany("INSERT INTO record (kind, net, until, data) VALUES ('ban', ?, ?, ?)", (
                (net, until, json.dumps({"kind": "ban", "net": net, "until": until, "made": now, "rule": "operator",
                                         "reason": "r", "offences": 1})) for net in nets))

    def reported(self, name):
        if mxwardend.metric("mxwarden_firewall_up") == 0:
            return 0
        return mxwardend.metric(f'mxwarden_firewall_elements{{set="{name}"}}')

    def reported_waiting(self):
        return mxwardend.metric("mxwarden_firewall_waiting")


if __name__ == "__main__":
    case.main()
