"""The daemon under test: the program that was built, with a configuration of the test's own."""

import contextlib
import http.client as http_client
import json
import os
import pathlib
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

from support import policy, waiting

PROGRAM = pathlib.Path(os.environ["MXWARDEND"])
SOURCE = pathlib.Path(__file__).parents[2]
# The operator's command is built beside it.
COMMAND = PROGRAM.with_name("mxwarden")

POLICY_ADDRESS = ("127.0.0.1", 10040)
HTTP_ADDRESS = ("127.0.0.1", 10041)

# Longer than a line waits for the thread that writes the log (base/log_writer.hpp).
LOG_RESTS = 0.03


def run(*arguments):
    """Runs the program to its end: for --help, --check-config and the like."""
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=20, check=False)


def command(*arguments, **environment):
    """Runs the operator's command to its end."""
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, **environment})


def http(path, address=HTTP_ADDRESS):
    """Status, content type and text of a page of the HTTP port."""
    connection = http_client.HTTPConnection(*address, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type"), response.read().decode()
    finally:
        connection.close()


def metric(name, address=HTTP_ADDRESS):
    """The value of a metric; with its labels in braces, if it has any, as /metrics writes it."""
    lines = [line for line in http("/metrics", address)[2].splitlines() if line.startswith(name + " ")]
    assert len(lines) == 1, (name, lines)
    return float(lines[0].rpartition(" ")[2])


def parse_logfmt(line):
    """key=value pairs; a value with blanks stands in double quotes."""
    return dict(part.split("=", 1) for part in shlex.split(line) if "=" in part)


@contextlib.contextmanager
def paused(daemon):
    """It hangs meanwhile."""
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


class Mxwardend:
    """`conf` and `access` are the texts of its two files; what they don't say is built in, with the ports above. Its
    control socket is `control_path`, in its own folder.

    user: runs as this user, without a privilege.  listeners: sockets it is handed as systemd would.
    """

    def __init__(self, folder, conf="", access="", user=None, listeners=()):
        self.folder = pathlib.Path(folder) / "mxwardend"
        self.folder.mkdir()
        self.conf_path = self.folder / "mxwarden.conf"
        self.access_path = self.folder / "access"
        self.log_path = self.folder / "log"
        self.store_path = self.folder / "store"
        self.store_path.mkdir()
        self.control_path = self.folder / "control.sock"
        self._user = user
        self._listeners = list(listeners)
        self._process = None
        self._program = PROGRAM
        if user:
            # The place it was built in may be closed to the user.
            self._program = shutil.copy(PROGRAM, self.folder)
            shutil.chown(self.store_path, user)
            shutil.chown(self.folder, user)
        self.write(conf, access)

    def write(self, conf=None, access=None):
        """New content for its files. Takes effect with reload() or the next start()."""
        if conf is not None:
            self.conf_path.write_text(f"{conf}\n[client]\naccess = {self.access_path}\n" if "[client]" not in conf
                                      else conf.replace("[client]", f"[client]\naccess = {self.access_path}"))
        if access is not None:
            self.access_path.write_text(access)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if self._process is None:
            return
        if kind is None:
            self.stop()
            return
        print(f"--- the log of mxwardend ends with\n{self.log()[-4000:]}---", file=sys.stderr)
        self.kill()

    @property
    def pid(self):
        return self._process.pid

    def start(self, seconds=15):
        """Returns when it says that it is ready (sd_notify(3)), which may take so long."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            path = self.folder / "notify"
            path.unlink(missing_ok=True)
            notify.bind(str(path))
            path.chmod(0o666)
            self._spawn(path)
            self._wait_ready(notify, seconds)

    def _spawn(self, notify_path):
        command = [self._program, "--config", self.conf_path, "--set", f"store.path={self.store_path}", "--set",
                   f"server.control={self.control_path}"]
        descriptors = [listener.fileno() for listener in self._listeners]
        if descriptors:
            activate = pathlib.Path(__file__).with_name("activate.py")
            command = [sys.executable, activate, ",".join(map(str, descriptors)), *command]
        who = {}
        if self._user:
            who = {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []}
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             pass_fds=descriptors, **who,
                                             env={**os.environ, "NOTIFY_SOCKET": str(notify_path)})

    def _wait_ready(self, notify, seconds):
        notify.settimeout(0.1)

        def ready():
            assert self._process.poll() is None, f"mxwardend ended with {self._process.returncode}:\n{self.log()}"
            with contextlib.suppress(TimeoutError):
                return b"READY=1" in notify.recv(4096).splitlines()

        try:
            waiting.until(ready, "mxwardend to be ready", seconds)
        except AssertionError:
            self.kill()
            raise

    def stop(self):
        """SIGTERM: it drains and ends well."""
        self._process.terminate()
        status = self._process.wait(timeout=10)
        self._process = None
        assert status == 0, f"mxwardend ended with {status}:\n{self.log()[-4000:]}"

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process = None

    def restart(self):
        self.stop()
        self.start()

    def reload(self, expect=r"reloaded"):
        """SIGHUP; returns when the log says how it went."""
        before = len(self.log())
        self._process.send_signal(signal.SIGHUP)
        return self.wait_log(expect, before)

    def cli(self, *arguments, **environment):
        """Runs the operator's command against it."""
        return command("--control", self.control_path, *arguments, **environment)

    def ask(self, *lines, timeout=10):
        """Sends lines to the control socket, bytes or objects; the answers, until it has answered all. Not more than fits
        into a socket: it answers no further while nobody reads."""
        data = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(str(self.control_path))
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as answers:
                return [json.loads(answer) for answer in answers]

    def log(self):
        """All that was logged until now."""
        time.sleep(LOG_RESTS)
        return self._written_log()

    def _written_log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, pattern, start=0):
        """The lines of the log, from character `start` on, when one of them matches."""
        waiting.until(lambda: re.search(pattern, self._written_log()[start:]), f"a log line like {pattern!r}, not\n"
                      f"{self._written_log()[start:][-2000:]}")
        return [line for line in self._written_log()[start:].splitlines() if re.search(pattern, line)]

    def decisions(self, **wanted):
        """The decision log, of those lines that have all the wanted values: a dictionary for each."""
        lines = [line.partition("decision ")[2] for line in self.log().splitlines() if "decision action=" in line]
        return [decision for decision in map(parse_logfmt, lines)
                if all(decision.get(key) == value for key, value in wanted.items())]

    def wait_decisions(self, count=1, **wanted):
        waiting.until(lambda: len(self.decisions(**wanted)) >= count, f"{count} decisions with {wanted}")
        return self.decisions(**wanted)

    def client(self, timeout=10):
        return policy.Client(POLICY_ADDRESS, timeout)
