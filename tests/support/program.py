"""A program of the project: started, watched and ended by a test."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time

from support import waiting

# Longer than a line waits for the thread that writes the log (base/log_writer.hpp).
LOG_RESTS = 0.03


class Program:
    """Its files are in a folder of its own; `folder` outlives it.

    name: of the program, and of that folder.  command: with its arguments.  environment: more of it.  how: what else
    subprocess.Popen() is to know.
    """

    def __init__(self, folder, name, command, stdin=subprocess.DEVNULL, environment=None, **how):
        self.name = name
        self.folder = folder / name
        self.folder.mkdir(exist_ok=True)
        self.log_path = self.folder / "log"
        self._command = command
        self._stdin = stdin
        self._environment = environment or {}
        self._how = how
        self._process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if self._process is None:
            return
        if kind is None:
            self.stop()
            return
        print(f"--- the log of {self.name} ends with\n{self.log()[-4000:]}---", file=sys.stderr)
        self.kill()

    @property
    def pid(self):
        return self._process.pid

    def start(self, seconds=waiting.PATIENCE):
        """Returns when it says that it is ready (sd_notify(3)), which may take so long."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            path = self.folder / "notify"
            path.unlink(missing_ok=True)
            notify.bind(str(path))
            path.chmod(0o666)
            notify.settimeout(0.1)
            self.spawn(NOTIFY_SOCKET=str(path))

            def ready():
                assert self._process.poll() is None, f"it ended with {self._process.returncode}:\n{self.log()}"
                with contextlib.suppress(TimeoutError):
                    return b"READY=1" in notify.recv(4096).splitlines()

            try:
                waiting.until(ready, f"{self.name} to be ready", seconds)
            except AssertionError:
                self.kill()
                raise

    def spawn(self, **environment):
        """Does not wait."""
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=self._stdin, stdout=log, stderr=log, **self._how,
                                             env={**os.environ, **self._environment, **environment})

    def wait(self, timeout=10):
        """Until it ends by itself; the exit status."""
        status = self._process.wait(timeout=timeout)
        self._process = None
        return status

    def stop(self):
        self._process.terminate()
        status = self.wait()
        assert status == 0, f"{self.name} ended with {status}:\n{self.log()[-4000:]}"

    def kill(self):
        self._process.kill()
        self.wait()

    def signal(self, number=signal.SIGHUP):
        self._process.send_signal(number)

    def log(self):
        """All that was logged until now."""
        time.sleep(LOG_RESTS)
        return self._written_log()

    def _written_log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, pattern, start=0, seconds=waiting.PATIENCE):
        """The lines of the log, from character `start` on, when one of them matches."""
        waiting.until(lambda: re.search(pattern, self._written_log()[start:]), f"a log line like {pattern!r}, not\n"
                      f"{self._written_log()[start:][-2000:]}", seconds)
        return [line for line in self._written_log()[start:].splitlines() if re.search(pattern, line)]
