# SPDX-License-Identifier: GPL-2.0
"""The kernel log: what a case made the kernel say."""

import os
import re

from .ktap import true

TROUBLE = re.compile(
    r"WARNING: |BUG:|Oops|Call Trace|KASAN|UBSAN|refcount_t:|kernel BUG"
    r"|list_(add|del) corruption|suspicious RCU|unregister_netdevice: wait"
    r"|scheduling while atomic|sleeping function|Objects remaining"
    r"|soft lockup|self-detected stall")


class Klog:
    """Its lines from now on."""

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)
        self.lines = []

    def read(self):
        """All lines since the beginning."""
        while True:
            try:
                record = os.read(self.fd, 8192).decode(errors="replace")
            except BlockingIOError:
                return self.lines
            except BrokenPipeError:
                continue  # the buffer ran over; what is left follows
            self.lines.append(record.split(";", 1)[1].split("\n", 1)[0])

    def quiet(self):
        bad = [line for line in self.read() if TROUBLE.search(line)]
        true(not bad, f"kernel log: {bad}")

    def close(self):
        os.close(self.fd)
