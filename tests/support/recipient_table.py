"""A recipient table of Postfix's that a test can take down, as an LDAP server would go (socketmap_table(5))."""

import socketserver
import threading

_ADDRESS = ("127.0.0.1", 10099)
MAP = f"socketmap:inet:{_ADDRESS[0]}:{_ADDRESS[1]}:recipients"


class RecipientTable:
    """Knows the recipients that match `known`. While `down` it answers that it cannot say."""

    def __init__(self, known):
        self._known = known
        self.down = False
        table = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                while (size := self._read_size()) is not None:
                    _, _, key = self.rfile.read(size + 1)[:-1].decode().partition(" ")
                    answer = table.answer(key).encode()
                    self.wfile.write(b"%d:%s," % (len(answer), answer))

            def _read_size(self):
                digits = b""
                while (byte := self.rfile.read(1)).isdigit():
                    digits += byte
                return int(digits) if digits else None

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(_ADDRESS, Handler)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, key):
        if self.down:
            return "TEMP the table is down"
        return "OK known" if self._known.search(key) else "NOTFOUND "
