"""Several mxwardend that share their counts, on this host or each on a host of its own."""

import contextlib

from support import confs, loads, mxwardend, policy, redis, waiting

ADMITTED, REFUSED = "DUNNO", "421"

# A limit that is quickly reached, but not by the client that under_load() asks about: each of those questions goes to
# the store.
CLIENT_RATE = """
[client_rate]
limit = 10
window = 1h
"""
_BUSY = "203.0.113.7"
ACCESS = f"ClientRate:{_BUSY}  1000000\n"


def policy_address(number):
    """Where the node of this number is asked."""
    return ("127.0.0.1", 10100 + number)


class Node:
    """A mxwardend and a policy connection to it. `inside` makes the context that is its host (support.lan)."""

    def __init__(self, test, number, conf, access="", inside=contextlib.nullcontext):
        self.address = policy_address(number)
        self.http_address = ("127.0.0.1", 10200 + number)
        self.inside = inside
        self.conf = f"""{conf}
[server]
node = node{number}
listen = inet:127.0.0.1:{self.address[1]}
http = inet:127.0.0.1:{self.http_address[1]}
"""
        with self.inside():
            self.daemon = test.mxwardend(self.conf, access)
        self._client = None
        test.addCleanup(self.disconnect)

    def client(self):
        """One more policy connection."""
        with self.inside():
            return policy.Client(self.address)

    def ask(self, **attributes):
        """The first word of the answer."""
        if self._client is None:
            self._client = self.client()
        return self._client.ask(**attributes).split()[0]

    def connect(self, address="198.51.100.7"):
        return self.ask(protocol_state="CONNECT", client_address=address)

    def measure(self, address):
        with self.client() as client:
            return client.measure(client_address=address)

    def load(self, **options):
        return loads.PolicyLoad(connect=self.client, **options)

    def disconnect(self):
        if self._client is not None:
            self._client.close()
            self._client = None

    def restart(self, end):
        self.disconnect()
        end()
        with self.inside():
            self.daemon.start()
        self.wait_store("redis")

    def wait_store(self, store):
        """Until `redis` or `embedded` answers."""
        with self.client() as client:
            redis.wait_answered_by(self.daemon, client, store)

    def metric(self, name):
        with self.inside():
            return mxwardend.metric(name, self.http_address)

    def said(self, level):
        return redis.said(self.daemon, level)


@contextlib.contextmanager
def under_load(test, nodes):
    """All nodes are asked meanwhile, without pause, by a load for each. Each question gets one answer, and gets it in
    time."""
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(node.load(client_address=_BUSY, pause=0.02)) for node in nodes]
        yield running
    for load in running:
        test.assertEqual(load.complaints, [])
        test.assertGreater(len(load.answers), 100)
        test.assertEqual(load.count(ADMITTED), len(load.answers))
        test.assertLess(load.slowest(), confs.ANSWER_WITHIN + waiting.MARGIN)


def check_metrics(test, nodes):
    """They say that counts are shared, and who has answered when they were not."""
    for node in nodes:
        test.assertEqual(node.metric("mxwarden_redis_up"), 1)
        alone = len(node.daemon.decisions(store="embedded"))
        test.assertEqual(node.metric("mxwarden_store_fallback_total"), alone)
        test.assertEqual(node.metric("mxwarden_redis_unanswered_total"), alone)


def in_turn(nodes, count, address="198.51.100.7"):
    """So many answers to connections of one client, which goes from node to node."""
    return [nodes[n % len(nodes)].connect(address) for n in range(count)]
