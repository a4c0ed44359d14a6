"""What scripts/bench --firewall measures: bans in the kernel, in a network namespace of its own.

  starting   from mxwardend's start, with so many bans in its store, until the kernel has all of them; and the p99 of a
             steady load meanwhile, beside the same load afterwards
  idle       processor time of mxwarden-firewall when nothing happens
  lag        from an operator's ban to the kernel

Whether the kernel has them is seen by connecting from a hundred of them that are spread over all: to ask nft(8) for one
takes it a dump of all, half a minute with a million.
"""

import contextlib
import json
import os
import random
import select
import socket
import sqlite3
import statistics
import subprocess
import threading
import time
from pathlib import Path

import bench_records

COUNTS = {100_000: 1.0, 1_000_000: 15.0}  # bans, and the seconds they may take
MOST_EXTRA_P99 = 2.0                      # milliseconds
MOST_IDLE = 1.0                           # percent of a core
MOST_LAG = 1200.0                         # milliseconds
LAGS = 20
IDLE_SECONDS = 10
NET = ["unshare", "--net", "--"]
SERVER = ("127.0.0.1", 25)
PATIENCE_MS = 20                          # a connection on loopback takes a tenth of one


def net(number):
    return f"11.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def enter_network(again):
    """The calling program anew, where its firewall is nobody else's."""
    if os.environ.get("MXWARDEN_BENCH_NETWORK") != "own":
        os.environ["MXWARDEN_BENCH_NETWORK"] = "own"
        os.execvp(NET[0], [*NET, *again])
    for command in (["link", "set", "lo", "up"], ["route", "add", "local", "11.0.0.0/8", "dev", "lo"],
                    ["route", "add", "local", "12.0.0.0/8", "dev", "lo"]):
        subprocess.run(["ip", *command], check=True)


def fill(records, count):
    """So many bans for a day, in a store that mxwardend has made."""
    now = int(time.time() * 1000)
    until = now + 86_400_000
    with sqlite3.connect(records / "records.sqlite") as file:
        file.executemany("INSERT INTO record (kind, net, until, data) VALUES ('ban', ?, ?, ?)", (
            (net(number), until, json.dumps({"kind": "ban", "net": net(number), "until": until, "made": now,
                                             "rule": "operator", "reason": "a ban of the benchmark", "offences": 1}))
            for number in range(count)))
    file.close()


def drops(addresses):
    """Whether the kernel drops what comes from all of them. Who is not dropped is connected at once."""
    with contextlib.ExitStack() as stack:
        poll = select.poll()
        for address in addresses:
            connection = stack.enter_context(socket.socket())
            connection.setblocking(False)
            connection.bind((address, 0))
            connection.connect_ex(SERVER)
            poll.register(connection, select.POLLOUT)
        return not poll.poll(PATIENCE_MS)


def processor_seconds(pid):
    stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def accept(listener):
    """Until it is closed: a queue that is full drops as well."""
    with contextlib.suppress(OSError):
        while True:
            listener.accept()[0].close()


class Arrival(threading.Thread):
    """When the kernel has all of them."""

    def __init__(self, count):
        super().__init__(daemon=True)
        self.sample = [net(number) for number in random.sample(range(count), 99)] + [net(count - 1)]
        self.at = None

    def run(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            at = time.monotonic()
            if drops(self.sample[:1]) and drops(self.sample):
                self.at = at
                return
            time.sleep(0.01)


def one_start(count, programs, directory, start, measure):
    """Seconds, and the extra p99, in milliseconds. `start` starts mxwardend and names its control socket, `measure` is
    the steady load's p99 in microseconds."""
    server = start()
    server.stop()
    fill(Path(server.records), count)
    worker = subprocess.Popen([programs / "mxwarden-firewall", "--set", f"server.control={server.control}", "--set",
                               "server.firewall_user=", "--set", f"log.target=file:{directory}/firewall.log"])
    figures = {}
    listener = socket.create_server(SERVER, backlog=4096)
    threading.Thread(target=accept, args=[listener], daemon=True).start()
    try:
        time.sleep(0.5)
        arrival = Arrival(count)
        began = time.monotonic()
        arrival.start()
        server = start()
        meanwhile = measure(server)
        arrival.join()
        if arrival.at is None:
            raise RuntimeError("the kernel has not got all of them within a minute")
        figures["seconds"] = arrival.at - began
        afterwards = measure(server)
        figures["extra_p99"] = (meanwhile["p99"] - afterwards["p99"]) / 1000
        figures["p99"] = afterwards["p99"] / 1000
        before = processor_seconds(worker.pid)
        time.sleep(IDLE_SECONDS)
        figures["idle"] = (processor_seconds(worker.pid) - before) / IDLE_SECONDS * 100
        figures["memory"] = int(next(line for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines()
                                     if line.startswith("VmRSS")).split()[1]) / 1024
        figures["lags"] = [lag(server.control, number) for number in range(LAGS)]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        server.stop()
        worker.terminate()
        worker.wait()
        subprocess.run(["nft", "flush", "ruleset"], check=True)
    return figures


def lag(path, number):
    """Milliseconds, as many of them as it takes to see that a connection does not come."""
    control = bench_records.Control(path)
    address = f"12.0.0.{number}"
    began = time.monotonic()
    control.ask(op="records.add", kind="ban", net=address, for_ms=86_400_000, reason="r")
    while not drops([address]):
        if time.monotonic() - began > 10:
            raise RuntimeError(f"{address} does not come to the kernel")
    control.close()
    time.sleep(0.05)
    return (time.monotonic() - began - 0.05) * 1000


def measure_all(programs, directory, rounds, start, measure, say):
    targets = []
    for count, most_seconds in COUNTS.items():
        each = [one_start(count, programs, directory, start(f"{count}-{number}"), measure) for number in range(rounds)]

        def median(name):
            return statistics.median(one[name] for one in each)

        lags = [one for figures in each for one in figures["lags"]]
        say(f"\n{count:,} bans; median of {rounds} rounds")
        say(f"  from mxwardend's start to the kernel: {min(one['seconds'] for one in each):.2f} - "
            f"{max(one['seconds'] for one in each):.2f} s; mxwarden-firewall takes {median('memory'):.0f} MB")
        targets += [bench_records.target(f"{count:,} bans from mxwardend's start to the kernel",
                                         f"{median('seconds'):.2f} s", f"under {most_seconds:g} s",
                                         median("seconds") < most_seconds),
                    bench_records.target(f"p99 meanwhile, {count:,} bans",
                                         f"{median('extra_p99'):+.2f} ms ({median('p99'):.2f} afterwards)",
                                         f"at most + {MOST_EXTRA_P99:g} ms", median("extra_p99") <= MOST_EXTRA_P99),
                    bench_records.target(f"idle, {count:,} bans", f"{median('idle'):.2f} % of a core",
                                         f"under {MOST_IDLE:g} %", median("idle") < MOST_IDLE),
                    bench_records.target(f"one more ban to the kernel, {count:,} bans",
                                         f"{max(lags):.0f} ms at most of {len(lags)}, {statistics.median(lags):.0f} as a rule",
                                         f"under {MOST_LAG:g} ms", max(lags) < MOST_LAG)]
    return targets
