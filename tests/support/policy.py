"""Postfix's side of the policy delegation protocol (SMTPD_POLICY_README), down to the bytes."""

import dataclasses
import itertools
import os
import socket
import time

# As Postfix sends them, all of them and in its order.
_ATTRIBUTES = {
    "request": "smtpd_access_policy", "protocol_state": "RCPT", "protocol_name": "ESMTP",
    "client_address": "198.51.100.7", "client_name": "unknown", "client_port": "40000",
    "reverse_client_name": "unknown", "server_address": "192.0.2.25", "server_port": "25",
    "helo_name": "client.example", "sender": "someone@sender.example", "recipient": "user1@example.org",
    "recipient_count": "0", "queue_id": "", "instance": "", "size": "0", "etrn_domain": "", "stress": "",
    "sasl_method": "", "sasl_username": "", "sasl_sender": "", "ccert_subject": "", "ccert_issuer": "",
    "ccert_fingerprint": "", "ccert_pubkey_fingerprint": "", "encryption_protocol": "", "encryption_cipher": "",
    "encryption_keysize": "0", "policy_context": "",
}

_ports = itertools.count(10000)


def request(**attributes):
    """The bytes of a request; each is of an SMTP session of its own unless `client_port` says otherwise."""
    values = {**_ATTRIBUTES, "client_port": str(next(_ports)), **attributes}
    return "".join(f"{name}={value}\n" for name, value in values.items()).encode() + b"\n"


def connect(address, timeout=10):
    """To (host, port) or to the path of a unix socket."""
    if isinstance(address, (str, os.PathLike)):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        connection.connect(str(address))
        return connection
    return socket.create_connection(address, timeout)


@dataclasses.dataclass(frozen=True)
class Answer:
    """`action` is the first word of the reply."""

    action: str
    seconds: float


class Client:
    """One policy connection."""

    def __init__(self, address=("127.0.0.1", 10040), timeout=10):
        self.socket = connect(address, timeout)
        self._pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def reply(self):
        """The next reply, as what stands after `action=`. Checks that it is nothing but one action line."""
        while b"\n\n" not in self._pending:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError(f"closed after {self._pending!r}")
            self._pending += data
        reply, _, self._pending = self._pending.partition(b"\n\n")
        name, equals, action = reply.partition(b"=")
        assert name == b"action" and equals and action and b"\n" not in action and b"\r" not in action, reply
        return action.decode()

    def ask(self, **attributes):
        self.send(request(**attributes))
        reply = self.reply()
        assert not self._pending, f"more than one reply: {reply!r}, {self._pending!r}"
        return reply

    def measure(self, protocol_state="CONNECT", **attributes):
        start = time.monotonic()
        reply = self.ask(protocol_state=protocol_state, **attributes)
        return Answer(reply.split()[0], time.monotonic() - start)

    def closed_without_reply(self):
        """The server has closed the connection, or does so now, and never said a word."""
        try:
            return self._pending + self.socket.recv(65536) == b""
        except ConnectionResetError:
            return True
