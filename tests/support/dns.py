"""A name server for one list: it answers for what is below a zone, and knows nothing else.

Its port is 53 of the loopback device, which support.network makes the resolver's.
"""

import socket
import struct
import threading

_A, _TXT = 1, 16
_NAME_ERROR = 3


class Dnsbl:
    """`listed`: address -> the text it is listed with. May be changed while it runs; `asked` are the addresses that
    were looked up, in their order."""

    def __init__(self, zone, listed):
        self.listed = listed
        self.asked = []
        self._zone = zone
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._socket.bind(("127.0.0.1", 53))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while True:
            question, peer = self._socket.recvfrom(512)
            if not question:
                return
            self._socket.sendto(self._answer(question), peer)

    def _answer(self, question):
        name, end = _read_name(question, 12)
        kind, _ = struct.unpack_from(">HH", question, end)
        reason = None
        if name.endswith("." + self._zone):
            address = ".".join(reversed(name.removesuffix("." + self._zone).split(".")))
            reason = self.listed.get(address)
            if kind == _A:
                self.asked.append(address)
        data = None
        if reason is not None:
            data = {_A: bytes([127, 0, 0, 2]), _TXT: bytes([len(reason)]) + reason.encode()}.get(kind)
        header = question[:2] + struct.pack(">HHHHH", 0x8180 | (_NAME_ERROR if reason is None else 0), 1,
                                            0 if data is None else 1, 0, 0)
        answer = header + question[12:end + 4]
        if data is not None:
            answer += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
        return answer


def _read_name(packet, at):
    labels = []
    while packet[at] != 0:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
        at += 1 + packet[at]
    return ".".join(labels), at + 1
