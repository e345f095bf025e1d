# SPDX-License-Identifier: GPL-2.0
"""Connections that last and talk all the time: each says numbered lines, one
now and then, when the last one has come back, and compares each echo.

They and their servers have a process of their own, and so they go on whatever
the test does meanwhile.
"""

import collections
import heapq
import multiprocessing
import resource
import selectors
import socket
import time

from .banner import Loop, Server
from .ktap import TIME_FACTOR

OPEN_FILES = 1 << 14

# Where its client is, who answers it, how many echoes came, how long it took
# to hear of the server, and what ended it.
Talk = collections.namedtuple("Talk", "host server heard greeted error")


class _Talker:
    """A connection."""

    def __init__(self, choir, host, address, number):
        self.choir, self.host, self.number = choir, host, number
        self.server, self.greeted, self.error = None, None, None
        self.heard, self.buffer = 0, b""
        self.start = self.due = time.monotonic()
        self.sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self.sock.connect_ex((address, choir.port))
        # The server speaks first, so there is nothing else to wait for.
        choir.loop.add(self.sock, selectors.EVENT_READ, self._read)

    def told(self):
        return Talk(self.host, self.server, self.heard, self.greeted,
                    self.error)

    def line(self):
        return f"{self.number}-{self.heard}"

    def say(self):
        if not self.error:
            try:
                self.sock.send(self.line().encode() + b"\n")
            except OSError as e:
                self.end(str(e))

    def _read(self, _):
        try:
            data = self.sock.recv(4096)
        except BlockingIOError:
            return
        except OSError as e:
            self.end(str(e))
            return
        if not data:
            self.end("closed")
        self.buffer += data
        while not self.error and b"\n" in self.buffer:
            line, _, self.buffer = self.buffer.partition(b"\n")
            self._hear(line.decode())

    def _hear(self, line):
        if self.server is None:
            self.server = line
            self.greeted = time.monotonic() - self.start
        elif line == f"{self.server} {self.line()}":
            self.heard += 1
        else:
            self.end(f"heard {line!r} and not {self.line()!r}")
            return
        self.choir.next(self)

    def end(self, why):
        if not self.error:
            self.error = why
            self.choir.loop.drop(self.sock)


class _Choir:
    """What the process does."""

    def __init__(self, clients, servers, port, pause, pipe):
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
        self.clients, self.port, self.pause = clients, port, pause
        self.loop, self.pipe = Loop(), pipe
        self.talkers, self.due = [], []
        for name, ns in servers.items():
            Server(self.loop, ns, name, "::", port)
        self.loop.poll.register(pipe, selectors.EVENT_READ, self._obey)

    def sing(self):
        while True:
            self.loop.run(self._wake, 60)

    def _obey(self, _):
        what, *words = self.pipe.recv()
        self.pipe.send(getattr(self, what)(*words))

    def _wake(self):
        now = time.monotonic()
        while self.due and self.due[0][0] <= now:
            heapq.heappop(self.due)[-1].say()

    def next(self, talker):
        """Its next line, once it is time: in step, as far as echoes let it."""
        talker.due = max(talker.due + self.pause, time.monotonic())
        heapq.heappush(self.due, (talker.due, id(talker), talker))

    # What it is told to do.

    def open(self, host, address, count):
        first = len(self.talkers)
        with self.clients[host]:
            self.talkers += [_Talker(self, host, address, first + i)
                             for i in range(count)]

    def look(self):
        return [t.told() for t in self.talkers]

    def hang_up(self):
        for t in self.talkers:
            t.end("we hang up")
        self.talkers = []


class Crowd:
    """The process.

    clients, servers   {name: namespace}
    pause              seconds between a line and the next
    """

    def __init__(self, clients, servers, port, pause=0.4):
        fork = multiprocessing.get_context("fork")
        self.pipe, theirs = fork.Pipe()
        self.process = fork.Process(
            target=lambda: _Choir(clients, servers, port, pause,
                                  theirs).sing(), daemon=True)
        self.process.start()
        theirs.close()

    def _tell(self, *words):
        self.pipe.send(words)
        return self.pipe.recv()

    def open(self, host, address, count):
        """So many connections more. Nobody waits for them here."""
        self._tell("open", host, address, count)

    def look(self):
        """All connections since hang_up()."""
        return [Talk(*t) for t in self._tell("look")]

    def hang_up(self):
        self._tell("hang_up")

    def broken(self, patience=20):
        """Wait until each has been answered what it says from now on. Returns
        those that have ended, or are not answered.
        """
        before = [t.heard for t in self.look()]
        end = time.monotonic() + patience * TIME_FACTOR
        while True:
            # The first echo may be one of what was said before.
            left = [t for t, heard in zip(self.look(), before)
                    if t.error or t.heard < heard + 2]
            if all(t.error for t in left) or time.monotonic() > end:
                return left
            time.sleep(0.1)

    def kill(self):
        self.process.kill()
        self.process.join()
        self.pipe.close()
