"""A Postfix of one's own: complete, in one folder, gone with it.

The system's /etc/postfix, /var/spool/postfix and /var/lib/postfix are not touched, nothing leaves the host (every
transport discards), and its log is a file. Needs root and the package postfix, which need not be configured or running.
Several may run at once in different network namespaces.
"""

import os
import pathlib
import re
import signal
import subprocess
import textwrap

from support import network, waiting

_MAIN = """
compatibility_level = 3.6
config_directory = {folder}/etc
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
inet_interfaces = all
inet_protocols = all
myhostname = mx.example.org
mydomain = example.org
myorigin = example.org
mynetworks = 127.0.0.0/8 [::1]/128
mydestination = example.org
alias_maps =
local_recipient_maps = regexp:{{{{/^user[0-9]/ known}}}}
local_transport = discard:local
default_transport = discard:default
relay_domains =
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
# Clients on the loopback device may claim to be others.
smtpd_authorized_xclient_hosts = 127.0.0.0/8
# Postfix's own limits and punishments would slow the tests down.
smtpd_client_event_limit_exceptions = static:all
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 2000
smtpd_junk_command_limit = 1000
"""

_MASTER = """
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
tlsmgr    unix  - - n 1000? 1 tlsmgr
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""

# For restriction lists. Without a default_action, a test sees it as 451 when nobody answers.
POLICY = "check_policy_service inet:127.0.0.1:10040"


def asked_everywhere(service=POLICY):
    """Parameters of main.cf: it is asked in each restriction list that mxwardend has something to say in."""
    return {f"smtpd_{stage}_restrictions": service for stage in ("client", "sender", "recipient", "end_of_data")}


# Where the mail server listens when a test asks for nothing else: delayed rejects on one port, none on the other.
PORT = 25
DELAYED_PORT = 2525


class Postfix:
    """`main`: parameters of main.cf, or the text of a fragment of it. `listeners`: {port: {parameter: value}}.
    `master`: further text for master.cf. `address`: its IPv4 address, beside those of the loopback device."""

    def __init__(self, folder, main, listeners=None, chroot=False, address=network.SERVER, master=""):
        self.folder = pathlib.Path(folder) / "postfix"
        self._address = address
        self._pid = None
        self._configure(main, listeners or {PORT: {"smtpd_delay_reject": "no"}, DELAYED_PORT: {}}, chroot, master)

    def _configure(self, main, listeners, chroot, more):
        for name in ("etc", "spool", "data"):
            (self.folder / name).mkdir(parents=True)
        subprocess.run(["chown", "postfix:", self.folder / "data"], check=True)
        if not isinstance(main, str):
            main = "".join(f"{name} = {value}\n" for name, value in main.items())
        (self.folder / "etc/main.cf").write_text(textwrap.dedent(_MAIN.format(folder=self.folder)) + main)
        master = ""
        for port, options in listeners.items():
            # A value with blanks must be in braces as a whole.
            arguments = "".join(f" -o {{ {name} = {value} }}" for name, value in options.items())
            for address in (self._address, f"[{network.SERVER6}]", "127.0.0.1"):
                master += f"{address}:{port} inet n - {'y' if chroot else 'n'} - - smtpd{arguments}\n"
        (self.folder / "etc/master.cf").write_text(master + more + _MASTER)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        subprocess.run(["postfix", "-c", self.folder / "etc", "start"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        self._pid = int((self.folder / "spool/pid/master.pid").read_text())

    def stop(self):
        """Ends the master, which ends its children: not by `postfix stop`, which takes seconds."""
        os.kill(self._pid, signal.SIGTERM)
        waiting.until(lambda: not _alive(self._pid), f"the Postfix master {self._pid} to end")

    def reload(self):
        """Its processes end: at once, or with the SMTP session they are at."""
        subprocess.run(["postfix", "-c", self.folder / "etc", "reload"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def postconf(self, *arguments):
        """Its output, and what it had to complain about."""
        done = subprocess.run(["postconf", "-c", self.folder / "etc", *arguments], capture_output=True, text=True,
                              check=True)
        return done.stdout, done.stderr

    def log(self):
        path = self.folder / "maillog"
        return path.read_text(errors="replace") if path.exists() else ""

    def delivered(self, sender):
        """Recipients that messages of this sender were delivered to, in the order of the log."""
        log = self.log()
        queue_ids = set(re.findall(rf": (\w+): from=<{re.escape(sender)}>", log))
        return [recipient for queue_id, recipient in re.findall(r": (\w+): to=<([^>]*)>.* status=sent", log)
                if queue_id in queue_ids]

    def wait_delivered(self, sender, count):
        waiting.until(lambda: len(self.delivered(sender)) >= count, f"{count} deliveries for {sender}")
        return self.delivered(sender)


def _alive(pid):
    try:
        # The name in parentheses may hold anything; the state follows it.
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
