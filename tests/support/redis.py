"""A Redis of one's own, sentinels that watch it, and a proxy that makes the way to it slow, silent or short."""

import asyncio
import contextlib
import itertools
import pathlib
import re
import signal
import socket
import subprocess
import threading

from support import mxwardend, waiting

PORT = 6379
PROXY_PORT = 6380

# What sentinels call it.
MASTER_NAME = "mymaster"

# Nothing is kept over a restart, so that each one begins empty.
_CONF = """
bind {address}
port {port}
unixsocket {folder}/socket
unixsocketperm 777
dir {folder}
logfile {folder}/log
save ""
appendonly no
"""


# Strangers' addresses that no test names.
_probes = (f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(1))


def settings(address=f"inet:127.0.0.1:{PORT}", client_conn="off", **more):
    """The part of mxwarden.conf that makes a mxwardend count in Redis, and log each request with who counted it.

    client_conn: the mode of that rule. Most tests make up their connections, more at a time than anybody has.
    """
    lines = "".join(f"{name} = {value}\n" for name, value in more.items())
    return f"[log]\nlevel = debug\n[store]\nbackend = redis\n[redis]\naddress = {address}\n{lines}" \
        f"[client_conn]\nmode = {client_conn}\n"


def said(daemon, level):
    """What the log of a mxwardend says about Redis, apart from decisions."""
    return re.findall(rf"^.*\b{level}: redis .*$", daemon.log(), re.MULTILINE)


def answered_by(daemon, client):
    """Who counts at this moment, `redis` or `embedded`: asks about a client that was never seen."""
    address = next(_probes)
    before = len(daemon.log())
    client.ask(client_address=address)
    return mxwardend.parse_logfmt(daemon.wait_log(rf"decision .* client={address} ", before)[0])["store"]


def wait_answered_by(daemon, client, store):
    waiting.until(lambda: answered_by(daemon, client) == store, f"answers from {store}")


class Refused(Exception):
    """Redis answered with an error; its words."""


