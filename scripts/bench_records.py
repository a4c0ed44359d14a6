"""What scripts/bench --records measures: bans, 100,000 of them.

  loading     p99 of a steady load while they are written through the control socket, with embedded records, and while
              they are read anew from Redis, beside the same load alone
  listing     how long `mxwarden bans list` takes
  spreading   with Redis: from the answer to the operator on one node until another one refuses

What writes and lists is as patient as a process can be (nice 19): it shares the CPUs with the load.
"""

import json
import os
import socket
import statistics
import subprocess
import threading
import time

BANS = 100_000
SPREAD = 50               # bans, one after the other
AT_ONCE = 200             # requests on their way at the control socket

MOST_EXTRA_P99 = 2.0      # milliseconds
MOST_LISTING = 1.0        # seconds
MOST_SPREADING = 200.0    # milliseconds


def net(number):
    return f"100.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


class Control:
    """A connection to a control socket."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._answers = self._socket.makefile("rb")

    def send(self, **request):
        self._socket.sendall(json.dumps(request).encode() + b"\n")

    def answer(self):
        answer = json.loads(self._answers.readline())
        if not answer["ok"]:
            raise RuntimeError(answer["error"])
        return answer

    def ask(self, **request):
        self.send(**request)
        return self.answer()

    def ban(self, first, last):
        for begin in range(first, last, AT_ONCE):
            some = range(begin, min(begin + AT_ONCE, last))
            self._socket.sendall(b"".join(json.dumps({
                "op": "records.add", "kind": "ban", "net": net(number), "for_ms": 86_400_000,
                "reason": "a ban of the benchmark"}).encode() + b"\n" for number in some))
            for _ in some:
                self.answer()

    def close(self):
        self._answers.close()
        self._socket.close()


def wait_until(done, what):
    end = time.monotonic() + 60
    while not done():
        if time.monotonic() > end:
            raise RuntimeError(f"waited for a minute for {what}")
        time.sleep(0.01)


def target(what, figure, wanted, reached):
    return {"what": what, "figure": figure, "wanted": wanted, "reached": reached}


def loading(what, measure, rounds, begin, wait):
    """`begin` starts the loading in the background at each round, `wait` is for its end."""
    alone, meanwhile, took = [], [], []
    for _ in range(rounds):
        alone.append(measure()["p99"] / 1000)
        began = time.monotonic()
        begin()
        meanwhile.append(measure()["p99"] / 1000)
        wait()
        took.append(time.monotonic() - began)
    extra = statistics.median(meanwhile) - statistics.median(alone)
    return target(f"p99 while {what}", f"{extra:+.2f} ms ({statistics.median(alone):.2f} alone)",
                  f"at most + {MOST_EXTRA_P99:g} ms", extra <= MOST_EXTRA_P99)


def write_through_control(measure, rounds, path):
    """Each round writes all of them again, with other ends."""
    control = Control(path)
    threads = []

    def write():
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        control.ban(0, BANS)

    def begin():
        threads.append(threading.Thread(target=write))
        threads[-1].start()

    def wait():
        threads[-1].join()
        bans = control.ask(op="status")["records"]["ban"]
        if bans != BANS:
            raise RuntimeError(f"{bans} bans are there, not {BANS}")

    try:
        return loading(f"{BANS:,} bans are written", measure, rounds, begin, wait)
    finally:
        control.close()


def read_from_redis(measure, rounds, redis, path):
    control = Control(path)

    def begin():
        redis.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wait_until(lambda: not control.ask(op="status")["records_current"], "the node to lose its Redis")

    def wait():
        wait_until(lambda: control.ask(op="status")["records_current"], "the node to read all records")

    try:
        return loading(f"{BANS:,} bans are read from Redis", measure, rounds, begin, wait)
    finally:
        control.close()


def list_all(program, path):
    targets = []
    for title, options in (("table", []), ("--json", ["--json"])):
        began = time.monotonic()
        done = subprocess.run([program, "--control", path, *options, "bans", "list"], stdout=subprocess.PIPE,
                              check=True)
        took = time.monotonic() - began
        lines = done.stdout.count(b"\n")
        if lines < BANS:
            raise RuntimeError(f"{lines} lines for {BANS} bans")
        targets.append(target(f"list of {BANS:,} bans, {title}", f"{took:.2f} s", f"under {MOST_LISTING:g} s",
                              took < MOST_LISTING))
    return targets


def spread(path, endpoint):
    control = Control(path)
    question = socket.socket(socket.AF_UNIX)
    question.connect(endpoint.removeprefix("unix:"))
    answers = question.makefile("rb")

    def refuses(address):
        question.sendall(f"request=smtpd_access_policy\nprotocol_state=CONNECT\nclient_address={address}\n"
                         f"client_port=1\n\n".encode())
        answer = answers.readline()
        answers.readline()
        return answer.startswith(b"action=521")

    delays = []
    try:
        for number in range(SPREAD):
            address = f"203.0.113.{number}"
            control.ask(op="records.add", kind="ban", net=address, for_ms=3_600_000, reason="a ban of the benchmark")
            began = time.monotonic()
            while not refuses(address):
                time.sleep(0.001)
            delays.append((time.monotonic() - began) * 1000)
    finally:
        answers.close()
        question.close()
        control.close()
    return target("a ban on another node", f"{max(delays):.0f} ms at most, {statistics.median(delays):.0f} ms as a rule",
                  f"at most {MOST_SPREADING:g} ms", max(delays) <= MOST_SPREADING)
