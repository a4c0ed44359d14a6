"""mxwarden-firewall and 100,000 bans."""

import contextlib
import json
import sqlite3
import time

from support import case, firewall, firewall_hosts, mxwardend, waiting
from support.firewall_hosts import CLIENT


class Many(firewall_hosts.TestCase):
    def test_100_000_bans_are_there_and_go(self):
        self.daemon.stop()
        self.fill(100_000)
        self.daemon.start()
        waiting.until(lambda: self.reported("ban4") == 100_000, "the report of all", 20)
        self.ban(CLIENT)
        waiting.until(lambda: not self.connects(CLIENT), "one more", firewall.BANNED_WITHIN)
        self.firewall.kill()
        firewall.nft("delete", "table", "inet", firewall.TABLE)
        began = time.monotonic()
        self.firewall.start()
        waiting.until(lambda: not self.connects(CLIENT), "all of them again", 10)
        print(f"100,001 bans were in the kernel {time.monotonic() - began:.2f} s after the start")

    def fill(self, count):
        """So many bans into the store, which mxwardend has made; by hand, as it takes some time to acknowledge each."""
        now = int(time.time() * 1000)
        until = now + firewall_hosts.HOUR_MS
        nets = (f"11.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(count))
        with contextlib.closing(sqlite3.connect(self.daemon.store_path / "records.sqlite")) as file, file:
            file.executemany("INSERT INTO record (kind, net, until, data) VALUES ('ban', ?, ?, ?)", (
                (net, until, json.dumps({"kind": "ban", "net": net, "until": until, "made": now, "rule": "operator",
                                         "reason": "r", "offences": 1})) for net in nets))

    def reported(self, name):
        if mxwardend.metric("mxwarden_firewall_up") == 0:
            return 0
        return mxwardend.metric(f'mxwarden_firewall_elements{{set="{name}"}}')


if __name__ == "__main__":
    case.main()
