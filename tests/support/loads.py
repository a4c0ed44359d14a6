"""Requests and mail that keep coming while a test does something else."""

import threading

from support import policy, smtp, waiting


class Load:
    """Clients that do one thing after another, all at the same time, until the `with` block ends. What goes wrong is a
    complaint."""

    clients = 8

    def __init__(self):
        self.complaints = []
        self.over = threading.Event()
        self._threads = [threading.Thread(target=self.client, args=(number,)) for number in range(self.clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self._threads:
            thread.join()

    def client(self, number):
        """What one of them does until it is over."""
        raise NotImplementedError


class PolicyLoad(Load):
    """As many smtpd processes: each asks, waits for the answer, and soon asks again, over one connection.

    A connection that ends, says nothing for ten seconds, or says more than it was asked for is a complaint.
    `connect` makes one of the connections.
    """

    def __init__(self, client_address="198.51.100.7", pause=0.004, connect=policy.Client):
        super().__init__()
        self.answers = []
        self._client_address = client_address
        self._pause = pause
        self._connect = connect

    def client(self, number):
        try:
            with self._connect() as client:
                while not self.over.wait(self._pause):
                    self.answers.append(client.measure(client_address=self._client_address))
        except (OSError, AssertionError) as error:
            self.complaints.append(repr(error))

    def wait_answers(self, count):
        """Until it has got so many more."""
        wanted = len(self.answers) + count
        waiting.until(lambda: len(self.answers) >= wanted, f"{count} answers; complaints: {self.complaints}")

    def slowest(self):
        return max(answer.seconds for answer in self.answers)

    def count(self, action):
        return sum(answer.action == action for answer in self.answers)


class SmtpLoad(Load):
    """Each client sends message after message from an address of its own; every reply but success is a complaint."""

    def __init__(self, sender):
        super().__init__()
        self.sender = sender
        self.accepted = 0
        self._lock = threading.Lock()

    def client(self, number):
        while not self.over.is_set():
            try:
                reply = smtp.send_message(f"198.51.100.{50 + number}", self.sender,
                                          ["user1@example.org", "user2@example.org"])
                complaint = None if reply.code == 250 else str(reply)
            except (OSError, smtp.Disconnected) as error:
                complaint = repr(error)
            with self._lock:
                if complaint:
                    self.complaints.append(complaint)
                else:
                    self.accepted += 1
