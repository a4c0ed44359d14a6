"""mxwarden lists as many records as a cluster under attack has, at once and completely."""

import json
import time

from support import case

MANY = 100_000
# An idle machine takes an eighth of it.
LISTED_WITHIN = 4.0
# As many answers as a socket takes while nobody reads.
AT_ONCE = 500


class Many(case.TestCase):
    def test_a_hundred_thousand_are_listed_at_once(self):
        daemon = self.mxwardend()
        nets = [f"203.{at >> 16}.{at >> 8 & 255}.{at & 255}" for at in range(MANY)]
        for start in range(0, MANY, AT_ONCE):
            answers = daemon.ask(*({"op": "records.add", "kind": "ban", "net": net, "for_ms": 3_600_000,
                                    "reason": "one of many"} for net in nets[start:start + AT_ONCE]))
            self.assertEqual([answer["ok"] for answer in answers], [True] * AT_ONCE)
        for label, arguments, net_of, heading in [
                ("for programs", ["--json"], lambda line: json.loads(line)["net"], 0),
                ("for people", [], lambda line: line.split()[0], 1)]:
            with self.subTest(label):
                began = time.monotonic()
                done = daemon.cli(*arguments, "bans", "list")
                took = time.monotonic() - began
                print(f"{MANY} bans listed {label} in {took:.2f} s")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertEqual([net_of(line) for line in done.stdout.splitlines()[heading:]], nets)
                self.assertLess(took, LISTED_WITHIN)


if __name__ == "__main__":
    case.main()
