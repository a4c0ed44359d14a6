"""The fragments of postfix-snippets/ as an administrator uses them: unchanged, in a real Postfix, with and without a
mxwardend that answers."""

import os
import pathlib
import re
import shutil
import subprocess

from support import case, postfix, smtp, waiting

SNIPPETS = pathlib.Path(__file__).parents[2] / "postfix-snippets"

SUBMISSION = 587

CONF = """
[client_rate]
limit = 4
window = 1h
[message_recipients]
limit = 2
[limit volume]
key = client_address
stage = END-OF-MESSAGE
count = bytes
window = 1h
limit = 10000
action = 452 4.3.1 Enough for now
"""


def parameters(text):
    """Of a piece of main.cf: a line that begins with white space continues the one before."""
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\n[ \t]+", " ", text)
    return dict(re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", text, flags=re.MULTILINE))


class Snippet:
    """What holds for each of them."""

    name = None
    chroot = False

    @classmethod
    def setUpClass(cls):
        cls.main = (SNIPPETS / cls.name).read_text()
        super().setUpClass()

    def start_mxwardend(self):
        return self.mxwardend(CONF)

    def test_postconf_has_nothing_to_complain_about_and_reads_the_values_as_written(self):
        written = parameters(self.main)
        self.assertGreaterEqual(len(written), 7)
        _, complaints = self.postfix.postconf()
        self.assertEqual(complaints, "")
        for name, value in written.items():
            self.assertEqual(self.postfix.postconf("-h", name), (value + "\n", ""), name)
        check = subprocess.run(["postfix", "-c", self.postfix.folder / "etc", "check"], capture_output=True, text=True,
                               check=True)
        self.assertEqual(check.stderr, "")

    def test_each_stage_asks_and_obeys(self):
        self.start_mxwardend()
        with smtp.Smtp("198.51.100.90") as session:
            self.assertEqual(session.banner.code, 220)
            session.hello()
            session.mail("stages@sender.example")
            codes = [session.recipient(f"user{user}@example.org").code for user in range(3)]
            self.assertEqual(codes, [250, 250, 452])
            self.assertEqual(session.data().code, 250)
            session.mail("stages@sender.example")
            session.recipient("user1@example.org")
            self.assertEqual(session.data("x" * 900 + ("\r\n" + "x" * 900) * 12).code, 452)
        self.assertEqual(self.postfix.wait_delivered("stages@sender.example", 2),
                         ["user0@example.org", "user1@example.org"])
        codes = [smtp.send_message("198.51.100.90").code for _ in range(4)]
        self.assertEqual(codes, [250, 250, 250, 421])
        self.assertNotIn("warning", self.postfix.log())

    def test_an_unknown_recipient_is_still_refused_by_postfix(self):
        self.start_mxwardend()
        self.assertEqual(smtp.send_message("198.51.100.91", recipients=["nobody@example.org"]).code, 550)

    def test_logged_in_users_of_the_submission_port_are_not_counted_as_strangers(self):
        self.start_mxwardend()
        for number in range(6):
            with smtp.Smtp(server="127.0.0.1", port=SUBMISSION) as session:
                session.xclient(ADDR="198.51.100.92", PORT=f"500{number}", LOGIN="anna")
                session.mail("anna@example.org")
                codes = [session.recipient(f"user{user}@example.org").code for user in range(4)]
                self.assertEqual(codes, [250] * 4)

    def test_without_mxwarden_mail_goes_on_and_with_it_the_protection_is_back(self):
        self.assertEqual(smtp.send_message("198.51.100.93", "away@sender.example").code, 250)
        self.assertEqual(self.postfix.wait_delivered("away@sender.example", 1), ["user1@example.org"])
        self.start_mxwardend()
        codes = [smtp.send_message("198.51.100.93").code for _ in range(5)]
        self.assertEqual(codes, [250, 250, 250, 250, 421])


class Tcp(Snippet, case.PostfixTestCase):
    name = "tcp.cf"
    listeners = {postfix.PORT: {}, SUBMISSION: {"smtpd_delay_reject": "yes"}}


class UnixSocket(Snippet, case.PostfixTestCase):
    """mxwardend as a user of its own without a privilege, smtpd in its chroot, the folder as the fragment says."""

    name = "unix-socket.cf"
    listeners = Tcp.listeners
    chroot = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.socket_folder = cls.postfix.folder / "spool/mxwarden"
        mode = re.search(r"install -d -o mxwarden -g postfix -m (\d+) /var/spool/postfix/mxwarden", cls.main)[1]
        cls.socket_folder.mkdir()
        shutil.chown(cls.socket_folder, "nobody", "postfix")
        # After the change of owner, which would take the set-group-id bit away.
        cls.socket_folder.chmod(int(mode, 8))
        listen = re.search(r"listen = unix:/var/spool/postfix/mxwarden(.*)$", cls.main, re.MULTILINE)[1]
        cls.listen = f"[server]\nlisten = unix:{cls.socket_folder}{listen}\n"

    def start_mxwardend(self):
        return self.mxwardend(self.listen + CONF, user="nobody")

    def test_smtpd_is_in_its_chroot(self):
        self.start_mxwardend()
        with smtp.Smtp("198.51.100.94"):
            pids = waiting.until(lambda: re.findall(r"smtpd\[(\d+)\]: connect from \S+\[198.51.100.94\]",
                                                    self.postfix.log()), "smtpd to log the connection")
            self.assertEqual(os.readlink(f"/proc/{pids[-1]}/root"), str(self.postfix.folder / "spool"))


if __name__ == "__main__":
    case.main()
