# SPDX-License-Identifier: GPL-2.0
"""Servers with a limited number of workers, and clients that come whenever
they like. All in one process: what is measured is who is sent where.
"""

import errno
import itertools
import select
import socket
import struct
import time

PORT = 80
DEMAND = struct.Struct("=d")    # a request: seconds at a server of speed 1


class Server:
    """A listener and its workers. A worker holds a connection from accept()
    until it has answered; who finds none waits in the accept queue.

    tell  called with the server whenever the number of busy workers changes
    """

    def __init__(self, loop, ns, workers, speed):
        self.loop, self.workers, self.speed = loop, workers, speed
        self.tell = None
        self.busy = 0
        with ns:
            self.sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("::", PORT))
        self.reset(1)
        self.sock.setblocking(False)
        loop.watch(self.sock.fileno(), self._accept)

    def reset(self, backlog):
        """Before a run: count anew."""
        self.served, self.seconds = 0, 0.0
        self.backlog = backlog
        self.sock.listen(backlog)

    def _set_busy(self, n):
        full = self.workers
        if (n == full) != (self.busy == full):
            self.loop.epoll.modify(self.sock.fileno(),
                                   0 if n == full else select.EPOLLIN)
        self.busy = n
        if self.tell:
            self.tell(self)

    def _accept(self):
        try:
            conn, _ = self.sock.accept()
        except BlockingIOError:
            return
        self._set_busy(self.busy + 1)
        # Of who had to wait, the request is there already.
        self.loop.handlers[conn.fileno()] = lambda: self._request(conn)
        if not self._request(conn):
            self.loop.epoll.register(conn.fileno(), select.EPOLLIN)

    def _request(self, conn):
        """Returns whether it was there."""
        try:
            demand, = DEMAND.unpack(conn.recv(64, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return False
        except (ConnectionError, struct.error):
            # The client has gone; nobody works for it.
            self._end(conn)
            return True
        seconds = demand / self.speed
        self.seconds += seconds
        self.loop.at(self.loop.now + seconds, self._answer, conn)
        return True

    def _answer(self, conn):
        try:
            conn.send(b"!")
        except ConnectionError:
            pass
        self.served += 1
        self._end(conn)

    def _end(self, conn):
        self.loop.closing(conn.fileno())
        conn.close()
        waiting = self.busy == self.workers
        self._set_busy(self.busy - 1)
        if waiting:
            self._accept()


class Client:
    """One connection, one request."""

    def __init__(self, run, address, demand):
        self.run, self.demand = run, demand
        self.start = run.loop.now
        self.asked = False
        self.sock = socket.socket(
            socket.AF_INET6, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        err = self.sock.connect_ex((address, PORT))
        if err != errno.EINPROGRESS:
            raise OSError(err, f"connect to {address}")
        # Once when it is connected, and once for the answer.
        run.loop.watch(self.sock.fileno(), self._ready, select.EPOLLIN |
                       select.EPOLLOUT | select.EPOLLET)

    def _ready(self):
        try:
            if self.asked:
                self._end(self.sock.recv(64) == b"!")
            else:
                self.asked = True
                self.sock.send(DEMAND.pack(self.demand))
        except BlockingIOError:
            pass
        except OSError:
            self._end(False)

    def _end(self, ok):
        self.run.loop.closing(self.sock.fileno())
        self.sock.close()
        self.run.ended(self.run.loop.now - self.start, ok)


class Run:
    """Clients that come at given times with given demands.

    times   response times in seconds, of those that were answered, in the
            order of the answers
    failed  how many were not
    last    called when the last one has come
    """

    def __init__(self, loop, addresses, arrivals, last):
        self.loop, self.addresses = loop, itertools.cycle(addresses)
        self.arrivals = iter(arrivals)
        self.open, self.more = 0, True
        self.times, self.failed = [], 0
        self.last = last
        self.origin = time.monotonic() + 0.1
        self._next()

    def _next(self):
        found = next(self.arrivals, None)
        if found is None:
            self.more = False
            self.last()
            return
        self.loop.at(self.origin + found[0], self._come, found[1])

    def _come(self, demand):
        self.open += 1
        Client(self, next(self.addresses), demand)
        self._next()

    def ended(self, seconds, ok):
        self.open -= 1
        if ok:
            self.times.append(seconds)
        else:
            self.failed += 1

    def done(self):
        return not self.more and not self.open
