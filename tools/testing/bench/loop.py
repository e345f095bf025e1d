# SPDX-License-Identifier: GPL-2.0
"""An event loop with exact timers: select.epoll rounds to milliseconds."""

import ctypes
import heapq
import itertools
import os
import select
import time

EVENTS = 64
_libc = ctypes.CDLL(None, use_errno=True)


class _Timespec(ctypes.Structure):
    _fields_ = [("sec", ctypes.c_int64), ("nsec", ctypes.c_int64)]


class _Event(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("events", ctypes.c_uint32), ("fd", ctypes.c_int32),
                ("unused", ctypes.c_uint32)]


class Loop:
    """Calls what is due, and whom a file descriptor is ready for.

    now       when it last woke up; system calls are expensive in User Mode
              Linux, so nobody else asks for the time
    handlers  of file descriptors
    """

    def __init__(self):
        self.epoll = select.epoll()
        self.handlers = {}
        self.timers = []
        self.numbers = itertools.count()
        self.events = (_Event * EVENTS)()
        self.timeout = _Timespec()
        self.now = time.monotonic()

    def watch(self, fd, handler, events=select.EPOLLIN):
        self.handlers[fd] = handler
        self.epoll.register(fd, events)

    def closing(self, fd):
        """Its events end with it, when it is closed."""
        del self.handlers[fd]

    def at(self, when, function, *args):
        """Call it at this time of time.monotonic()."""
        heapq.heappush(self.timers, (when, next(self.numbers), function, args))

    def _wait(self):
        """Until something is ready or the next timer is due."""
        timeout = None
        if self.timers:
            left = max(0, int((self.timers[0][0] - self.now) * 1e9))
            self.timeout.sec, self.timeout.nsec = divmod(left, 10 ** 9)
            timeout = ctypes.byref(self.timeout)
        n = _libc.epoll_pwait2(self.epoll.fileno(), self.events, EVENTS,
                               timeout, None)
        if n < 0:
            err = ctypes.get_errno()
            raise OSError(err, f"epoll_pwait2: {os.strerror(err)}")
        self.now = time.monotonic()
        return [event.fd for event in self.events[:n]]

    def run(self, done):
        """Until done() says so."""
        self.now = time.monotonic()
        while not done():
            for fd in self._wait():
                if fd in self.handlers:
                    self.handlers[fd]()
            while self.timers and self.timers[0][0] <= self.now:
                _, _, function, args = heapq.heappop(self.timers)
                function(*args)
