# SPDX-License-Identifier: GPL-2.0
"""Many packets from hosts that do not exist, at a steady rate."""

import multiprocessing
import random
import socket
import struct
import time

from . import craft
from .wire import ETH_P_IPV6

# The network of the sources.
NOWHERE = "2001:db8:bad::/64"
TICKS = 50      # a second


def syns(service, dport, count, seed=1):
    """SYNs of random hosts.

    The words that differ add up to nothing, and so the checksum stays.
    """
    packet = bytearray(craft.segment(NOWHERE[:-3], service, "S", dport=dport))
    rnd = random.Random(seed)
    for _ in range(count):
        words = [rnd.randrange(1, 0xffff) for _ in range(3)]
        words.append(-sum(words) % 0xffff)
        packet[16:24] = struct.pack("!4H", *words)
        yield bytes(packet)


class Flood:
    """Packets in turns, so many a second, while the block runs.

    The namespace sends them through a device, to the host with that address at
    its other end.
    """

    def __init__(self, ns, dev, mac, packets, rate):
        header = mac + bytes(6) + struct.pack("!H", ETH_P_IPV6)
        self.frames = [header + packet for packet in packets]
        self.ns, self.dev, self.rate = ns, dev, rate
        self.context = multiprocessing.get_context("fork")
        self.count = self.context.Value("Q", 0, lock=False)

    def _send(self):
        with self.ns:
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            sock.bind((self.dev, 0))
        start = time.monotonic()
        while True:
            due = int((time.monotonic() - start) * self.rate)
            while self.count.value < due:
                sock.send(self.frames[self.count.value % len(self.frames)])
                self.count.value += 1
            time.sleep(1 / TICKS)

    @property
    def sent(self):
        return self.count.value

    def __enter__(self):
        self.process = self.context.Process(target=self._send, daemon=True)
        self.process.start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.join()
