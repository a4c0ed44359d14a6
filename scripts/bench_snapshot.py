#!/usr/bin/env python3
"""Measures what a start with many bans costs, and what their snapshot (bans.follow) costs those who ask meanwhile.

A directory of records is filled, mxwardend is started on it, and its bans are followed as mxwarden-firewall does, while
one client asks about a request each millisecond. Nothing is touched but a temporary directory.

  ready      from the start until the first request is answered
  snapshot   from the start until the last ban has been read
  p99        of the answers while the bans were read, and then with nothing else to do
"""

import argparse
import contextlib
import multiprocessing
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support import policy  # noqa: E402

DAY_MS = 86_400_000
APPLICATION_ID = 0x6D787764  # store/record_file.cpp
BETWEEN_QUESTIONS = 0.001    # seconds
IDLE = 3.0                   # seconds


def net(number):
    """Each sixteenth is of IPv6, each thousandth a net."""
    if number % 16 == 15:
        return f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::/64"
    if number % 1000 == 0:
        return f"172.{number >> 16}.{number >> 8 & 255}.{number & 255 & ~15}/28"
    return f"100.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def rows(bans):
    now = int(time.time() * 1000)
    for number in range(bans):
        name = net(number)
        until = now + DAY_MS + number % DAY_MS
        yield ("ban", name, until,
               f'{{"kind":"ban","net":"{name}","until":{until},"rule":"repeat_offender",'
               f'"reason":"{number} attempts in all; listed by bl.example","offences":1,"made":{now}}}')


def fill(directory, bans):
    database = sqlite3.connect(directory / "records.sqlite")
    database.executescript(
        f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version=1; PRAGMA synchronous=OFF;"
        "CREATE TABLE record (kind TEXT NOT NULL, net TEXT NOT NULL, until INTEGER NOT NULL, data TEXT NOT NULL,"
        "                     PRIMARY KEY (kind, net)) WITHOUT ROWID;"
        "CREATE INDEX record_until ON record (until);")
    with database:
        database.executemany("INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?)", sorted(rows(bans)))
    [(count,)] = database.execute("SELECT count(*) FROM record")
    database.close()
    return count


def connect(path):
    """As soon as somebody listens there."""
    while True:
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(path))
            return connection
        time.sleep(0.002)


def ask(path, pipe):
    """Asks until it is told to end, and hands over when each question was put and how long its answer took."""
    connect(path).close()
    answers = []
    with policy.Client(path) as client:
        while not pipe.poll():
            asked = time.monotonic()
            client.ask(client_address="198.51.100.1")
            answers.append((asked, time.monotonic() - asked))
            time.sleep(BETWEEN_QUESTIONS)
    pipe.send(answers)


def read_snapshot(path):
    """How many bans there were."""
    with connect(path) as connection:
        connection.sendall(b'{"op":"bans.follow"}\n')
        lines = 0
        last = b""
        while b'"end"' not in last:
            data = connection.recv(1 << 16)
            if not data:
                raise ConnectionError("the stream has ended")
            lines += data.count(b"\n")
            last = (last + data)[-200:]
    return lines - 3  # the answer, the begin and the end


def percentile(answers, begin, end):
    took = sorted(seconds for asked, seconds in answers if begin <= asked < end)
    if len(took) < 10:
        return float("nan"), float("nan")
    return took[len(took) * 99 // 100] * 1000, took[-1] * 1000


def measure(mxwardend, directory, bans):
    policy_socket, control = directory / "policy", directory / "control"
    ours, theirs = multiprocessing.Pipe()
    asker = multiprocessing.Process(target=ask, args=(policy_socket, theirs))
    asker.start()
    began = time.monotonic()
    with (directory / "log").open("w") as log:
        daemon = subprocess.Popen([mxwardend, "--config", "/dev/null", "--set", f"store.path={directory}",
                                   "--set", f"server.listen=unix:{policy_socket}", "--set", "server.http=",
                                   "--set", f"server.control={control}"], stdout=log, stderr=log)
    try:
        told = read_snapshot(control)
        ended = time.monotonic()
        if told != bans:
            sys.exit(f"{told} bans were told of {bans}")
        time.sleep(IDLE)
        ours.send("end")
        answers = ours.recv()
        memory = int(next(line for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
                          if line.startswith("VmHWM")).split()[1]) / 1024
    finally:
        daemon.terminate()
        daemon.wait()
        asker.join(10)
    ready = answers[0][0] + answers[0][1]
    p99, longest = percentile(answers, ready, ended)
    idle, idle_longest = percentile(answers, ended + 0.5, ended + IDLE)
    return {"ready, s": ready - began, "snapshot, s": ended - began, "p99, ms": p99, "longest, ms": longest,
            "idle p99, ms": idle, "idle longest, ms": idle_longest, "memory, MiB": memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bans", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mxwardend", type=Path, default=ROOT / "build/release/bin/mxwardend")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mxwarden-bench-") as folder:
        directory = Path(folder)
        bans = fill(directory, arguments.bans)
        rounds = [measure(arguments.mxwardend, directory, bans) for _ in range(arguments.rounds)]
    print(f"{bans:,} bans; median of {arguments.rounds} rounds, and each")
    for figure in rounds[0]:
        values = [one[figure] for one in rounds]
        print(f"  {figure:18}{statistics.median(values):8.2f}   {'  '.join(f'{value:.2f}' for value in values)}")


if __name__ == "__main__":
    main()
