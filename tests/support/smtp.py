"""An SMTP client that says exactly what a test wants to say, and shows exactly what came back."""

import base64
import contextlib
import dataclasses
import socket
import ssl

from support import network

# Lets a client bind to any address (linux/in6.h); 15 is the same for IPv4.
_IP_FREEBIND = 15
_IPV6_FREEBIND = 78


@dataclasses.dataclass(frozen=True)
class Reply:
    code: int
    lines: tuple

    @property
    def text(self):
        return " ".join(self.lines)

    def __str__(self):
        return f"{self.code} {self.text}"


class Disconnected(Exception):
    """The server closed the connection where a reply was due."""


def connect(source, port, server=None, timeout=15):
    """A socket to a port of the mail server. `source`: the address it comes from; None: this host's."""
    ipv6 = ":" in (source or server or "")
    connection = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        if source:
            if ipv6:
                connection.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
            else:
                connection.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
            connection.bind((source, 0))
        connection.connect((server or (network.SERVER6 if ipv6 else network.SERVER), port))
    except BaseException:
        connection.close()
        raise
    return connection


def _tls(connection):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)


class Smtp:
    """One SMTP session, from the connection on; `banner` is the server's first reply. tls: from the first byte on."""

    def __init__(self, source=None, server=None, port=25, timeout=15, tls=False):
        self._socket = connect(source, port, server, timeout)
        try:
            if tls:
                self._socket = _tls(self._socket)
            self._file = self._socket.makefile("rb")
            self.banner = self.reply()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._file.close()
        self._socket.close()

    def send(self, *lines):
        """Commands in one packet, without waiting for replies."""
        self._socket.sendall(b"".join(line.encode() + b"\r\n" for line in lines))

    def reply(self):
        lines = []
        while True:
            line = self._file.readline()
            if not line.endswith(b"\r\n"):
                raise Disconnected(f"after {lines!r}")
            lines.append(line[4:-2].decode())
            if line[3:4] != b"-":
                return Reply(int(line[:3]), tuple(lines))

    def command(self, line):
        self.send(line)
        return self.reply()

    def pipeline(self, *lines):
        """All commands at once (RFC 2920), then their replies."""
        self.send(*lines)
        return [self.reply() for _ in lines]

    def hello(self, name="client.example"):
        return self.command(f"EHLO {name}")

    def xclient(self, **attributes):
        """Stand in for another client; Postfix greets again."""
        reply = self.command("XCLIENT " + " ".join(f"{name}={value}" for name, value in attributes.items()))
        assert reply.code == 220, reply
        return self.hello()

    def start_tls(self):
        """Whoever it is: a test knows whom it has called."""
        reply = self.command("STARTTLS")
        assert reply.code == 220, reply
        self._file.close()
        self._socket = _tls(self._socket)
        self._file = self._socket.makefile("rb")
        return self.hello()

    def log_in(self, user, password):
        return self.command("AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode())

    def mail(self, sender, parameters=""):
        return self.command(f"MAIL FROM:<{sender}>{parameters}")

    def recipient(self, recipient):
        return self.command(f"RCPT TO:<{recipient}>")

    def data(self, body="Subject: test\r\n\r\ntest"):
        reply = self.command("DATA")
        return self.command(body + "\r\n.") if reply.code == 354 else reply

    def quit(self):
        return self.command("QUIT")

    def dropped(self):
        """The server has closed the connection, or does so now, without another byte."""
        with contextlib.suppress(ConnectionResetError):
            return self._file.read(1) == b""
        return True


def send_message(source=None, sender="someone@sender.example", recipients=("user1@example.org",), body=None, **where):
    """A whole session with one message in it. The first reply that is no success, or the last one."""
    with Smtp(source, **where) as session:
        commands = ["EHLO client.example", f"MAIL FROM:<{sender}>"]
        commands += [f"RCPT TO:<{recipient}>" for recipient in recipients]
        commands += ["DATA", (body or "Subject: test\r\n\r\ntest") + "\r\n."]
        reply = session.banner
        for command in commands:
            if reply.code >= 400:
                return reply
            reply = session.command(command)
        return reply
