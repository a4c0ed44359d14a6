"""Hosts beside the test's own, each in a network of its own, and the switch that joins them: so that one of them can
be lost.

    with lan.Lan() as switch:
        host = switch.add_host()
        with host.inside():
            ...  # what the calling thread does and starts is on that host
        host.drop(lan.SENT, lan.RECEIVED)
        host.heal()

Processes and sockets stay on the host that they were made on; unix sockets and files are the same on all of them. Each
host has the addresses that the test's own has (support.network), which the others don't reach, and `address`, which
they do. Needs root, ip(8), tc(8), and a kernel with bridge, veth and cls_bpf.
"""

import contextlib
import os

from support import network

SENT, RECEIVED = "ingress", "egress"  # by the host; as the switch sees it

_SWITCH = "switch"
_DEVICE = "eth0"


class Lan:
    """The switch is on the host that it was made on."""

    def __init__(self):
        self._hosts = []

    def __enter__(self):
        self._network = _current_network()
        network.run("ip", "link", "add", _SWITCH, "type", "bridge")
        network.run("ip", "link", "set", _SWITCH, "up")
        return self

    def __exit__(self, *_):
        for host in self._hosts:
            host.remove()
        network.run("ip", "link", "del", _SWITCH)
        os.close(self._network)

    def add_host(self):
        self._hosts.append(Host(self._network, len(self._hosts) + 1))
        return self._hosts[-1]


class Host:
    def __init__(self, switch_network, number):
        self.address = f"192.0.2.{128 + number}"
        self._port = f"port{number}"  # of the switch
        self._switch_network = switch_network
        with _inside(switch_network):
            network.enter_another()
            # It is there for as long as this refers to it.
            self._network = _current_network()
        self._at_switch("ip", "link", "add", self._port, "type", "veth", "peer", "name", _DEVICE,
                        "netns", f"/proc/{os.getpid()}/fd/{self._network}")
        self._at_switch("ip", "link", "set", self._port, "master", _SWITCH, "up")
        self._at_switch("tc", "qdisc", "add", "dev", self._port, "clsact")
        self._at_host("ip", "addr", "add", f"{self.address}/25", "dev", _DEVICE)
        self._at_host("ip", "link", "set", _DEVICE, "up")

    def remove(self):
        self._at_switch("ip", "link", "del", self._port)
        os.close(self._network)

    def inside(self):
        return _inside(self._network)

    def lose_device(self):
        """It has no way out, and knows it."""
        self._at_host("ip", "link", "set", _DEVICE, "down")

    def unplug(self):
        """The cable is out; it keeps its address and its routes."""
        self._at_switch("ip", "link", "set", self._port, "down")

    def drop(self, *directions):
        """What passes in these directions is lost without a word."""
        for direction in directions:
            # A program of one instruction in classic BPF: return TC_ACT_SHOT.
            self._at_switch("tc", "filter", "add", "dev", self._port, direction, "bpf", "direct-action",
                            "bytecode", "1,6 0 0 2")

    def heal(self):
        """Whatever was done to it."""
        self._at_host("ip", "link", "set", _DEVICE, "up")
        self._at_switch("ip", "link", "set", self._port, "up")
        for direction in (SENT, RECEIVED):
            self._at_switch("tc", "filter", "del", "dev", self._port, direction)

    def _at_host(self, *command):
        with self.inside():
            network.run(*command)

    def _at_switch(self, *command):
        with _inside(self._switch_network):
            network.run(*command)


def _current_network():
    return os.open(network.CURRENT, os.O_RDONLY)


@contextlib.contextmanager
def _inside(descriptor):
    """The calling thread is in this network, and afterwards where it was."""
    before = _current_network()
    try:
        network.join(descriptor)
        yield
    finally:
        network.join(before)
        os.close(before)
