"""mxwarden-maillog under test, beside a mxwardend: the program that was built, following a source of the test's own."""

import contextlib
import datetime
import os
import re
import signal
import socket
import subprocess
import sys

from support import mxwardend, waiting

PROGRAM = mxwardend.PROGRAM.with_name("mxwarden-maillog")


def login_line(client, login="ann@example.org", host="mx"):
    """A line of a mail log, with its line end: somebody has logged in, now."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")
    return f"{now} {host} {login_text(client, login)}\n"


def login_text(client, login="ann@example.org"):
    """The same, from the program's name on."""
    return (f"dovecot: imap-login: Login: user=<{login}>, method=PLAIN, rip={client}, lip=192.0.2.25, mpid=77, "
            "session=<DU/1QR9lKqwKAAB>")


class Maillog:
    """`source` as [maillog] source has it. Its files are in a folder of their own; `folder` outlives it."""

    def __init__(self, folder, daemon, source, *arguments, stdin=subprocess.DEVNULL, **environment):
        self.folder = folder / "maillog"
        self.folder.mkdir(exist_ok=True)
        self.state_path = self.folder / "state"
        self.log_path = self.folder / "log"
        self.conf_path = self.folder / "mxwarden.conf"
        self.conf_path.touch()
        self._command = [PROGRAM, "--config", self.conf_path, "--set", f"server.control={daemon.control_path}", "--set",
                         "server.node=mx", "--set", f"maillog.state={self.state_path}", *arguments]
        if source is not None:
            self._command += ["--set", f"maillog.source={source}"]
        self._stdin = stdin
        self._environment = environment
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
        print(f"--- the log of mxwarden-maillog ends with\n{self.log()[-4000:]}---", file=sys.stderr)
        self.kill()

    @property
    def pid(self):
        return self._process.pid

    def start(self):
        """Returns when it says that it is ready (sd_notify(3))."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            path = self.folder / "notify"
            path.unlink(missing_ok=True)
            notify.bind(str(path))
            notify.settimeout(0.1)
            self.spawn(NOTIFY_SOCKET=str(path))

            def ready():
                assert self._process.poll() is None, f"it ended with {self._process.returncode}:\n{self.log()}"
                with contextlib.suppress(TimeoutError):
                    return b"READY=1" in notify.recv(4096).splitlines()

            waiting.until(ready, "mxwarden-maillog to be ready")

    def spawn(self, **environment):
        """Does not wait."""
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=self._stdin, stdout=log, stderr=log,
                                             env={**os.environ, **self._environment, **environment})

    def wait(self, timeout=10):
        """Until it ends by itself; the exit status."""
        status = self._process.wait(timeout=timeout)
        self._process = None
        return status

    def stop(self):
        self._process.terminate()
        status = self.wait()
        assert status == 0, f"mxwarden-maillog ended with {status}:\n{self.log()[-4000:]}"

    def kill(self):
        self._process.kill()
        self.wait()

    def signal(self, number=signal.SIGHUP):
        self._process.send_signal(number)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, pattern, start=0):
        """The lines of the log, from character `start` on, when one of them matches."""
        waiting.until(lambda: re.search(pattern, self.log()[start:]), f"a log line like {pattern!r}, not\n"
                      f"{self.log()[start:][-2000:]}")
        return [line for line in self.log()[start:].splitlines() if re.search(pattern, line)]


def grants(daemon):
    """Of each address with a grant: how many logins it has had, of each name."""
    found = {}
    after = {}
    while True:
        (answer,) = daemon.ask({"op": "records.list", "kind": "grant", "most": 1000, **after}, timeout=30)
        assert answer["ok"], answer
        for record in answer["records"]:
            address = record["net"].partition("/")[0]
            assert address not in found, record
            found[address] = {login["name"]: 1 + login.get("refreshes", 0) for login in record["logins"]}
        if "next" not in answer:
            return found
        after = {"after": answer["next"]}
