"""mxwarden-firewall under test, what the kernel has of it, and clients that try to connect."""

import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time

from support import mxwardend, program, waiting

PROGRAM = mxwardend.PROGRAM.with_name("mxwarden-firewall")
TABLE = "mxwarden"

# As soon as this what is missing in the kernel is there again: it looks each 5 s.
REPAIRED_WITHIN = 6
# A ban is in the kernel of each node so soon.
BANNED_WITHIN = 1.2

# Long enough for an answer on this host, and well under the second after which the kernel asks anew.
_PATIENCE = 0.3


class Firewall(program.Program):
    def __init__(self, folder, control_path, *arguments, conf=""):
        folder = folder / "firewall"
        self.conf_path = folder / "mxwarden.conf"
        super().__init__(folder.parent, folder.name, command(self.conf_path, control_path, *arguments))
        self.conf_path.write_text(conf)


def command(conf_path, control_path, *arguments):
    return [PROGRAM, "--config", conf_path, "--set", f"server.control={control_path}", *arguments]


def run(*arguments):
    """Runs the program to its end."""
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=30, check=False)


def run_as_nobody(folder, *arguments):
    """The same, as a user without a privilege. The place it was built in may be closed to him."""
    program_of_his = shutil.copy(PROGRAM, folder)
    return subprocess.run([program_of_his, *arguments], capture_output=True, text=True, timeout=30, check=False,
                          user="nobody", group="nogroup", extra_groups=[])


def nft(*arguments, text=None):
    """Runs nft(8) in the network of the calling thread; what it prints."""
    return subprocess.run(["nft", *arguments], input=text, capture_output=True, text=True, check=True).stdout


def has_table():
    return f"table inet {TABLE}\n" in nft("list", "tables")


def elements(name):
    """Of one set: as nft(8) writes it, an address, a prefix or a range; and how many seconds are left, None of the
    canary."""
    found = {}
    for part in json.loads(nft("--json", "list", "set", "inet", TABLE, name))["nftables"]:
        for element in part.get("set", {}).get("elem", []):
            value, left = element, None
            if isinstance(element, dict) and "elem" in element:
                value, left = element["elem"]["val"], element["elem"].get("expires")
            if isinstance(value, dict):
                value = _text(value)
            found[value] = left
    return found


def _text(value):
    if "prefix" in value:
        return f"{value['prefix']['addr']}/{value['prefix']['len']}"
    return "-".join(value["range"])


def bans():
    """All that the kernel bans, without the canaries."""
    return {value for name in ("ban4", "ban6", "net4", "net6") for value, left in elements(name).items()
            if left is not None}


def wait_bans(expected, seconds=waiting.MARGIN + 15):
    """Until the kernel has just these."""
    expected = set(expected)
    waiting.until(lambda: bans() == expected, f"the kernel to ban {sorted(expected)}, not\n{nft('list', 'ruleset')}",
                  seconds)


class Listener:
    """Accepts connections at an address of the calling thread's network, greets each, and echoes what it says."""

    def __init__(self, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.create_server((address, port), family=family, backlog=1000)
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Wakes who waits in accept().
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._echo, args=[connection], daemon=True).start()

    @staticmethod
    def _echo(connection):
        with contextlib.suppress(OSError):
            connection.sendall(b"220 ready\r\n")
            while data := connection.recv(1000):
                connection.sendall(data)


class Session:
    """A connection that was made, and greeted."""

    def __init__(self, source, server, port=25, timeout=_PATIENCE):
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        self._socket = socket.socket(family)
        try:
            self._socket.settimeout(timeout)
            self._socket.bind((source, 0))
            self._socket.connect((server, port))
            self._socket.settimeout(5)
            assert self._socket.recv(100) == b"220 ready\r\n"
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def works(self):
        self._socket.sendall(b"NOOP\r\n")
        return self._socket.recv(100) == b"NOOP\r\n"


def connects(source, server, port=25):
    """False: not a word came back."""
    try:
        with Session(source, server, port):
            return True
    except TimeoutError:
        return False


class Prober:
    """Tries to connect again and again, from a network where `inside` is; `opened` are the times at which it could."""

    def __init__(self, inside, source, server):
        self.opened = []
        self.tried = 0
        self._inside = inside
        self._where = (source, server)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _run(self):
        with self._inside():
            while not self._ended.is_set():
                self.tried += 1
                with contextlib.suppress(TimeoutError), Session(*self._where, timeout=0.05):
                    self.opened.append(time.monotonic())
                time.sleep(0.005)
