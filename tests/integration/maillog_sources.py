"""mxwarden-maillog follows each kind of source, and a login there lets the client relay at once."""

import re
import shutil
import signal
import socket
import subprocess
import time

from support import case, journal, maillog, mxwardend, waiting

CONF = """
[relay_grant]
mode = enforce
"""

# A line acts within 250 ms where the machine has time; a busy one has not.
ACTS_WITHIN = 2.0

USAGE_OF_STATE, NO_INPUT = 73, 66


def grants_of(daemon, client):
    """Logins of this client that have led to a grant."""
    return sum(maillog.grants(daemon).get(client, {}).values())


class Sources(case.TestCase):
    def follow(self, daemon, source, *arguments, folder=None, **options):
        folder = folder or self.own_folder()
        return self.enterContext(maillog.Maillog(folder, daemon, source, *arguments, **options))

    def log_file(self):
        path = self.own_folder() / "mail.log"
        path.touch()
        return path

    def assert_acts(self, daemon, client, write, what):
        """write(): somebody writes that this client has logged in."""
        began = time.monotonic()
        write()
        while not grants_of(daemon, client):
            self.assertLess(time.monotonic() - began, ACTS_WITHIN, what)
            time.sleep(0.002)
        print(f"{what}: a login acts after {1000 * (time.monotonic() - began):.0f} ms")

    def write(self, path, *clients):
        with path.open("a") as log:
            log.writelines(maillog.login_line(client) for client in clients)

    def test_a_file(self):
        daemon = self.mxwardend(CONF)
        log = self.log_file()
        self.write(log, "198.51.100.1")
        follower = self.follow(daemon, f"file:{log}")
        for count in range(5):
            client = f"198.51.100.{10 + count}"
            self.assert_acts(daemon, client, lambda client=client: self.write(log, client), "file")
        with self.subTest("rotated by rename"):
            log.rename(log.with_name("mail.log.1"))
            log.touch()
            self.assert_acts(daemon, "198.51.100.20", lambda: self.write(log, "198.51.100.20"), "file, rotated by rename")
        with self.subTest("rotated by copytruncate"):
            shutil.copy(log, log.with_name("mail.log.1"))
            with log.open("r+") as file:
                file.truncate()
            self.assert_acts(daemon, "198.51.100.21", lambda: self.write(log, "198.51.100.21"), "file, truncated")
        with self.subTest("what is written while it is away"):
            follower.stop()
            self.write(log, "198.51.100.22")
            log.rename(log.with_name("mail.log.1"))
            self.write(log, "198.51.100.23")
            follower.start()
            waiting.until(lambda: grants_of(daemon, "198.51.100.23"), "the grant of what was written meanwhile")
            self.assertEqual(grants_of(daemon, "198.51.100.22"), 1)
        self.assertEqual(grants_of(daemon, "198.51.100.1"), 0, "what was there before the first start is no news")
        self.assertEqual(set(map(lambda names: sum(names.values()), maillog.grants(daemon).values())), {1})

    def test_a_file_that_comes_later(self):
        daemon = self.mxwardend(CONF)
        log = self.own_folder() / "mail.log"
        follower = self.follow(daemon, None, str(log))
        follower.wait_log("is not there; it is waited for")
        self.assert_acts(daemon, "198.51.100.30", lambda: self.write(log, "198.51.100.30"), "a file that comes later")

    def test_a_fifo(self):
        daemon = self.mxwardend(CONF)
        fifo = self.own_folder() / "fifo"
        self.follow(daemon, f"fifo:{fifo}")
        self.assertTrue(fifo.is_fifo())
        self.assertEqual(fifo.stat().st_mode & 0o777, 0o600)
        # Who writes may come and go.
        for client in ("198.51.100.40", "198.51.100.41"):
            self.assert_acts(daemon, client, lambda client=client: self.write(fifo, client), "FIFO")
        with self.subTest("two for one FIFO"):
            second = maillog.Maillog(self.own_folder(), daemon, f"fifo:{fifo}")
            second.spawn()
            self.assertEqual(second.wait(), USAGE_OF_STATE)
            self.assertIn("another mxwarden-maillog reads the FIFO", second.log())

    def test_a_syslog_socket(self):
        daemon = self.mxwardend(CONF)
        path = self.own_folder() / "socket"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stale:
            stale.bind(str(path))
        follower = self.follow(daemon, f"syslog:{path}")
        self.assertEqual(path.stat().st_mode & 0o777, 0o666)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
            syslog.connect(str(path))
            text = maillog.login_text("198.51.100.50").replace("dovecot:", "dovecot[77]:")
            stamp = time.strftime("%b %e %H:%M:%S")
            self.assert_acts(daemon, "198.51.100.50", lambda: syslog.send(f"<22>{stamp} {text}".encode()), "syslog")
        with self.subTest("one that somebody listens at is not taken away"):
            second = maillog.Maillog(self.own_folder(), daemon, f"syslog:{path}")
            second.spawn()
            self.assertEqual(second.wait(), NO_INPUT)
            self.assertIn("somebody listens there already", second.log())
        follower.stop()
        self.assertFalse(path.exists())

    def test_the_journal(self):
        daemon = self.mxwardend(CONF)
        entries = journal.Journal(self.own_folder())

        def log_in(client):
            program, _, text = maillog.login_text(client).partition(": ")
            entries.write(program, text)

        log_in("198.51.100.70")
        follower = self.follow(daemon, "journal", **entries.environment)
        for client in ("198.51.100.71", "198.51.100.72"):
            self.assert_acts(daemon, client, lambda client=client: log_in(client), "journal")
        for away, client in [(follower.stop, "198.51.100.74"), (follower.kill, "198.51.100.75")]:
            away()
            log_in("198.51.100.73")
            follower.start()
            self.assert_acts(daemon, client, lambda client=client: log_in(client), "journal, after a restart")
        counts = {client: sum(names.values()) for client, names in maillog.grants(daemon).items()}
        self.assertEqual(counts, {"198.51.100.71": 1, "198.51.100.72": 1, "198.51.100.73": 2, "198.51.100.74": 1,
                                  "198.51.100.75": 1})

    def test_standard_input_is_delivered_to_its_end_also_to_a_daemon_that_comes_late(self):
        daemon = self.mxwardend(CONF)
        daemon.stop()
        clients = [f"203.0.{count // 250}.{count % 250}" for count in range(5000)]
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
            follower = self.follow(daemon, None, "-", stdin=writer.stdout)
            writer.stdin.write("".join(map(maillog.login_line, clients)).encode())
            writer.stdin.close()
            follower.wait_log("standard input has ended, 5000 events wait")
            daemon.start()
            self.assertEqual(follower.wait(), 0)
        self.assertEqual(maillog.grants(daemon), {client: {"ann@example.org": 1} for client in clients})
        self.assertRegex(follower.log(), r"mxwardend takes what the log says again, after [0-9.]+ s; 5000 events waited, 0 were")

    def test_standard_input_that_is_a_file_is_read_however_long_it_is(self):
        daemon = self.mxwardend(CONF)
        log = self.log_file()
        clients = [f"203.{count // 60000}.{count // 250 % 240}.{count % 250}" for count in range(20_000)]
        self.write(log, *clients)
        with log.open() as file:
            follower = self.follow(daemon, None, "-", stdin=file)
            self.assertEqual(follower.wait(30), 0)
        self.assertEqual(len(maillog.grants(daemon)), len(clients))

    def test_a_daemon_that_is_away_is_waited_for_and_said_once(self):
        daemon = self.mxwardend(CONF)
        log = self.log_file()
        follower = self.follow(daemon, f"file:{log}")
        daemon.kill()
        clients = [f"203.0.{count // 250}.{count % 250}" for count in range(20_000)]
        self.write(log, *clients)
        follower.wait_log("mxwardend does not take what the log says: no connection")
        # Little is in memory meanwhile, and it can be ended.
        follower.stop()
        (line,) = follower.wait_log("SIGTERM: ending, [0-9]+ events wait")
        self.assertLess(int(re.search("([0-9]+) events", line)[1]), 3000)
        follower.start()
        daemon.start()
        waiting.until(lambda: len(maillog.grants(daemon)) == len(clients), "all that was written meanwhile", 30)
        self.assertEqual(follower.log().count("mxwardend does not take"), 2)
        self.assertEqual(follower.log().count("mxwardend takes what the log says again"), 1)

    def test_a_reload_takes_what_is_recognised_and_leaves_the_rest(self):
        daemon = self.mxwardend(CONF)
        log = self.log_file()
        follower = self.follow(daemon, f"file:{log}")
        follower.conf_path.write_text("[maillog]\nrecognise = postfix\nstate = /elsewhere\n")
        follower.signal(signal.SIGHUP)
        follower.wait_log("reloaded")
        self.write(log, "198.51.100.60")
        # Behind it a line that is taken, and grants nothing.
        with log.open("a") as file:
            file.write(f"{time.strftime('%b %d %H:%M:%S')} mx postfix/smtpd[77]: AFEF4A7288B: "
                       "client=a.example[198.51.100.62], sasl_method=PLAIN, sasl_username=ann\n")
        logins = 'mxwarden_events_total{event="login_succeeded"}'
        waiting.until(lambda: mxwardend.metric(logins), "the later line")
        self.assertEqual(mxwardend.metric(logins), 1)
        self.assertEqual(grants_of(daemon, "198.51.100.60"), 0)
        before = len(follower.log())
        follower.conf_path.write_text("[maillog]\nrecognise = sendmail\n")
        follower.signal(signal.SIGHUP)
        follower.wait_log("the old settings stay in force", before)
        follower.conf_path.write_text("[maillog]\nrecognise = postfix dovecot\n")
        before = len(follower.log())
        follower.signal(signal.SIGHUP)
        follower.wait_log("reloaded", before)
        self.assert_acts(daemon, "198.51.100.61", lambda: self.write(log, "198.51.100.61"), "after a reload")

    def test_what_cannot_work_is_said_and_ends_the_program(self):
        daemon = self.mxwardend(CONF)
        log = self.log_file()
        plain = self.own_folder() / "plain"
        plain.touch()
        for label, source, arguments, status, said in [
                ("no directory to watch", "file:/nowhere/mail.log", [], NO_INPUT, "the directory /nowhere cannot be watched"),
                ("no file", f"file:{log.parent}", [], NO_INPUT, "is no file"),
                ("no FIFO", f"fifo:{plain}", [], NO_INPUT, "is no FIFO"),
                ("no socket", f"syslog:{plain}", [], NO_INPUT, "there is something that is no socket"),
                ("no state", f"file:{log}", ["--set", "maillog.state=/proc/nowhere"], USAGE_OF_STATE,
                 "how far the log was read cannot be kept in /proc/nowhere")]:
            with self.subTest(label):
                follower = maillog.Maillog(self.own_folder(), daemon, source, *arguments)
                follower.spawn()
                self.assertEqual(follower.wait(), status, follower.log())
                self.assertIn(said, follower.log())
        with self.subTest("two for one file"):
            folder = self.own_folder()
            self.follow(daemon, f"file:{log}", folder=folder)
            second = maillog.Maillog(folder, daemon, f"file:{log}")
            second.spawn()
            self.assertEqual(second.wait(), USAGE_OF_STATE)
            self.assertIn("another mxwarden-maillog follows", second.log())


if __name__ == "__main__":
    case.main()
