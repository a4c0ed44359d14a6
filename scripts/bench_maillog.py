"""What scripts/bench --maillog measures: how fast mxwarden-maillog reads a log, on one CPU.

  wc            wc -l, which finds the line ends and nothing else: what reading the file costs anybody
  --stats       every line taken apart and recognised, and counted
  --dry-run     the same, with what mxwardend would make of its events, and each as an object in JSON

The log is one of a busy MX, and always the same: sessions that overlap, of many clients, most of them nothing but
trouble. What counts is the time of the processor, user and system; the file is in memory.

  acting        from writing the line of a login to the grant being in force in mxwardend, while such a log is written
                beside, at a steady rate
"""

import datetime
import os
import random
import statistics
import subprocess
import time

import bench_records

LINES = 3_000_000
CLIENTS = 200_000
OPEN_SESSIONS = 40
LINES_A_SECOND = 50           # of the log's own time

LEAST_LINES = 300_000         # a second of the processor

LOGINS = 400
BESIDE = 2_000                # lines a second, of the time of the clock
MOST_ACTING = 250.0           # milliseconds

SETTINGS = """
[client]
access = {directory}/access
[relay_grant]
mode = enforce
[bad_recipient]
source = log
"""

# How often a session is of which sort, out of 100.
SORTS = {"delivered": 24, "unknown": 16, "listed": 12, "relay": 3, "ours": 3, "lost": 9, "sasl": 8, "plain": 5, "login": 10,
         "login_failed": 2, "other": 8}


