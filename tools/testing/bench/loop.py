# SPDX-License-Identifier: GPL-2.0
"""An event loop with exact timers: epoll_wait() alone rounds to milliseconds."""

import ctypes
import heapq
import itertools
import os
import select
import struct
import time

CLOCK_MONOTONIC, TFD_TIMER_ABSTIME = 1, 1
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result < 0:
        err = ctypes.get_errno()
        raise OSError(err, f"{what}: {os.strerror(err)}")
    return result


class Loop:
    """Calls what is due, and whom a file descriptor is ready for."""

    def __init__(self):
        self.epoll = select.epoll()
        self.handlers = {}
        self.timers = []
        self.numbers = itertools.count()
        self.timer = _check(_libc.timerfd_create(
            CLOCK_MONOTONIC, os.O_NONBLOCK), "timerfd_create")
        self.armed = None
        self.watch(self.timer, lambda: None)

    def watch(self, fd, handler, events=select.EPOLLIN):
        self.handlers[fd] = handler
        self.epoll.register(fd, events)

    def change(self, fd, events):
        self.epoll.modify(fd, events)

    def closing(self, fd):
        """Its events end with it, when it is closed."""
        del self.handlers[fd]

    def at(self, when, function, *args):
        """Call it at this time of time.monotonic()."""
        heapq.heappush(self.timers, (when, next(self.numbers), function, args))

    def _arm(self):
        when = self.timers[0][0] if self.timers else 0
        if when == self.armed:
            return
        self.armed = when
        sec = int(when)
        spec = struct.pack("=qqqq", 0, 0, sec,
                           max(1, int((when - sec) * 1e9)) if when else 0)
        _check(_libc.timerfd_settime(self.timer, TFD_TIMER_ABSTIME, spec,
                                     None), "timerfd_settime")

    def _due(self):
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            _, _, function, args = heapq.heappop(self.timers)
            function(*args)

    def run(self, done):
        """Until done() says so."""
        while not done():
            self._arm()
            for fd, _ in self.epoll.poll():
                if fd == self.timer:
                    self.armed = None
                    os.read(fd, 8)
                elif fd in self.handlers:
                    self.handlers[fd]()
            self._due()

    def close(self):
        os.close(self.timer)
        self.epoll.close()
