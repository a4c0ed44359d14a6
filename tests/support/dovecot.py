"""A Dovecot of one's own: POP3 and IMAP for a user `u1` with the password `secret`, logging into a file of the test's; and
the same password of any other users for Postfix to ask about (SASL).

Nothing of the system's configuration is read. Needs root and the packages dovecot-pop3d and dovecot-imapd.
"""

import pathlib
import signal
import subprocess

from support import network, smtp, waiting

_CONF = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {log}
log_timestamp = "%b %d %H:%M:%S mx dovecot: "
protocols = pop3 imap
listen = {address}, {address6}
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
default_internal_user = dovecot
default_login_user = dovenull
first_valid_uid = 1
mail_location = mbox:{folder}/mail/%u
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%u
}}
"""

PASSWORD = "secret"

_SASL_CONF = """
service auth {{
  unix_listener {path} {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
"""

# Parameters of main.cf: smtpd lets log in whom Dovecot knows, if it has `sasl_of` that Postfix.
SASL = {"smtpd_sasl_type": "dovecot", "smtpd_sasl_path": "private/auth", "smtpd_sasl_auth_enable": "yes"}


class Dovecot:
    """`log`: the file it appends to. `sasl_of`: the Postfix, running, whose smtpd may ask about passwords."""

    def __init__(self, folder, log, users=("u1",), sasl_of=None):
        self.folder = pathlib.Path(folder) / "dovecot"
        (self.folder / "run").mkdir(parents=True)
        (self.folder / "mail").mkdir()
        subprocess.run(["chown", "nobody:nogroup", self.folder / "mail"], check=True)
        (self.folder / "users").write_text("".join(f"{user}:{{PLAIN}}{PASSWORD}::::::\n" for user in users))
        (self.folder / "users").chmod(0o644)
        self._conf = self.folder / "dovecot.conf"
        conf = _CONF.format(folder=self.folder, log=log, address=network.SERVER, address6=network.SERVER6)
        if sasl_of:
            conf += _SASL_CONF.format(path=sasl_of.folder / "spool/private/auth")
        self._conf.write_text(conf)
        self._process = None

    def __enter__(self):
        self._process = subprocess.Popen(["dovecot", "-F", "-c", self._conf], stdin=subprocess.DEVNULL)
        waiting.until(self._answers, "Dovecot to answer")
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=20)

    def _answers(self):
        assert self._process.poll() is None, f"dovecot ended with {self._process.returncode}"
        try:
            with smtp.connect("198.51.100.250", 110):
                return True
        except ConnectionRefusedError:
            return False


def fetch_by_pop3(source, user="u1", password=PASSWORD):
    """Whether the login succeeds."""
    with smtp.connect(source, 110) as connection, connection.makefile("rb") as answers:
        answers.readline()
        for command in (f"USER {user}", f"PASS {password}"):
            connection.sendall(f"{command}\r\n".encode())
            answer = answers.readline()
        connection.sendall(b"QUIT\r\n")
        answers.read()
        return answer.startswith(b"+OK")


def fetch_by_imap(source, user="u1", password=PASSWORD):
    """Likewise."""
    with smtp.connect(source, 143) as connection, connection.makefile("rb") as answers:
        answers.readline()
        connection.sendall(f'a LOGIN "{user}" "{password}"\r\n'.encode())
        answer = answers.readline()
        while answer.startswith(b"*"):
            answer = answers.readline()
        connection.sendall(b"b LOGOUT\r\n")
        answers.read()
        return answer.startswith(b"a OK")
