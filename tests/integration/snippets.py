"""The fragments of postfix-snippets/ as an administrator uses them: unchanged, in a real Postfix, with and without a
mxwardend that answers."""

import os
import pathlib
import re
import shutil
import subprocess

from support import case, certificates, dovecot, mxwardend, postfix, smtp, waiting

SNIPPETS = pathlib.Path(__file__).parents[2] / "postfix-snippets"

SUBMISSION = 587
SUBMISSIONS = 465

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


class Ports(case.TestCase):
    """Port 25 and the ports where users log in, by the fragments for main.cf and master.cf and the rules they show."""

    ANNA = "anna@example.org"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        main, cls.master = ((SNIPPETS / name).read_text() for name in ("ports-main.cf", "ports-master.cf"))
        cls.conf = "\n".join(re.findall(r"^#   (.*)$", main, flags=re.MULTILINE))
        cls.main = main
        certificate, key = certificates.Authority(cls.folder / "authority").sign("DNS:mx.example.org")
        tls = f"smtpd_tls_cert_file = {certificate}\nsmtpd_tls_key_file = {key}\n"
        cls.postfix = postfix.Postfix(cls.folder, (SNIPPETS / "tcp.cf").read_text() + main + tls,
                                      {postfix.PORT: {}}, master=cls.master)
        cls.enterClassContext(cls.postfix)
        cls.enterClassContext(dovecot.Dovecot(cls.folder, cls.folder / "dovecot.log", [cls.ANNA], cls.postfix))

    def start_mxwardend(self):
        return self.mxwardend(self.conf.replace("limit = 100 500", "limit = 3 500"))

    def session(self, port):
        """TLS is there, a login not yet."""
        one = smtp.Smtp("198.51.100.95", port=port, tls=port == SUBMISSIONS)
        self.addCleanup(one.close)
        one.hello()
        if port != SUBMISSIONS:
            one.start_tls()
        return one

    def test_postconf_has_nothing_to_complain_about_and_reads_the_values_as_written(self):
        for name, value in parameters(self.main).items():
            self.assertEqual(self.postfix.postconf("-h", name)[0], value + "\n")
        # Which parameters there are: it complains of those that nobody reads.
        complaints = self.postfix.postconf()[1].splitlines()
        # The fragment's relay restrictions come after those that this Postfix has otherwise.
        self.assertEqual([line for line in complaints if "earlier entry: smtpd_relay_restrictions=" not in line], [])
        for port, options in re.findall(r"^(\d+) .*\n((?: +-o .*\n)+)", self.master, flags=re.MULTILINE):
            written = dict(re.findall(r"-o (\w+)=(.*)", options))
            self.assertGreaterEqual(len(written), 8)
            for name, value in written.items():
                self.assertEqual(self.postfix.postconf("-P", f"{port}/inet/{name}")[0],
                                 f"{port}/inet/{name} = {value}".rstrip() + "\n")

    def test_the_rules_they_show_are_fine(self):
        daemon = self.mxwardend(self.conf)
        self.assertNotIn("warning", daemon.log())
        checked = mxwardend.run("--check-config", "--config", daemon.conf_path)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))

    def test_on_port_25_nobody_can_log_in_and_nothing_is_relayed(self):
        self.start_mxwardend()
        with smtp.Smtp("198.51.100.95") as session:
            self.assertNotIn("AUTH", session.hello().text)
            self.assertEqual(session.log_in(self.ANNA, dovecot.PASSWORD).code, 503)
            session.mail("someone@sender.example")
            self.assertEqual(session.recipient("someone@elsewhere.example").code, 554)
            self.assertEqual(session.recipient("user1@example.org").code, 250)
        with smtp.Smtp(server="127.0.0.1") as session:
            session.mail("someone@sender.example")
            self.assertEqual(session.recipient("someone@elsewhere.example").code, 554)

    def test_on_the_ports_of_users_there_is_no_password_without_tls(self):
        self.start_mxwardend()
        with smtp.Smtp("198.51.100.95", port=SUBMISSION) as session:
            self.assertNotIn("AUTH", session.hello().text)
            self.assertEqual(session.mail(self.ANNA).code, 530)

    def test_on_the_ports_of_users_mail_without_a_login_is_refused(self):
        self.start_mxwardend()
        for port in SUBMISSION, SUBMISSIONS:
            session = self.session(port)
            session.mail("someone@sender.example")
            for recipient in "user1@example.org", "someone@elsewhere.example":
                self.assertEqual(session.recipient(recipient).code, 554, (port, recipient))

    def test_with_a_login_it_goes_anywhere_and_is_counted_over_both_ports(self):
        daemon = self.start_mxwardend()
        codes = []
        for port in SUBMISSION, SUBMISSIONS:
            session = self.session(port)
            self.assertEqual(session.log_in(self.ANNA, dovecot.PASSWORD).code, 235)
            session.mail(self.ANNA)
            codes += [session.recipient(f"someone{n}@elsewhere.example").code for n in range(2)]
            self.assertEqual(session.data().code, 250)
        self.assertEqual(codes, [250, 250, 250, 450])
        [line] = daemon.wait_decisions(rule="login_rate")
        self.assertEqual((line["login"], line["count"], line["limit"]), (self.ANNA, "4", "3"))
        self.assertEqual(len(self.postfix.wait_delivered(self.ANNA, 3)), 3)

    def test_a_limit_by_port_counts_there_alone(self):
        self.mxwardend(self.conf.replace("limit = 1000", "limit = 1"))
        with smtp.Smtp("198.51.100.95") as session:
            session.hello()
            session.mail("someone@sender.example")
            self.assertEqual([session.recipient(f"user{n}@example.org").code for n in range(2)], [250, 450])
        session = self.session(SUBMISSION)
        session.log_in(self.ANNA, dovecot.PASSWORD)
        session.mail(self.ANNA)
        self.assertEqual([session.recipient(f"user{n}@example.org").code for n in range(3)], [250] * 3)


if __name__ == "__main__":
    case.main()
