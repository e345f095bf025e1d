# SPDX-License-Identifier: GPL-2.0
"""Clients and servers that are processes of their own, made by fork: faster to
start than programs, and gone at once when they are killed.
"""

import hashlib
import os
import select
import signal
import socket
import struct
import threading
import time

from .ktap import TIME_FACTOR, wait_for

IPV6_FREEBIND = 78


def _spawn(ns, function):
    """Run it in the namespace until it ends or is killed; returns the pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        with ns:
            function()
    except BaseException as e:  # pylint: disable=broad-except
        print(f"# {ns.name}: {e!r}", flush=True)
    finally:
        os._exit(0)


class _Process:
    def __init__(self, ns, function):
        self.pid = _spawn(ns, function)

    def kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0


class Server(_Process):
    """Answers each connection with its name and the request, as an echo."""

    def __init__(self, ns, address, name, port=80):
        with ns:
            sock = socket.socket(socket.AF_INET6)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(256)
        super().__init__(ns, lambda: self._serve(sock, name.encode()))
        sock.close()

    @staticmethod
    def _serve(listener, name):
        poll = select.epoll()
        poll.register(listener, select.EPOLLIN)
        socks = {listener.fileno(): listener}
        while True:
            for fd, _ in poll.poll():
                sock = socks[fd]
                if sock is listener:
                    sock, _ = listener.accept()
                    socks[sock.fileno()] = sock
                    poll.register(sock, select.EPOLLIN)
                    continue
                try:
                    data = sock.recv(4096)
                    if data:
                        sock.sendall(name + b" " + data)
                        continue
                except OSError:
                    pass
                del socks[fd]
                sock.close()


class UdpServer(_Process):
    """Answers each datagram with its name and the datagram, from the address
    that it came to: any address may be ours.
    """

    def __init__(self, ns, name, port):
        with ns:
            sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        sock.bind(("::", port))
        super().__init__(ns, lambda: self._serve(sock, name.encode()))
        sock.close()

    @staticmethod
    def _serve(sock, name):
        while True:
            data, info, _, peer = sock.recvmsg(4096, 256)
            info = [(level, kind, value) for level, kind, value in info
                    if kind == socket.IPV6_PKTINFO]
            sock.sendmsg([name + b" " + data], info, 0, peer)


class Digest(_Process):
    """Answers all that comes on a connection with its SHA-256."""

    def __init__(self, ns, address, port):
        with ns:
            listener = socket.socket(socket.AF_INET6)
        listener.bind((address, port))
        listener.listen()
        super().__init__(ns, lambda: self._serve(listener))
        listener.close()

    @staticmethod
    def _serve(listener):
        while True:
            sock, _ = listener.accept()
            found = hashlib.sha256()
            while data := sock.recv(1 << 16):
                found.update(data)
            sock.sendall(found.digest())
            sock.close()


class Mirror(_Process):
    """Sends back what comes on a connection: so many octets as the four in
    front of them say, when it has them all.
    """

    def __init__(self, ns, address, port):
        with ns:
            listener = socket.socket(socket.AF_INET6)
        listener.bind((address, port))
        listener.listen()
        super().__init__(ns, lambda: self._serve(listener))
        listener.close()

    @classmethod
    def _serve(cls, listener):
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=cls._reflect, args=(sock,)).start()

    @staticmethod
    def _reflect(sock):
        with sock, sock.makefile("rb") as file:
            while head := file.read(4):
                sock.sendall(file.read(*struct.unpack("!I", head)))


def ask(sock, word=b"x"):
    """Who answers on this connection?"""
    sock.sendall(word + b"\n")
    return hear(sock, word)


def hear(sock, word):
    """The answer to a word that was sent."""
    answer = b""
    while not answer.endswith(b"\n"):
        data = sock.recv(4096)
        if not data:
            raise ConnectionResetError("closed")
        answer += data
    name, _, echo = answer.decode().strip().partition(" ")
    if echo.encode() != word:
        raise OSError(f"echo of {word}: {echo}")
    return name


def connect(ns, address, port=80, timeout=10, local=0):
    with ns:
        sock = socket.socket(socket.AF_INET6)
    sock.settimeout(timeout * TIME_FACTOR)
    if local:
        sock.bind(("::", local))
    sock.connect((address, port))
    return sock


class Traffic(_Process):
    """Connections from a namespace, one after the other.

    pause       seconds between them
    results()   names of the servers that answered, or what went wrong
    """

    def __init__(self, ns, address, port=80, timeout=10.0, pause=0.0):
        self.read, write = os.pipe()
        os.set_blocking(self.read, False)
        self.got, self.rest = [], b""
        super().__init__(ns, lambda: self._run(write, address, port, timeout,
                                               pause))
        os.close(write)

    @staticmethod
    def _run(write, address, port, timeout, pause):
        while True:
            try:
                with socket.socket(socket.AF_INET6) as sock:
                    sock.settimeout(timeout)
                    sock.connect((address, port))
                    result = ask(sock)
            except OSError as e:
                result = f"failed: {e}"
                time.sleep(0.01)
            os.write(write, result.encode() + b"\n")
            time.sleep(pause)

    def results(self):
        try:
            while data := os.read(self.read, 65536):
                self.rest += data
        except BlockingIOError:
            pass
        *lines, self.rest = self.rest.split(b"\n")
        self.got += [line.decode() for line in lines]
        return self.got

    def more(self, count=1, timeout=30):
        """Wait for so many more good connections."""
        start = len(self.results())
        wait_for(lambda: sum(not r.startswith("failed") for r in
                             self.results()[start:]) >= count,
                 f"{count} connections; last: {self.got[-3:]}", timeout)

    def failures(self):
        return [r for r in self.results() if r.startswith("failed")]

    def stop(self):
        """Returns all results."""
        self.kill()
        results = self.results()
        if self.read is not None:
            os.close(self.read)
            self.read = None
            self.results = lambda: results
        return results
