"""A network namespace for one test program, so that all its traffic stays inside and its ports are always free.

enter() moves the calling process, and what it starts from then on, into a new network that has nothing but a loopback
device. There is nothing to undo: the kernel drops it with the last process.

  192.0.2.25, 2001:db8:25::1              the mail server
  198.51.100.0/24, 203.0.113.0/24,        clients: every address of these is local, so a client may bind() to any
  2001:db8::/32
  *.client.example                        names of clients, forward-confirmed: see HOSTS

Needs root and ip(8). Call before the process has threads.
"""

import ctypes
import os
import subprocess
import tempfile

SERVER = "192.0.2.25"
SERVER6 = "2001:db8:25::1"

# There is no name server: /etc/hosts answers, and what it does not know has no name.
HOSTS = {
    "127.0.0.1": "localhost",
    SERVER: "mx.example.org",
    "203.0.113.80": "mail.sender.example",
    "203.0.113.81": "bulk.sender.example",
}

# The network of the calling thread, as a file.
CURRENT = "/proc/thread-self/ns/net"

_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000

_ADDRESSES = f"""
link set lo up
addr add {SERVER}/32 dev lo
-6 addr add {SERVER6}/128 dev lo nodad
route add local 198.51.100.0/24 dev lo
route add local 203.0.113.0/24 dev lo
-6 route add local 2001:db8::/32 dev lo
"""

_libc = ctypes.CDLL(None, use_errno=True)


def enter():
    enter_another(_CLONE_NEWNS)
    # Mounts of the new mount namespace must not travel back to the one it came from.
    run("mount", "--make-rprivate", "/")
    _replace("/etc/hosts", "".join(f"{address} {name}\n" for address, name in HOSTS.items()))
    _replace("/etc/resolv.conf", "nameserver 127.0.0.1\n")


def enter_another(flags=0):
    """A new network for the calling thread, with the same addresses as that of the program."""
    _check(_libc.unshare(_CLONE_NEWNET | flags))
    for line in _ADDRESSES.strip().splitlines():
        run("ip", *line.split())


def join(descriptor):
    """Moves the calling thread into the network that this descriptor is of."""
    _check(_libc.setns(descriptor, _CLONE_NEWNET))


def _check(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"no network of one's own ({os.strerror(number)}): this test needs root")


def run(*command):
    subprocess.run(command, check=True)


def _replace(path, text):
    """Other content for a file of the system, seen by this process and its children alone."""
    with tempfile.NamedTemporaryFile("w", prefix="mxwarden-") as file:
        file.write(text)
        file.flush()
        os.chmod(file.name, 0o644)
        run("mount", "--bind", file.name, path)
