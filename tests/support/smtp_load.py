"""Mail that keeps coming while a test does something else."""

import threading

from support import smtp


class SmtpLoad:
    """Clients that send one message after another, each from its own address, and note every reply but success."""

    clients = 8

    def __init__(self, sender):
        self.sender = sender
        self.accepted = 0
        self.complaints = []
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client, args=(f"198.51.100.{50 + number}",))
                         for number in range(self.clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _client(self, source):
        while not self._over.is_set():
            try:
                reply = smtp.send_message(source, self.sender, ["user1@example.org", "user2@example.org"])
                complaint = None if reply.code == 250 else str(reply)
            except (OSError, smtp.Disconnected) as error:
                complaint = repr(error)
            with self._lock:
                if complaint:
                    self.complaints.append(complaint)
                else:
                    self.accepted += 1
