"""mxwardend from the shell: its options, its exit codes, and what it says about a bad configuration."""

import re
import subprocess

from support import case, mxwardend

FAULTY = """\
[server]
listen = inet:127.0.0.1:99999
idle_timeout = soon
nonsense = 1

[client_rate]
limit = many
mode = sometimes

[no_such_section]
key = value

[limit odd]
key = client_address
stage = RCPT
count = recipients
window = 1h
limit = 10
action = OK

a line that is none
"""
# The lines with a fault in them.
FAULTY_LINES = [2, 3, 4, 7, 8, 10, 19, 21]

CONFIGURATION_ERROR = 78
USAGE_ERROR = 64


class CommandLine(case.TestCase):
    def file(self, name, text):
        path = self.own_folder() / name
        path.write_text(text)
        return path

    def test_help_names_every_option(self):
        done = mxwardend.run("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for option in ("--config", "--set", "--check-config", "--print-config", "--version", "--help"):
            self.assertIn(option, done.stdout)

    def test_version(self):
        done = mxwardend.run("--version")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^mxwardend \d+\.\d+\.\d+\n$")

    def test_a_good_configuration_passes_the_check(self):
        access = self.file("access", "Connect:198.51.100.7 REJECT\n")
        path = self.file("mxwarden.conf", f"[client]\naccess = {access}\n[client_rate]\nlimit = 10\n")
        done = mxwardend.run("--config", path, "--check-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_every_fault_of_a_file_is_named_with_its_line(self):
        path = self.file("mxwarden.conf", FAULTY)
        for arguments in (["--check-config"], []):
            with self.subTest(arguments):
                done = mxwardend.run("--config", path, *arguments)
                self.assertEqual(done.returncode, CONFIGURATION_ERROR, done)
                found = re.findall(rf"{path}:(\d+): (.+)", done.stdout + done.stderr)
                self.assertEqual([int(line) for line, _ in found], FAULTY_LINES, found)

    def test_faults_say_what_was_found(self):
        done = mxwardend.run("--config", self.file("mxwarden.conf", FAULTY), "--check-config")
        text = done.stdout + done.stderr
        for word in ("99999", "soon", "nonsense", "many", "sometimes", "no_such_section", "OK", "a line that is none"):
            self.assertIn(word, text)

    def test_faults_of_the_access_table_are_named_too(self):
        access = self.file("access", "# comment\nConnect:1.2.3.400 REJECT\nClientRate:1.2.3.4 lots\nFrom:x OK\n")
        path = self.file("mxwarden.conf", f"[client]\naccess = {access}\n")
        done = mxwardend.run("--config", path, "--check-config")
        self.assertEqual(done.returncode, CONFIGURATION_ERROR)
        lines = {int(line) for line in re.findall(rf"{access}:(\d+): ", done.stdout + done.stderr)}
        self.assertLessEqual({2, 3}, lines)

    def test_a_file_that_is_not_there_is_an_error_when_it_was_asked_for(self):
        done = mxwardend.run("--config", "/no/such/file", "--check-config")
        self.assertEqual(done.returncode, CONFIGURATION_ERROR)
        self.assertIn("/no/such/file", done.stdout + done.stderr)

    def test_set_wins_over_the_file(self):
        path = self.file("mxwarden.conf", "[client_rate]\nlimit = 10\n")
        done = mxwardend.run("--config", path, "--set", "client_rate.limit=77", "--print-config")
        self.assertEqual(done.returncode, 0, done.stderr)
        section = done.stdout.partition("[client_rate]")[2].partition("\n[")[0]
        self.assertRegex(section, r"\nlimit\s*=\s*77\n")

    def test_a_bad_set_is_a_configuration_error(self):
        for wrong in ("client_rate.limit=many", "client_rate.nonsense=1", "no_such_section.key=1"):
            with self.subTest(wrong):
                done = mxwardend.run("--config", self.file("mxwarden.conf", ""), "--set", wrong, "--check-config")
                self.assertEqual(done.returncode, CONFIGURATION_ERROR, done)
                self.assertIn(wrong.partition("=")[0], done.stdout + done.stderr)

    def test_a_command_line_that_makes_no_sense_is_a_usage_error(self):
        for arguments in (["--nonsense"], ["--set", "nonsense"], ["--config"], ["nonsense"]):
            with self.subTest(arguments):
                done = mxwardend.run(*arguments)
                self.assertEqual((done.returncode, done.stdout), (USAGE_ERROR, ""))
                self.assertRegex(done.stderr, "^mxwardend: .+; see mxwardend --help\n$|^--set nonsense: ")

    def test_printed_settings_read_back_as_the_same(self):
        conf = self.file("mxwarden.conf", """
            [server]
            listen = inet:[::1]:10050,name=six
            listen = unix:/run/policy,mode=0600
            http =
            [client_rate]
            limit = 60 600
            window = 60s 1h
            [limit odd]
            key = client_address/24/56 + sender.domain
            stage = RCPT
            count = distinct recipients
            window = 90s
            limit = 10
            when = not logged in and helo_name ~ "^[a-z ]+#" and listener in six seven
            action = 450 4.7.1 Slow down, {client}
            mode = monitor
            """)
        first = mxwardend.run("--config", conf, "--print-config")
        self.assertEqual(first.returncode, 0, first.stderr)
        for text in ("inet:[::1]:10050,name=six", "60 600", "[limit odd]", "Slow down, {client}"):
            self.assertIn(text, first.stdout)
        again = mxwardend.run("--config", self.file("again.conf", first.stdout), "--print-config")
        self.assertEqual((again.returncode, again.stdout), (0, first.stdout))


class Ports(case.TestCase):
    def test_a_second_one_on_the_same_port_says_so_and_ends(self):
        daemon = self.mxwardend()
        done = mxwardend.run("--config", daemon.conf_path)
        self.assertNotIn(done.returncode, (0, -6, -11))
        self.assertRegex(done.stderr, r"127\.0\.0\.1:10040.*(in use|already)")
        with daemon.client() as client:
            self.assertEqual(client.ask(), "DUNNO")

    def test_a_unix_socket_in_use_is_not_taken_away(self):
        path = self.own_folder() / "policy"
        daemon = self.mxwardend(f"[server]\nlisten = unix:{path}\nhttp =\n")
        done = mxwardend.run("--config", daemon.conf_path)
        self.assertNotIn(done.returncode, (0, -6, -11))
        self.assertIn(str(path), done.stderr)
        self.assertTrue(path.is_socket())

    def test_a_port_that_it_may_not_open_is_named(self):
        conf = self.own_folder() / "mxwarden.conf"
        conf.write_text("[server]\nlisten = inet:192.0.2.99:10040\n")
        done = mxwardend.run("--config", conf)
        self.assertNotIn(done.returncode, (0, -6, -11))
        self.assertIn("192.0.2.99:10040", done.stderr)

    def test_without_a_privilege_it_works_as_well(self):
        daemon = self.mxwardend("[client_rate]\nlimit = 1\nwindow = 1h\n", user="nobody")
        status = subprocess.run(["grep", "-E", "^(Uid|CapEff):", f"/proc/{daemon.pid}/status"], capture_output=True,
                                text=True, check=True).stdout
        self.assertIn("CapEff:\t0000000000000000", status)
        with daemon.client() as client:
            self.assertEqual(client.ask(client_address="198.51.100.9"), "DUNNO")
            self.assertTrue(client.ask(client_address="198.51.100.9").startswith("421 "))


if __name__ == "__main__":
    case.main()
