# SPDX-License-Identifier: GPL-2.0
"""The kernel's own behaviours at work."""

import socket
import threading

from . import ktap, netns

SO_RCVBUFFORCE = 33
AT_ONCE = 20000     # datagrams, which the receiver's buffer must hold


class Stock:
    """The kernel's own behaviours: a datagram through each of them.

    a ---- b ---- c      b: End, End.DT6, End.DX6, End.B6.Encaps; c: End.DT6
    """

    WAYS = {"2001:db8:c::e": "fc00:b::e,fc00:c::d6",    # End
            "2001:db8:c::d6": "fc00:b::d6",             # End.DT6
            "2001:db8:c::d7": "fc00:b::d7",             # End.DX6
            "2001:db8:c::b6": "fc00:b::b6,fc00:c::d6"}  # End.B6.Encaps

    def __init__(self):
        a, b, c = self.hosts = netns.create("stock-" + n for n in "abc")
        netns.links([
            (a, b, "fd00:1::1/64", "fd00:1::2/64", "to-b", "to-a"),
            (b, c, "fd00:2::2/64", "fd00:2::3/64", "to-c", "to-b")])
        c.later("route add fd00:1::/64 via fd00:2::2")
        c.later("route add fc00:c::d6 encap seg6local action End.DT6 "
                "table 255 dev to-b")
        c.later("route add fc00:c::d8 encap seg6local action End.DT6 "
                "table 254 dev to-b")
        a.later("route add fc00::/16 via fd00:1::2")
        b.later("route add fc00:c::/32 via fd00:2::3")
        b.later("route add 2001:db8:c::/64 via fd00:2::3")
        for dst, segs in self.WAYS.items():
            c.later(f"addr add {dst}/128 dev lo nodad")
            a.later(f"route add {dst} encap seg6 mode encap segs {segs} "
                    "via fd00:1::2 dev to-b")
        self.behaviours("add")
        for ns in self.hosts:
            ns.flush()
        with c:
            self.receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.receiver.bind(("::", 7))
        self.receiver.settimeout(10)
        with a:
            self.sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.number = 0
        # A device that has just come up may drop what it is to send.
        for ns, neighbour in (a, "fd00:1::2"), (b, "fd00:2::3"):
            ktap.wait_for(lambda n=ns, to=neighbour: not n.run(
                ["ping", "-c", "1", "-W", "1", to],
                check=False).returncode, f"{neighbour} answers")

    def behaviours(self, verb):
        b = self.hosts[1]
        b.later(f"route {verb} fc00:b::e encap seg6local action End dev to-a")
        b.later(f"route {verb} fc00:b::d6 encap seg6local action End.DT6 "
                "table 254 dev to-a")
        b.later(f"route {verb} fc00:b::d7 encap seg6local action End.DX6 "
                "nh6 fd00:2::3 dev to-a")
        b.later(f"route {verb} fc00:b::b6 encap seg6local action "
                "End.B6.Encaps srh segs fc00:c::d8 dev to-a")
        b.flush()

    def send(self):
        for dst in self.WAYS:
            self.sender.sendto(b"%d" % self.number, (dst, 7))
            self.number += 1

    def receive(self):
        """What has been sent must come; each once, in order."""
        for number in range(self.number):
            ktap.equal(self.receiver.recv(100), b"%d" % number, "datagram")
        self.number = 0

    def works(self):
        self.send()
        self.receive()

    def close(self):
        self.receiver.close()
        self.sender.close()
        netns.remove(self.hosts)


class Flood:
    """Datagrams without a pause while the block runs; none may be lost."""

    def __init__(self, stock):
        self.stock, self.stopped = stock, threading.Event()

    def _run(self):
        while not self.stopped.is_set() and self.stock.number < AT_ONCE:
            self.stock.send()
            self.stopped.wait(0.002)

    def __enter__(self):
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        ktap.true(self.stock.number < AT_ONCE, "it went on until the end")
        self.stock.receive()
