# SPDX-License-Identifier: GPL-2.0
"""What is sent: templates, made by scapy, and what varies in them.

Packet i belongs to the client whose address has i more in its last 32 bits than
the template's; ports and sequence numbers stay the same.
"""

import os
import sys

from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrSegmentRouting

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
sys.path.insert(0, os.path.join(TOP,
                                "tools/testing/selftests/net/seg6_manycast"))
# pylint: disable=wrong-import-position
from lib.handshake import (Attempt, empty_trace, isn_of,  # noqa: E402
                           server_nodes, trace_with)
from lib.topology import EDGE_SID, SERVICE, sid  # noqa: E402

# As Linux and most others send it.
OPTIONS = (("MSS", 1440), ("SAckOK", b""), ("Timestamp", (1, 0)),
           ("NOP", None), ("WScale", 7))
CLIENT = "2001:db8:c::"
ETHERNET = bytes(12) + b"\x86\xdd"
SRC, DST, CHECK = 8, 24, 16  # of an address in IPv6, of a checksum in TCP
LOW = 12  # the address's last 32 bits
TRACE_NODES = 12  # as many as a service's trace has room for by default


def template(packet, *varies):
    """A packet for the guest; varies: see field()."""
    return {"packet": (ETHERNET + bytes(packet)).hex(), "varies": varies}


def field(packet, which, div=1, mod=0):
    """The source or destination of the TCP segment in a packet counts up."""
    octets = bytes(packet)
    at = len(ETHERNET) + len(octets) - len(bytes(inner(packet)))
    return {"offset": at + (SRC if which == "src" else DST) + LOW,
            "check": at + 40 + CHECK, "div": div, "mod": mod}


def inner(packet):
    """The innermost IPv6 packet."""
    while packet.payload.haslayer(IPv6):
        packet = packet.payload[IPv6]
    return packet


def plain(packet, which, **how):
    return template(packet, field(packet, which, **how))


def attempt(edge=EDGE_SID, service=SERVICE):
    return Attempt(40000, edge=edge, client=CLIENT, service=service)


def syn(edge=EDGE_SID, service=SERVICE, services=1):
    """Packet 1; bare for edge None. To so many services in turn."""
    packet = attempt(edge, service).syn(options=OPTIONS)
    varies = [field(packet, "src")]
    if services > 1:
        # The outer destination is the service, too; no checksum has it.
        varies.append(field(packet, "dst", mod=services))
        if edge:
            varies.append({"offset": len(ETHERNET) + DST + LOW, "check": 0,
                           "div": 1, "mod": services})
    return template(packet, *varies)


def _trace(i):
    """Selector, server's arrival and departure, of a server without load."""
    own = (64, 1, 1000, 0, 0xffffffff)
    return trace_with(empty_trace(TRACE_NODES),
                      [own, *server_nodes(i, 50, 0)])


def synack(i, edge=EDGE_SID, left=None, services=1):
    """Packet 3 of server i, for so many services in turn. left: Segments Left
    for the peer, which decapsulates it as the last segment.
    """
    play = attempt(edge)
    reply = play.reply("SA", isn_of(i), options=OPTIONS)
    packet = play.from_server(i, reply, trace=_trace(i))
    if left is not None:
        packet[IPv6ExtHdrSegmentRouting].segleft = left
    varies = [field(packet, "dst")]
    if services > 1:
        varies.append(field(packet, "src", mod=services))
    return template(packet, *varies)


def to_edge(i):
    """Packet 4."""
    play = attempt()
    return plain(play.to_edge(i, play.reply("SA", isn_of(i),
                                            options=OPTIONS)), "dst")


def data(i, size, service=SERVICE, **how):
    """A client's data, bare, in its connection with server i."""
    packet = attempt(service=service).ack(i, bytes(size), "PA")
    return plain(packet, "src", **how)


def data_to_server(i, size, daddr=None, **how):
    """Packet 5."""
    play = attempt()
    packet = IPv6(src=EDGE_SID, dst=daddr or sid(i)) / \
        play.ack(i, bytes(size), "PA")
    packet[TCP].seq += 1000  # well after its first
    return plain(packet, "src", **how)


def syn_to_server(i):
    """Packet 2."""
    play = attempt()
    return plain(play.to_server(i, play.tcp("S", play.isn,
                                            options=list(OPTIONS)),
                                trace=trace_with(empty_trace(TRACE_NODES), [
                                    (64, 1, 1000, 0, 0xffffffff)])), "src")


def through(dst, size):
    """For End, with one segment more to go; or, decapsulated, for End.DX6."""
    packet = IPv6(src="fc00:9::1", dst=dst) / IPv6ExtHdrSegmentRouting(
        addresses=["fc00:9::2", dst], segleft=1, lastentry=1) / \
        attempt().ack(1, bytes(size), "PA")
    return plain(packet, "src")


def decapsulated(dst, size):
    packet = IPv6(src="fc00:9::1", dst=dst) / \
        attempt().ack(1, bytes(size), "PA")
    return plain(packet, "src")
