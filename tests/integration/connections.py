"""Ten thousand connections against a cap of a thousand: who is idle longest goes, and nobody is left waiting."""

import os
import pathlib
import resource
import select
import time

from support import case, policy, waiting

CAP = 1000
MANY = 10000


class ConnectionCap(case.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The clients' ends are this process's.
        resource.setrlimit(resource.RLIMIT_NOFILE, (MANY + 1000, MANY + 1000))

    def test_the_connection_that_is_idle_longest_gives_way(self):
        daemon = self.mxwardend(f"[server]\nmax_connections = {CAP}\n[client_rate]\nmode = off\n"
                                "[client_conn]\nmode = off\n")
        clients = [self.enterContext(daemon.client()) for _ in range(MANY)]
        waiting.until(lambda: len(closed(clients)) >= MANY - CAP, "the cap to be kept")
        survivors = clients[MANY - CAP:]
        self.assertEqual(set(closed(clients)), set(clients[:MANY - CAP]))
        self.assertEqual(unaccepted(10040), 0)
        for client in survivors:
            self.assertEqual(client.ask(), "DUNNO")
        # Every survivor has been used now, the first one longest ago; asking again makes it the most recent.
        self.assertEqual(survivors[0].ask(), "DUNNO")
        newcomers = [self.enterContext(daemon.client()) for _ in range(10)]
        for client in newcomers:
            self.assertEqual(client.ask(), "DUNNO")
        waiting.until(lambda: len(closed(survivors)) >= len(newcomers), "room for newcomers")
        self.assertEqual(set(closed(survivors)), set(survivors[1:11]))
        self.assertEqual(survivors[0].ask(), "DUNNO")

    def test_out_of_descriptors_connections_wait_and_are_served_later(self):
        daemon = self.mxwardend()
        in_use = len(list(pathlib.Path(f"/proc/{daemon.pid}/fd").iterdir()))
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (in_use + 5, in_use + 5))
        clients = [self.enterContext(daemon.client()) for _ in range(20)]
        for client in clients:
            client.send(policy.request())
        for client in clients[:5]:
            self.assertEqual(client.reply(), "DUNNO")
        # It must not spin over a connection that it cannot accept.
        before = cpu_seconds(daemon.pid)
        time.sleep(1)
        self.assertLess(cpu_seconds(daemon.pid) - before, 0.2)
        self.assertGreater(unaccepted(10040), 0)
        for client in clients[5:]:
            # Room for the one that waits longest.
            clients[clients.index(client) - 5].close()
            self.assertEqual(client.reply(), "DUNNO")


def closed(clients):
    """Those whose server has closed them; nothing else may have come."""
    poll = select.poll()
    by_fd = {client.socket.fileno(): client for client in clients}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    return [by_fd[fd] for fd, _ in poll.poll(0)]


def unaccepted(port):
    """Connections that wait in the listen queues of a port: the receive queue of a listening socket."""
    total = 0
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].split(":")[1], 16) == port:
            total += int(fields[4].split(":")[1], 16)
    return total


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    case.main()