class Log:
    """Lines of sessions; `self.draw` is the only source of chance. A smtpd has one session at a time."""

    def __init__(self):
        self.draw = random.Random(1)
        self.pid = 0  # of the smtpd whose session goes on

    def client(self):
        # The square has some clients come far more often than others.
        number = int(self.draw.random() ** 2 * CLIENTS)
        address = f"{100 + (number >> 16)}.{number >> 8 & 255}.{number & 255}.{number % 251 + 1}"
        if number % 20 == 0:
            address = f"2001:db8:{number >> 16:x}:{number & 65535:x}::{number % 251 + 1:x}"
        return ("unknown" if number % 3 == 0 else f"host{number}.provider{number % 500}.example"), address

    def queue_id(self):
        return f"{self.draw.getrandbits(44):011X}"

    def user(self):
        return f"user{self.draw.randrange(5000)}@example.org"

    def sender(self):
        return f"someone{self.draw.randrange(100_000)}@sender{self.draw.randrange(3000)}.example"

    def session(self):
        sort = self.draw.choices(list(SORTS), list(SORTS.values()))[0]
        return getattr(self, sort)()

    def smtpd(self):
        name, address = self.client()
        return f"postfix/smtpd[{self.pid}]: ", f"{name}[{address}]", name, address

    def refused(self, text, to, rcpt=1):
        smtpd, client, name, address = self.smtpd()
        sender = self.sender()
        yield f"{smtpd}connect from {client}"
        for _ in range(rcpt):
            recipient = to()
            reply = text.format(recipient=recipient, address=address, name=name)
            yield (f"{smtpd}NOQUEUE: reject: RCPT from {client}: {reply}; from=<{sender}> to=<{recipient}> proto=ESMTP "
                   f"helo=<{name}>")
        yield f"{smtpd}disconnect from {client} ehlo=1 mail=1 rcpt=0/{rcpt} quit=1 commands=3/{3 + rcpt}"

    def delivered(self):
        smtpd, client, name, _ = self.smtpd()
        queue_id, sender, user = self.queue_id(), self.sender(), self.user()
        yield f"{smtpd}connect from {client}"
        yield (f"{smtpd}Anonymous TLS connection established from {client}: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "
               f"(256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256")
        yield f"{smtpd}{queue_id}: client={client}"
        yield f"postfix/cleanup[2301]: {queue_id}: message-id=<{self.draw.getrandbits(64):x}@{name}>"
        yield f"postfix/qmgr[1203]: {queue_id}: from=<{sender}>, size={self.draw.randrange(900, 90_000)}, nrcpt=1 (queue active)"
        yield f"{smtpd}disconnect from {client} ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7"
        yield (f"postfix/lmtp[3402]: {queue_id}: to=<{user}>, relay=mail.example.org[private/dovecot-lmtp], delay=0.21, "
               f"delays=0.12/0.01/0.02/0.06, dsn=2.0.0, status=sent (250 2.0.0 <{user}> aBcDeFgHiJkLmN Saved)")
        yield f"dovecot: lmtp({user})<3402><aBcDeFgHiJkLmN>: sieve: msgid=<{queue_id}@{name}>: stored mail into mailbox 'INBOX'"
        yield f"postfix/qmgr[1203]: {queue_id}: removed"

    def unknown(self):
        return self.refused("550 5.1.1 <{recipient}>: Recipient address rejected: User unknown in virtual mailbox table",
                            lambda: f"nobody{self.draw.randrange(50_000)}@example.org", self.draw.choice((1, 1, 2, 4)))

    def listed(self):
        return self.refused("554 5.7.1 Service unavailable; Client host [{address}] blocked using dnsbl.example; "
                            "https://dnsbl.example/query?ip={address}", self.user)

    def relay(self):
        return self.refused("454 4.7.1 <{recipient}>: Relay access denied",
                            lambda: f"probe{self.draw.randrange(99)}@elsewhere.example")

    def ours(self):
        return self.refused("450 4.7.1 <{name}[{address}]>: Client host rejected: Too many connections, come back in "
                            "7 seconds [mxw:client_rate]", self.user)

    def lost(self):
        smtpd, client, _, _ = self.smtpd()
        yield f"{smtpd}connect from {client}"
        yield f"{smtpd}lost connection after {self.draw.choice(('CONNECT', 'EHLO', 'AUTH', 'STARTTLS'))} from {client}"
        yield f"{smtpd}disconnect from {client} ehlo=1 commands=1"

    def sasl(self):
        smtpd, client, _, _ = self.smtpd()
        smtpd = smtpd.replace("smtpd", "submission/smtpd")
        yield f"{smtpd}connect from {client}"
        yield (f"{smtpd}warning: {client}: SASL LOGIN authentication failed: (reason unavailable), "
               f"sasl_username=admin{self.draw.randrange(900)}")
        yield f"{smtpd}disconnect from {client} ehlo=1 auth=0/1 rset=1 quit=1 commands=3/4"

    def plain(self):
        smtpd, client, _, _ = self.smtpd()
        yield f"{smtpd}connect from {client}"
        yield f"{smtpd}disconnect from {client} ehlo=1 quit=1 commands=2"

    def login(self):
        _, address = self.client()
        user, service = self.user(), self.draw.choice(("imap", "imap", "imap", "pop3"))
        session = f"{self.draw.getrandbits(60):x}"
        yield (f"dovecot: {service}-login: Login: user=<{user}>, method=PLAIN, rip={address}, lip=192.0.2.25, mpid=5123, "
               f"TLS, session=<{session}>")
        yield f"dovecot: {service}({user})<5123><{session}>: Disconnected: Logged out in=312 out=2310 deleted=0 expunged=0"

    def login_failed(self):
        _, address = self.client()
        yield (f"dovecot: imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): "
               f"user=<{self.user()}>, method=PLAIN, rip={address}, lip=192.0.2.25, TLS, session=<{self.draw.getrandbits(60):x}>")

    def other(self):
        number = self.draw.randrange(100_000)
        yield self.draw.choice((
            f"CRON[{number}]: (root) CMD (command -v debian-sa1 > /dev/null && debian-sa1 1 1)",
            f"kernel: [{number}.123456] nft drop IN=eth0 OUT= SRC=198.51.100.{number % 250} DST=192.0.2.25 LEN=40 PROTO=TCP DPT=25",
            f"rspamd[{number}]: <a1b2c3>; task; rspamd_task_write_log: id: <{number}@x.example>, ip: 198.51.100.7, "
            f"(default: F (no action): [1.20/15.00] [MIME_GOOD(-0.10)]), len: 3412, time: 33.1ms, dns req: 12",
            f"opendkim[812]: {number:X}: DKIM verification successful",
            f"systemd[1]: Started session-{number}.scope.",
            f"postfix/anvil[991]: statistics: max connection rate 3/60s for (smtp:198.51.100.7) at Nov 20 23:33:28",
            f"postfix/postscreen[990]: CONNECT from [198.51.100.{number % 250}]:{number % 60_000} to [192.0.2.25]:25"))

    def lines(self):
        """Without end."""
        sessions = [self.session() for _ in range(OPEN_SESSIONS)]
        while True:
            at = int(self.draw.random() * OPEN_SESSIONS)
            self.pid = 10_000 + at
            line = next(sessions[at], None)
            if line is None:
                sessions[at] = self.session()
            else:
                yield line


