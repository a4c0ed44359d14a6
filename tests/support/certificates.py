"""An authority of the test's own, and what it signs, by the openssl command."""

import itertools
import pathlib
import subprocess

_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr


class Authority:
    """`path`: its certificate. Everything is in PEM, and lies in `folder`, which is made."""

    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self._folder.mkdir()
        self.path = self._folder / "authority.pem"
        self._key = self._folder / "authority.key"
        self._numbers = itertools.count(1)
        _openssl("req", "-x509", *_NEW_KEY, "-days", 2, "-subj", "/CN=authority", "-keyout", self._key,
                 "-out", self.path)

    def sign(self, names):
        """The paths of a certificate for `names`, written as `IP:127.0.0.1,DNS:redis.example.org`, and of its key."""
        number = next(self._numbers)
        key, request, certificate = (self._folder / f"{number}.{kind}" for kind in ("key", "csr", "pem"))
        _openssl("req", "-new", *_NEW_KEY, "-subj", "/CN=test", "-addext", f"subjectAltName={names}",
                 "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.path, "-CAkey", self._key, "-CAcreateserial",
                 "-days", 2, "-copy_extensions", "copy", "-out", certificate)
        return certificate, key

    def server(self, names, port, clients="no"):
        """Lines of redis.conf: TLS on this port with a certificate for `names`."""
        certificate, key = self.sign(names)
        return [f"tls-port {port}", f"tls-cert-file {certificate}", f"tls-key-file {key}",
                f"tls-ca-cert-file {self.path}", f"tls-auth-clients {clients}"]
