"""mxwarden-maillog under test, beside a mxwardend: the program that was built, following a source of the test's own."""

import datetime
import subprocess

from support import mxwardend, program

PROGRAM = mxwardend.PROGRAM.with_name("mxwarden-maillog")


def login_line(client, login="ann@example.org", host="mx"):
    """A line of a mail log, with its line end: somebody has logged in, now."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")
    return f"{now} {host} {login_text(client, login)}\n"


def login_text(client, login="ann@example.org"):
    """The same, from the program's name on."""
    return (f"dovecot: imap-login: Login: user=<{login}>, method=PLAIN, rip={client}, lip=192.0.2.25, mpid=77, "
            "session=<DU/1QR9lKqwKAAB>")


class Maillog(program.Program):
    """`source` as [maillog] source has it."""

    def __init__(self, folder, daemon, source, *arguments, stdin=subprocess.DEVNULL, **environment):
        folder = folder / "maillog"
        self.state_path = folder / "state"
        self.conf_path = folder / "mxwarden.conf"
        command = [PROGRAM, "--config", self.conf_path, "--set", f"server.control={daemon.control_path}", "--set",
                   "server.node=mx", "--set", f"maillog.state={self.state_path}", *arguments]
        if source is not None:
            command += ["--set", f"maillog.source={source}"]
        super().__init__(folder.parent, folder.name, command, stdin, environment)
        self.conf_path.touch()


def grants(daemon):
    """Of each address with a grant: how many logins it has had, of each name."""
    found = {}
    after = {}
    while True:
        (answer,) = daemon.ask({"op": "records.list", "kind": "grant", "most": 1000, **after}, timeout=30)
        assert answer["ok"], answer
        for record in answer["records"]:
            address = record["net"].partition("/")[0]
            assert address not in found, record
            found[address] = {login["name"]: 1 + login.get("refreshes", 0) for login in record["logins"]}
        if "next" not in answer:
            return found
        after = {"after": answer["next"]}
