"""The daemon under test: the program that was built, with a configuration of the test's own."""

import contextlib
import http.client as http_client
import json
import os
import pathlib
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys

from support import policy, program, waiting

PROGRAM = pathlib.Path(os.environ["MXWARDEND"])
SOURCE = pathlib.Path(__file__).parents[2]
# The operator's command is built beside it.
COMMAND = PROGRAM.with_name("mxwarden")

POLICY_ADDRESS = ("127.0.0.1", 10040)
HTTP_ADDRESS = ("127.0.0.1", 10041)


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


class Mxwardend(program.Program):
    """`conf` and `access` are the texts of its two files; what they don't say is built in, with the ports above. Its
    control socket is `control_path`, in its own folder.

    user: runs as this user, without a privilege.  listeners: sockets it is handed as systemd would.
    """

    def __init__(self, folder, conf="", access="", user=None, listeners=()):
        folder = pathlib.Path(folder)
        own = folder / "mxwardend"
        self.conf_path = own / "mxwarden.conf"
        self.access_path = own / "access"
        self.store_path = own / "store"
        self.control_path = own / "control.sock"
        self.store_path.mkdir(parents=True)
        # The place it was built in may be closed to the user.
        self._binary = shutil.copy(PROGRAM, own) if user else PROGRAM
        self._descriptors = [listener.fileno() for listener in listeners]
        how = {"pass_fds": self._descriptors}
        if user:
            shutil.chown(self.store_path, user)
            shutil.chown(own, user)
            how |= {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
        super().__init__(folder, own.name, [], **how)
        self.write(conf, access)

    def spawn(self, **environment):
        """With its paths as they are now."""
        self._command = [self._binary, "--config", self.conf_path, "--set", f"store.path={self.store_path}", "--set",
                         f"server.control={self.control_path}"]
        if self._descriptors:
            activate = pathlib.Path(__file__).with_name("activate.py")
            self._command[:0] = [sys.executable, activate, ",".join(map(str, self._descriptors))]
        super().spawn(**environment)

    def write(self, conf=None, access=None):
        """New content for its files. Takes effect with reload() or the next start()."""
        if conf is not None:
            self.conf_path.write_text(f"{conf}\n[client]\naccess = {self.access_path}\n" if "[client]" not in conf
                                      else conf.replace("[client]", f"[client]\naccess = {self.access_path}"))
        if access is not None:
            self.access_path.write_text(access)

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