def write(path, lines=LINES):
    """As rsyslog of Debian 12 writes it."""
    begin = datetime.datetime(2026, 11, 20, tzinfo=datetime.timezone.utc)
    log = Log().lines()
    with path.open("w", buffering=1 << 20) as file:
        for number in range(0, lines, LINES_A_SECOND):
            second = begin + datetime.timedelta(seconds=number // LINES_A_SECOND)
            head = second.strftime("%Y-%m-%dT%H:%M:%S.")
            some = min(LINES_A_SECOND, lines - number)
            file.write("".join(f"{head}{at * 20_000:06}+00:00 mx {line}\n" for at, line in zip(range(some), log)))


def seconds_of(command, cpu):
    """Of the processor."""
    pin = (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=pin)
    said = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command}: {process.returncode}\n{said}")
    return usage.ru_utime + usage.ru_stime


def wait_for(path):
    for _ in range(200):
        if path.exists():
            return
        time.sleep(0.05)
    raise RuntimeError(f"{path} does not come")


def measure_acting(programs, directory):
    """Milliseconds of each login, sorted."""
    folder = directory / "acting"
    folder.mkdir()
    log = folder / "mail.log"
    log.touch()
    conf = folder / "mxwarden.conf"
    conf.write_text(SETTINGS.format(directory=directory) + f"""
[server]
listen = unix:{folder}/policy
http =
control = {folder}/control
[log]
target = file:{folder}/log
[store]
path = {folder}
[maillog]
source = file:{log}
state = {folder}/state
""")
    started = []
    try:
        for name, ready in (("mxwardend", folder / "control"), ("mxwarden-maillog", folder / "state")):
            started.append(subprocess.Popen([programs / name, "--config", conf], stderr=subprocess.DEVNULL))
            wait_for(ready)
        time.sleep(1)
        return sorted(act(log, bench_records.Control(folder / "control")))
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


def act(path, control):
    others = Log().lines()
    with path.open("a", buffering=1) as file:
        for number in range(LOGINS):
            # As many other lines as come within the 20 ms until the next login.
            now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")
            file.write("".join(f"{now} mx {line}\n" for _, line in zip(range(BESIDE // 50), others)))
            client = f"11.1.{number >> 8}.{number & 255}"
            began = time.monotonic()
            file.write(f"{now} mx dovecot: imap-login: Login: user=<u{number}@example.org>, method=PLAIN, rip={client}, "
                       f"lip=192.0.2.25, mpid=7, session=<DU/1QR9lKqwKAAB>\n")
            while not control.ask(op="records.list", kind="grant", covers=client)["records"]:
                if time.monotonic() - began > 10:
                    raise RuntimeError(f"the login of {client} leads to nothing")
                time.sleep(0.0002)
            took = time.monotonic() - began
            yield took * 1000
            time.sleep(max(0, 0.02 - took))


def measure(programs, directory, rounds, cpu, say):
    log = directory / "mail.log"
    say(f"writing a log of {LINES:,} lines ...")
    write(log)
    (directory / "access").write_text("")
    conf = directory / "mxwarden.conf"
    conf.write_text(SETTINGS.format(directory=directory))
    maillog = [programs / "mxwarden-maillog", "--config", conf]
    commands = {"wc -l": ["wc", "-l", log], "--stats": [*maillog, "--stats", log],
                "--dry-run --json": [*maillog, "--dry-run", "--json", log]}
    seconds = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            seconds[name].append(seconds_of(command, cpu))
    median = {name: statistics.median(each) for name, each in seconds.items()}
    say(f"\nmail log, {LINES:,} lines, {log.stat().st_size / 1e6:.0f} MB; one CPU; median of {rounds} rounds")
    say(f"  {'':20}{'CPU, s':>10}{'lines/s':>14}{'us a line':>12}{'of wc -l':>10}    from - to, lines/s")
    for name, spent in median.items():
        say(f"  {name:20}{spent:>10.2f}{LINES / spent:>14,.0f}{spent / LINES * 1e6:>12.2f}{spent / median['wc -l']:>10.1f}"
            f"    {LINES / max(seconds[name]):,.0f} - {LINES / min(seconds[name]):,.0f}")
    acting = measure_acting(programs, directory)
    say(f"  from a login's line to its grant, {LOGINS} of them beside {BESIDE:,} lines/s, ms: median "
        f"{statistics.median(acting):.1f}, p99 {acting[int(len(acting) * 0.99)]:.1f}, longest {acting[-1]:.1f}")
    reached = LINES / median["--stats"]
    targets = [{"what": "lines recognised", "figure": f"{reached:,.0f} a second", "wanted": f"at least {LEAST_LINES:,}",
                "reached": reached >= LEAST_LINES},
               {"what": "an event acts", "figure": f"within {acting[-1]:.1f} ms", "wanted": f"within {MOST_ACTING:g} ms",
                "reached": acting[-1] <= MOST_ACTING}]
    return {"lines": LINES, "bytes": log.stat().st_size, "seconds": seconds, "targets": targets}
