"""Whoever is killed, and however the log is rotated meanwhile: each login counts once."""

import collections
import itertools
import random
import threading
import time

from support import case, maillog, waiting

CONF = """
[relay_grant]
mode = enforce
ttl = 1h
"""

LOGINS = 10_000
ADDRESSES = 3000
LOGGED_IN_WITHIN = 20  # seconds
KILLS = 20
ROTATIONS = 6
BURST = 200  # lines
# In which what a burst has led to is under way.
UNDER_WAY = 0.03  # seconds


class Writer(threading.Thread):
    """Writes LOGINS lines, in bursts, and rotates the log as logrotate does: the writer goes on in the old file for a
    moment. Now and then a line is written in two halves."""

    def __init__(self, path, clients, chance):
        super().__init__(daemon=True)
        self._path = path
        self._clients = clients
        self._chance = chance
        self.rotations = 0
        self.burst = threading.Event()

    def run(self):
        log = self._path.open("ab", buffering=0)
        between = LOGINS // (ROTATIONS + 1)
        reopen_at = None
        for number, client in enumerate(self._clients):
            if number and number % between == 0 and self.rotations < ROTATIONS:
                self._rotate()
                reopen_at = number + self._chance.randrange(20)
            if number == reopen_at:
                log.close()
                log = self._path.open("ab", buffering=0)
            line = maillog.login_line(client).encode()
            half = self._chance.randrange(len(line)) if number % 50 == 0 else 0
            if half:
                log.write(line[:half])
                time.sleep(0.002)
            log.write(line[half:])
            if number % BURST == 0:
                time.sleep(LOGGED_IN_WITHIN / (LOGINS / BURST))
                self.burst.set()
        log.close()

    def _rotate(self):
        for number in range(self.rotations, 0, -1):
            self._numbered(number).rename(self._numbered(number + 1))
        self._path.rename(self._numbered(1))
        self.rotations += 1
        # Also who rotates may make the new one.
        if self.rotations % 2 == 0:
            self._path.touch()

    def _numbered(self, number):
        return self._path.with_name(f"{self._path.name}.{number}")


class Kill(case.TestCase):
    def test_each_login_counts_once_whoever_is_killed(self):
        chance = random.Random(time.time_ns())
        addresses = [f"203.{count // 60000}.{count // 250 % 240}.{count % 250}" for count in range(ADDRESSES)]
        # Each at least once, and some often.
        clients = addresses + [addresses[int(ADDRESSES * chance.random() ** 3)] for _ in range(LOGINS - ADDRESSES)]
        chance.shuffle(clients)
        daemon = self.mxwardend(CONF)
        log = self.own_folder() / "mail.log"
        log.touch()
        follower = self.enterContext(maillog.Maillog(self.own_folder(), daemon, f"file:{log}"))
        writer = Writer(log, clients, chance)
        writer.start()
        self.kill_in_turn(writer, daemon, follower, chance)
        writer.join(timeout=LOGGED_IN_WITHIN + 20)
        self.assertFalse(writer.is_alive())
        self.assertEqual(writer.rotations, ROTATIONS)
        wanted = collections.Counter(clients)
        waiting.until(lambda: sum(sum(names.values()) for names in maillog.grants(daemon).values()) >= LOGINS,
                      "all logins to count", 15)
        # One that counts twice would come late.
        time.sleep(0.5)
        counted = {client: sum(names.values()) for client, names in maillog.grants(daemon).items()}
        wrong = {client: (counted.get(client), count) for client, count in wanted.items() if counted.get(client) != count}
        self.assertEqual(wrong, {}, "counted, and written")
        self.assertEqual(len(counted), len(wanted))

    def kill_in_turn(self, writer, daemon, follower, chance):
        began = time.monotonic()
        for kill, victim in zip(range(KILLS), itertools.cycle((follower, daemon))):
            # Over the whole time that is written, and mostly while there is something to lose.
            due = began + kill * LOGGED_IN_WITHIN / KILLS
            time.sleep(max(0, due - time.monotonic()))
            writer.burst.clear()
            writer.burst.wait(timeout=1)
            time.sleep(chance.random() * UNDER_WAY)
            victim.kill()
            if chance.random() < 0.5:
                time.sleep(chance.random() * 0.3)
            victim.start()
        print(f"{KILLS} kills in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    case.main()
