"""A journal for tests, as no systemd runs where they do: a file of entries as `journalctl -o json` writes them, and a
journalctl that follows it, to be found first on PATH."""

import json
import os
import pathlib
import sys
import time

PROGRAM = """#!/bin/sh
exec {python} {script} {path} "$@"
"""


class Journal:
    def __init__(self, folder):
        self._path = folder / "journal"
        self._path.touch()
        self._entries = 0
        program = folder / "journalctl"
        program.write_text(PROGRAM.format(python=sys.executable, script=pathlib.Path(__file__), path=self._path))
        program.chmod(0o755)
        self.environment = {"PATH": f"{folder}:{os.environ['PATH']}"}

    def write(self, program, text):
        self._entries += 1
        entry = {"__CURSOR": f"s=1;i={self._entries:x}", "__REALTIME_TIMESTAMP": str(time.time_ns() // 1000),
                 "SYSLOG_FACILITY": "2", "SYSLOG_IDENTIFIER": program, "_PID": "77", "MESSAGE": text}
        with self._path.open("a") as journal:
            journal.write(json.dumps(entry) + "\n")


def follow(path, arguments):
    # The options that stand for what this does; another would be a mistake.
    options = [argument for argument in arguments if argument.startswith("-")]
    assert options[:2] == ["--follow", "--output=json"] and options[3:] == ["--no-tail"], options
    kind, _, begin = options[2].partition("=")
    assert kind in ("--since", "--after-cursor"), options
    waits = True
    with open(path, encoding="utf-8") as journal:
        while True:
            line = journal.readline()
            if not line:
                time.sleep(0.002)
                continue
            entry = json.loads(line)
            if kind == "--since":
                waits = waits and int(entry["__REALTIME_TIMESTAMP"]) < float(begin.removeprefix("@")) * 1e6
            if not waits:
                print(line, end="", flush=True)
            waits = waits and entry["__CURSOR"] != begin


if __name__ == "__main__":
    follow(sys.argv[1], sys.argv[2:])