class Connection:
    """A client of Redis that sees replies as they are: numbers, texts, None, lists of them (RESP2)."""

    def __init__(self, path, timeout=10):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(str(path))
        except BaseException:
            self._socket.close()
            raise
        self._replies = self._socket.makefile("rb")

    def close(self):
        self._replies.close()
        self._socket.close()

    def ask(self, *arguments):
        texts = [str(argument).encode() for argument in arguments]
        self._socket.sendall(b"*%d\r\n" % len(texts) + b"".join(b"$%d\r\n%s\r\n" % (len(t), t) for t in texts))
        return self._reply()

    def _reply(self):
        line = self._replies.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError(f"closed after {line!r}")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise Refused(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == "-1" else self._replies.read(int(rest) + 2)[:-2].decode(errors="replace")
        if kind == b"*":
            return None if rest == "-1" else [self._reply() for _ in range(int(rest))]
        return rest


class RedisServer:
    """`lines`: more of its configuration. It listens on 127.0.0.1:PORT and on a unix socket."""

    options = ()

    def __init__(self, folder, *lines, address="127.0.0.1", port=PORT):
        self.folder = pathlib.Path(folder) / f"redis-{port}"
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.port = port
        self.path = self.folder / "socket"
        self._conf = self.folder / "redis.conf"
        self._conf.write_text("\n".join([_CONF.format(address=address, port=port, folder=self.folder), *lines, ""]))
        self._process = None
        self._connection = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self._process is not None:
            self.kill()

    def start(self, ready=True):
        """Returns when it answers well; with ready=False it may be loading its file."""
        self.path.unlink(missing_ok=True)
        self._process = subprocess.Popen(["redis-server", self._conf, *self.options], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def answers():
            assert self._process.poll() is None, f"redis-server ended:\n{self.log()[-2000:]}"
            try:
                self.ask("PING")
            except Refused:
                return not ready
            except OSError:
                return False
            return True

        try:
            waiting.until(answers, "redis-server to answer")
        except BaseException:
            self.kill()
            raise

    def stop(self):
        """As the service manager ends it: what it is told to keep is written."""
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def _end(self, number):
        self._disconnect()
        self._process.send_signal(number)
        # A process that was paused takes nothing but SIGKILL.
        self._process.wait(timeout=10)
        self._process = None

    def pause(self):
        """It stays as it is and says nothing; the kernel goes on accepting connections for it."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def ask(self, *arguments):
        """A command, over a connection that stays open until something is wrong with it; a second time if it was
        ended meanwhile, as sentinels do to a server whose role they change."""
        stayed_open = self._connection is not None
        if not stayed_open:
            self._connection = Connection(self.path)
        try:
            return self._connection.ask(*arguments)
        except OSError as error:
            self._disconnect()
            if stayed_open and isinstance(error, ConnectionError):
                return self.ask(*arguments)
            raise

    def configure(self, **settings):
        for name, value in settings.items():
            self.ask("CONFIG", "SET", name.replace("_", "-"), value)

    def role(self):
        """`master`, `slave` or `sentinel`."""
        return self.ask("ROLE")[0]

    def info(self, name):
        """A number out of INFO."""
        [value] = [line.partition(":")[2] for line in self.ask("INFO", "everything").splitlines()
                   if line.startswith(name + ":")]
        return float(value)

    def calls(self, command):
        """How often it was given this command."""
        found = re.search(rf"^cmdstat_{command}:calls=(\d+)", self.ask("INFO", "commandstats"), re.MULTILINE)
        return int(found[1]) if found else 0

    def keys(self):
        return sorted(self.ask("KEYS", "*"))

    def _disconnect(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Sentinel(RedisServer):
    """Watches over the master at `watched`, with two others. Remembers what it knows over a restart."""

    options = ("--sentinel",)

    # In milliseconds. Its own, ten times slower, are for networks; a busy machine is given time before it tilts.
    _TIMES = {"info-period": 200, "ping-period": 200, "ask-period": 200, "publish-period": 400,
              "tilt-trigger": 10000, "tilt-period": 1000}

    def __init__(self, folder, port, watched=PORT):
        super().__init__(folder, f"sentinel monitor {MASTER_NAME} 127.0.0.1 {watched} 2",
                         f"sentinel down-after-milliseconds {MASTER_NAME} 1000",
                         f"sentinel failover-timeout {MASTER_NAME} 3000", port=port)

    def start(self, ready=True):
        super().start(ready)
        self.ask("SENTINEL", "DEBUG", *itertools.chain(*self._TIMES.items()))

    def master(self):
        """What it knows about the master, as texts."""
        return _pairs(self.ask("SENTINEL", "MASTER", MASTER_NAME))

    def replicas(self):
        """What it knows about each replica of the master."""
        return [_pairs(words) for words in self.ask("SENTINEL", "REPLICAS", MASTER_NAME)]


def _pairs(words):
    return dict(zip(words[::2], words[1::2]))


class SlowProxy:
    """Between mxwardend and Redis, in a thread of its own. What is set takes effect at once.

    delay: what Redis says is held back for so many seconds.  silent: connections are taken, and nothing passes either
    way any more, as in a network that drops every packet.
    """

    def __init__(self, to=("127.0.0.1", PORT), port=PROXY_PORT):
        self.delay = 0.0
        self.silent = False
        self.accepted = 0
        self._to = to
        self._port = port
        self._server = None
        self._connections = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self):
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", self._port))
        return self

    def __exit__(self, *_):
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self):
        """Every connection ends; new ones are taken."""
        self._run(self._cut())

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _cut(self):
        for writer in self._connections:
            writer.transport.abort()

    async def _end(self):
        self._server.close()
        await self._cut()
        # Each of them sees the end of its connections now.
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    async def _serve(self, reader, writer):
        self.accepted += 1
        self._connections.add(writer)
        try:
            with contextlib.suppress(OSError):
                redis_reader, redis_writer = await asyncio.open_connection(*self._to)
                self._connections.add(redis_writer)
                try:
                    await asyncio.gather(self._requests(reader, redis_writer), self._replies(redis_reader, writer))
                finally:
                    self._connections.discard(redis_writer)
                    redis_writer.close()
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _requests(self, reader, writer):
        while data := await reader.read(65536):
            if not self.silent:
                writer.write(data)
        writer.close()

    async def _replies(self, reader, writer):
        # Each piece is held back by itself, so that a stream is late but not slow.
        late = asyncio.Queue()

        async def deliver():
            while True:
                due, data = await late.get()
                await asyncio.sleep(due - self._loop.time())
                if not data:
                    writer.close()
                    return
                if not self.silent:
                    writer.write(data)

        delivery = asyncio.create_task(deliver())
        try:
            while data := await reader.read(65536):
                late.put_nowait((self._loop.time() + self.delay, data))
            late.put_nowait((self._loop.time() + self.delay, b""))
            await delivery
        finally:
            delivery.cancel()
