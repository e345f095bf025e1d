# SPDX-License-Identifier: GPL-2.0
"""Clients that connect, and clients that stay connected.

All of them are tasks of one thread; their sockets belong to the namespaces of
their hosts. Servers answer a request with their name, its argument and the
connection's number, so that each answer shows who gave it and to what.
"""

import asyncio
import collections
import itertools
import random
import socket
import threading
import time

# client   the name of its host
# kind     "new", a connection for one request, or "held", one that stays
# server   who answered
# took     seconds
# error    why there was no answer, or none that was right; ""
Record = collections.namedtuple("Record", "time client kind server took error")

# How an error begins when another server than before has answered.
ANOTHER = "another server answers: "

# Seconds until an answer is there: the third repetition of a SYN, too, is early
# enough.
TIMEOUT = 8.0


class Wrong(Exception):
    """An answer that is not the one to this request."""


class Connection:
    """Of one client; server is known from the first answer on."""

    numbers = itertools.count(1)

    def __init__(self, ns, address):
        with ns:
            self.sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self.ns, self.address = ns, address
        self.reader = self.writer = None
        self.server, self.number = "", ""
        self.since = time.monotonic()

    async def connect(self):
        await asyncio.get_running_loop().sock_connect(
            self.sock, (self.address, 80))
        self.reader, self.writer = await asyncio.open_connection(
            sock=self.sock)

    async def ask(self):
        """One request; raises Wrong, OSError or EOFError."""
        word = str(next(self.numbers))
        self.writer.write(f"GET /?{word} HTTP/1.1\r\nHost: web\r\n"
                          "\r\n".encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].split()[0])
        body = (await self.reader.readexactly(size)).decode().split()
        server, echo, number = body
        if self.server not in ("", server):
            raise Wrong(f"{ANOTHER}{server}, not {self.server}")
        if echo != word or (self.number or number) != number:
            raise Wrong(f"{body} answers {word} of {self.server}")
        self.server, self.number = server, number

    def close(self):
        if self.writer:
            self.writer.close()
        self.sock.close()


class Load(threading.Thread):
    """From start() to stop().

    clients   namespaces
    rate      new connections of each a second
    held      connections that each keeps, with a request every pause seconds
    life      seconds for which it keeps one, from and to
    running   how many of these each server has
    """

    def __init__(self, clients, address, rate, held, pause, life):
        super().__init__(daemon=True)
        self.clients, self.address = clients, address
        self.rate, self.held = rate, held
        self.pause, self.life = pause, life
        self.records, self.running = [], collections.Counter()
        self.stopped = threading.Event()

    def run(self):
        asyncio.run(self._run())

    def stop(self):
        self.stopped.set()
        self.join()

    def _record(self, ns, kind, server, since, error=""):
        now = time.monotonic()
        self.records.append(Record(now, ns.name, kind, server, now - since,
                                   error))

    async def _run(self):
        tasks = []
        for ns in self.clients:
            tasks.append(asyncio.create_task(self._connect(ns)))
            tasks += [asyncio.create_task(self._hold(ns))
                      for _ in range(self.held)]
        while not self.stopped.is_set():
            await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()

    async def _connect(self, ns):
        """New ones, at random times: nobody waits for the last one."""
        tasks = set()
        while True:
            await asyncio.sleep(random.expovariate(self.rate))
            task = asyncio.create_task(self._brief(ns))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _brief(self, ns):
        (await self._one(ns)).close()

    async def _one(self, ns):
        """A connection with one request answered, or not."""
        since = time.monotonic()
        connection = Connection(ns, self._address(ns))
        error = await self._try(self._first(connection), TIMEOUT)
        self._record(ns, "new", connection.server, since, error)
        return connection

    def _address(self, _):
        """What a client connects to now."""
        return self.address

    @staticmethod
    async def _first(connection):
        await connection.connect()
        await connection.ask()

    async def _hold(self, ns):
        await asyncio.sleep(random.uniform(0, 2))
        while True:
            connection = await self._one(ns)
            self.running[connection.server] += 1
            error = await self._keep(ns, connection)
            self.running[connection.server] -= 1
            connection.close()
            if error:
                await asyncio.sleep(0.5)

    async def _keep(self, ns, connection):
        """Requests until its life is over; returns why before, or ""."""
        end = connection.since + random.uniform(*self.life)
        error = "" if connection.server else "none"
        while not error and time.monotonic() < end:
            await asyncio.sleep(random.uniform(0, 2 * self.pause))
            since = time.monotonic()
            error = await self._try(self._again(connection), TIMEOUT)
            self._record(ns, "held", connection.server, since, error)
        return error

    async def _again(self, connection):
        """A later request on one that stays."""
        await connection.ask()

    @staticmethod
    async def _try(what, timeout):
        """What went wrong, or ""."""
        try:
            await asyncio.wait_for(what, timeout)
        except asyncio.TimeoutError:
            return f"no answer in {timeout:g} s"
        except (OSError, EOFError, Wrong, ValueError) as e:
            return str(e) or type(e).__name__
        return ""
