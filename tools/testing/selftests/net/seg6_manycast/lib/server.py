# SPDX-License-Identifier: GPL-2.0
"""A server alone, with real sockets: the test is selector, edge and clients."""

import itertools
import socket

from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrSegmentRouting

from . import ktap
from .handshake import (UNAVAILABLE, Attempt, empty_trace, nodes_of,
                        trace_of, trace_with)
from .ktap import equal
from .netns import Netns
from .selector import counted
from .topology import SEL_SID, SERVICE, sid
from .wire import GATEWAY, Wire, flags, innermost

OWN = "fd00:5:1::2"
NODE_ID = 101
SYN_RECEIVED = "03"
SELECTOR_ENTRY = (64, 10, 1000, 0, UNAVAILABLE)


class Server:
    """The host under test."""

    def __init__(self):
        self.ns = ns = Netns("s1")
        self.wire = Wire(ns, "r2", OWN + "/64", "fd00:5:1::1")
        ns.sysctl("net.ipv6.ioam6_id", NODE_ID)
        ns.later(f"route add default via {GATEWAY} dev r2")
        ns.later(f"addr add {SERVICE}/128 dev lo nodad")
        ns.later(f"route add {sid(1)}/128 encap seg6local "
                 "action End.MAnycast.S table local dev r2")
        ns.flush()
        self.wire.ready()
        self.ports = itertools.count(1024)
        self.listening = itertools.count(8000)
        self.sockets = []

    def listen(self, backlog=16, port=None, address=SERVICE):
        """A listener nobody accepts from, unless the test does."""
        with self.ns:
            sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        sock.bind((address, port or next(self.listening)))
        sock.listen(backlog)
        sock.settimeout(5)
        self.sockets.append(sock)
        return sock

    def restore(self):
        """End of a case: connections and all."""
        for sock in self.sockets:
            sock.close()
        self.sockets = []
        self.ns.sysctl("net.ipv4.tcp_syncookies", 1)
        self.ns.sysctl("net.ipv4.tcp_synack_retries", 5)

    def waiting(self, listener):
        """How many of a listener's sockets wait for the client's ACK."""
        port = f":{listener.getsockname()[1]:04X}"
        with self.ns, open("/proc/net/tcp6", encoding="ascii") as f:
            found = [line.split()[1:4] for line in f]
        return sum(local.endswith(port) and state == SYN_RECEIVED
                   for local, _, state in found)

    def listener(self, sock):
        """What `ip manycast` knows of a listener, or None."""
        port = sock.getsockname()[1]
        for found in self.ns.ip_json("-s manycast listener show"):
            if found["port"] == port:
                return found
        return None

    def counts(self, sock):
        return counted(self.listener(sock)["stats"])

    def remove(self):
        self.restore()
        self.wire.remove()
        self.ns.remove()


class Client(Attempt):
    """A client of a listener, and the selector between."""

    def __init__(self, server, listener, **more):
        address, port = listener if isinstance(listener, tuple) else \
            listener.getsockname()[:2]
        more.setdefault("port", next(server.ports))
        super().__init__(service=address, dport=port, **more)
        self.server, self.wire = server, server.wire
        self.answer = self.number = None

    def tell(self, packet):
        inner = innermost(packet)
        letters = self._inner(packet, False)
        if packet is inner:
            return f"{letters} to client"
        back = ([self.edge] if self.edge else []) + [SEL_SID, sid(1)]
        srh = packet[IPv6ExtHdrSegmentRouting]
        equal((packet.src, packet.dst), (sid(1), SEL_SID), "outer addresses")
        equal((srh.addresses, srh.segleft, srh.lastentry),
              (back, len(back) - 2, len(back) - 1), "segment list")
        equal(inner[TCP].ack, self.isn + 1, "ACK number")
        self.answer = packet
        return f"{letters} to selector"

    def note(self, packet):
        """Short words, after reading the server's ISN."""
        told = self.tell(packet)
        if flags(innermost(packet)) == "SA":
            self.number = innermost(packet)[TCP].seq
        return told

    def mine(self, packet):
        """Not an echo of an earlier case, whose client we forgot.

        But an ICMPv6 error that quotes ours is for us.
        """
        tcp = innermost(packet).getlayer(TCP, _subclass=True)
        if not tcp:
            print(f"# of another case: {packet.summary()}", flush=True)
        return tcp and self.port in (tcp.sport, tcp.dport)

    def send(self, *packets):
        return [self.note(p) for p in self.wire.exchange(*packets)
                if self.mine(p)]

    def wait(self):
        while True:
            packet = self.wire.wait()
            if self.mine(packet):
                return self.note(packet)

    def through(self, inner):
        """Send a client's segment through the SID."""
        return self.send(IPv6(src=self.edge or SEL_SID, dst=sid(1)) / inner)

    def connect(self, nodes=0, hops=61):
        trace = trace_with(empty_trace(nodes), [SELECTOR_ENTRY]) if nodes \
            else None
        return self.send(self.to_server(1, self.tcp("S", self.isn),
                                        trace, hops))

    def bare(self):
        """A SYN that has not come through the selector."""
        return self.send(self.tcp("S", self.isn))

    def segment(self, letters="A", payload=b"", off=0):
        """What follows the handshake; off: an error in the ACK number."""
        return self.through(self.tcp(letters, self.isn + 1,
                                     self.number + 1 + off, payload))

    def reset_it(self, off=0):
        """The selector's RST."""
        return self.through(self.tcp("R", self.isn + 1 + off))

    def load(self):
        """What the last answer reported."""
        return nodes_of(trace_of(self.answer))[-1][4]


the_server = ktap.Shared(Server)


def run(cases):
    """Cases are made by ktap.case_of(the_server, cases)."""
    try:
        ktap.run(cases)
    finally:
        the_server.remove()
