# SPDX-License-Identifier: GPL-2.0
"""A protocol whose server speaks first, between many sockets at once.

The server says its name, answers each line with its name and the line, and
closes after the client did. All sockets, servers' and clients', are this
process's, so that none costs a process.
"""

import errno
import os
import selectors
import socket
import struct
import time

RESETS = (errno.ECONNRESET, errno.ECONNREFUSED, errno.EPIPE)


def reset(sock):
    """Close with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


class Loop:
    """Serves sockets while somebody waits for something."""

    def __init__(self):
        self.poll = selectors.DefaultSelector()

    def add(self, sock, events, serve):
        sock.setblocking(False)
        self.poll.register(sock, events, serve)

    def change(self, sock, events, serve):
        self.poll.modify(sock, events, serve)

    def drop(self, sock):
        self.poll.unregister(sock)
        sock.close()

    def run(self, until, timeout):
        """Serve until until() is true; returns whether it became so."""
        end = time.monotonic() + timeout
        while not until():
            left = end - time.monotonic()
            if left <= 0:
                return False
            for key, events in self.poll.select(min(left, 0.05)):
                key.data(events)
        return True


class Server:
    """A listener of a host, whom it has accepted, and who has reset it."""

    def __init__(self, loop, ns, name, address, port, backlog=512):
        self.loop, self.ns, self.name = loop, ns, name
        self.address, self.port, self.backlog = address, port, backlog
        self.accepted, self.reset = [], []
        self.open, self.sock = set(), None
        self.listen()

    def listen(self):
        """Unless it does."""
        if self.sock:
            return
        with self.ns:
            self.sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((self.address, self.port))
        self.sock.listen(self.backlog)
        self.loop.add(self.sock, selectors.EVENT_READ, self._accept)

    def _accept(self, _):
        while True:
            try:
                sock, peer = self.sock.accept()
            except BlockingIOError:
                return
            peer = peer[:2]
            self.accepted.append(peer)
            self.open.add(sock)
            self.loop.add(sock, selectors.EVENT_READ,
                          lambda _, sock=sock, peer=peer:
                          self._read(sock, peer))
            self._say(sock, peer, self.name)

    def _say(self, sock, peer, line):
        try:
            sock.send(line.encode() + b"\n")
        except OSError:
            self.reset.append(peer)
            self._close(sock)

    def _read(self, sock, peer):
        try:
            data = sock.recv(1 << 16)
        except OSError:
            self.reset.append(peer)
            data = b""
        for line in data.decode().splitlines():
            if sock in self.open:
                self._say(sock, peer, f"{self.name} {line}")
        if not data:
            self._close(sock)

    def _close(self, sock):
        if sock in self.open:
            self.open.discard(sock)
            self.loop.drop(sock)

    def hang_up(self):
        """Close all connections, the server first."""
        for sock in self.open:
            self.loop.drop(sock)
        self.open = set()

    def stop(self):
        """Listen no more; connections go on."""
        self.loop.drop(self.sock)
        self.sock = None


class Client:
    """A connection attempt of a host.

    talk    how many lines it says, each when the one before is answered
    name    of the server, once it has said it
    error   errno, when it came to an end of that kind
    lines   read so far, beside the name
    """

    def __init__(self, loop, ns, address, port, talk=0, local=0):
        self.loop, self.name, self.error = loop, None, None
        self.lines, self.buffer, self.ended = [], b"", False
        self.connected, self.talk = False, talk
        with ns:
            self.sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.setblocking(False)
        if local:
            self.sock.bind(("::", local))
        number = self.sock.connect_ex((address, port))
        self.local = self.sock.getsockname()[:2]
        loop.add(self.sock, selectors.EVENT_WRITE, self._connected)
        if number != errno.EINPROGRESS:
            self._fail(number)

    def _connected(self, _):
        number = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._fail(number)
            return
        self.connected = True
        self.loop.change(self.sock, selectors.EVENT_READ, self._read)

    def _fail(self, number):
        self.error = number
        self.loop.drop(self.sock)

    def _read(self, _):
        try:
            data = self.sock.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError as e:
            self._fail(e.errno)
            return
        self.ended = self.ended or not data
        self.buffer += data
        *lines, self.buffer = self.buffer.split(b"\n")
        for line in lines:
            if self.name is None:
                self.name = line.decode()
            else:
                self.lines.append(line.decode())
            if len(self.lines) < self.talk:
                self.say(str(len(self.lines) + 1))
        if self.ended:
            self.close()

    def say(self, line):
        try:
            self.sock.send(line.encode() + b"\n")
        except OSError as e:
            self._fail(e.errno)

    @property
    def done(self):
        """It has said what it is to say, and heard the answers."""
        return self.name and len(self.lines) >= self.talk

    @property
    def live(self):
        return self.sock.fileno() >= 0

    def finish(self):
        """No more from us; the server closes then."""
        if self.live:
            self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        if self.live:
            self.loop.drop(self.sock)

    def abort(self):
        if self.live:
            self.loop.poll.unregister(self.sock)
            reset(self.sock)

    def __repr__(self):
        error = self.error and os.strerror(self.error)
        return f"<{self.local} {self.name} {self.lines} {error}>"
