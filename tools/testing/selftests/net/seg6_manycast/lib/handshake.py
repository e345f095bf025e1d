# SPDX-License-Identifier: GPL-2.0
"""The packets of design section 2, made by scapy, and told in short words."""

import struct
import time

from scapy.layers.inet import TCP
from scapy.layers.inet6 import (HBHOptUnknown, IPv6, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrSegmentRouting, PadN)

from .ktap import equal, true
from .topology import CLIENT, EDGE_SID, SEL_SID, SERVICE, sid
from .wire import ICMPV6, flags, innermost

OPTION_IOAM = 0x31
UNAVAILABLE = 0xffffffff
NODE_LEN = 16
NUMBER = {sid(i): i for i in range(1, 100)}


def isn_of(i):
    """Initial sequence number of server i."""
    return i << 24


def tag_of(candidates):
    """The Tag of a SYN to so many in turn, none with waypoints: a bit for each
    and one for the selector.
    """
    return (2 << candidates) - 1 if candidates > 1 else 0


class Attempt:
    """A client's attempt to connect; edge None for an unaware client."""

    def __init__(self, port, isn=7000, edge=EDGE_SID, client=CLIENT,
                 service=SERVICE, dport=80):
        self.client, self.service, self.edge = client, service, edge
        self.port, self.dport, self.isn = port, dport, isn

    def tcp(self, letters, seq, ack=0, payload=b"", **more):
        """A segment of the client."""
        return IPv6(src=self.client, dst=self.service, hlim=64) / TCP(
            sport=self.port, dport=self.dport, flags=letters, seq=seq,
            ack=ack, **more) / payload

    def syn(self, payload=b"", options=(("MSS", 1440),)):
        """Packet 1."""
        inner = self.tcp("S", self.isn, payload=payload,
                         options=list(options))
        if self.edge is None:
            return inner
        return IPv6(src=self.edge, dst=self.service) / inner

    def ack(self, i, payload=b"", letters="A"):
        """The client's next segment after the SYN-ACK of server i."""
        return self.tcp(letters, self.isn + 1, isn_of(i) + 1, payload)

    def reply(self, letters, seq, **more):
        """A segment of a server in answer to the SYN."""
        return IPv6(src=self.service, dst=self.client, hlim=64) / TCP(
            sport=self.dport, dport=self.port, flags=letters, seq=seq,
            ack=self.isn + 1, window=64000, **more)

    def synack(self, i):
        return self.reply("SA", isn_of(i), options=[("MSS", 1440)])

    def reset(self):
        return self.reply("RA", 0)

    def from_server(self, i, inner, back=None, trace=None, source=None):
        """Packet 3: an answer of server i to the selector."""
        back = back or ([self.edge] if self.edge else []) + [SEL_SID, sid(i)]
        packet = IPv6(src=source or sid(i), dst=SEL_SID)
        if trace:   # at a multiple of four, or the kernel drops it
            packet /= IPv6ExtHdrHopByHop(options=[PadN(), trace])
        return packet / IPv6ExtHdrSegmentRouting(
            addresses=back, segleft=len(back) - 2,
            lastentry=len(back) - 1) / inner

    def to_edge(self, i, inner, waypoints=()):
        """Packet 4: the winner's answer, from the selector."""
        segments = [self.edge, sid(i), *waypoints]
        return IPv6(src=SEL_SID, dst=self.edge) / IPv6ExtHdrSegmentRouting(
            addresses=segments, segleft=0,
            lastentry=len(segments) - 1) / inner

    def to_server(self, i, inner, trace=None, hops=61):
        """Packet 2: a SYN from the selector."""
        segments = [sid(i), SEL_SID] + ([self.edge] if self.edge else [])
        packet = IPv6(src=SEL_SID, dst=sid(i), hlim=hops)
        if trace:
            packet /= IPv6ExtHdrHopByHop(options=[PadN(), trace])
        return packet / IPv6ExtHdrSegmentRouting(
            addresses=segments, segleft=0,
            lastentry=len(segments) - 1) / inner

    # Short words for what the host under test has sent.

    def _inner(self, packet, from_client):
        """Check whose segment it is and return its flags."""
        inner = innermost(packet)
        ends = (inner.src, inner[TCP].sport), (inner.dst, inner[TCP].dport)
        mine = (self.client, self.port), (self.service, self.dport)
        equal(ends, mine if from_client else mine[::-1], "inner 4-tuple")
        return flags(inner)

    def _answer(self, packet, letters, word):
        tcp = innermost(packet)[TCP]
        equal(tcp.ack, self.isn + 1, f"ACK number of the {word}")
        return f"{'SYN-ACK' if letters == 'SA' else 'RST'} of {word}"

    def to_client(self, packet):
        """A bare segment for the client."""
        letters = self._inner(packet, False)
        true(letters in ("SA", "RA"), f"flags {letters}")
        i = innermost(packet)[TCP].seq >> 24
        return self._answer(packet, letters, f"s{i} to client" if i else
                            "a server to client")

    def _to_edge(self, packet):
        letters = self._inner(packet, False)
        true(IPv6ExtHdrHopByHop not in packet, "no IOAM for the edge")
        srh = packet[IPv6ExtHdrSegmentRouting]
        equal(srh.addresses[0], packet.dst, "last segment")
        equal(srh.segleft, 0, "Segments Left")
        i = NUMBER[srh.addresses[1]]
        if letters == "SA":
            equal(innermost(packet)[TCP].seq, isn_of(i), "whose SYN-ACK")
        return self._answer(packet, letters, f"s{i} to edge")

    def _syn(self, packet):
        """To one server, or to several in turn."""
        equal(innermost(packet)[TCP].seq, self.isn, "ISN")
        srh = packet[IPv6ExtHdrSegmentRouting]
        behind = [SEL_SID] + ([self.edge] if self.edge else [])
        servers = srh.addresses[:-len(behind)]
        equal(srh.addresses[-len(behind):], behind, "end of the segment list")
        equal((srh.segleft, packet.dst), (len(servers) - 1, servers[-1]),
              "Segments Left, destination")
        equal(srh.tag, tag_of(len(servers)), "Tag")
        return "SYN to " + ", ".join(f"s{NUMBER[server]}"
                                     for server in reversed(servers))

    def _to_server(self, packet):
        letters = self._inner(packet, True)
        if letters == "S":
            return self._syn(packet)
        i, tcp = NUMBER[packet.dst], innermost(packet)[TCP]
        if letters == "R":
            equal((tcp.seq, tcp.ack, tcp.options, bytes(tcp.payload)),
                  (self.isn + 1, 0, [], b""), "SEQ, ACK, options, payload")
            return f"RST to s{i}"
        return f"{letters} to s{i}"

    def tell(self, packet):
        """What a packet is, in two to five words; its headers are checked."""
        if packet.nh == ICMPV6:
            return f"ICMPv6 {packet.payload.type}/{packet.payload.code}"
        if not packet.payload.haslayer(IPv6):
            return self.to_client(packet)
        if packet.dst == self.edge:
            return self._to_edge(packet)
        return self._to_server(packet)


def trace_of(packet):
    """The trace option of a packet, or None."""
    if IPv6ExtHdrHopByHop not in packet:
        return None
    for option in packet[IPv6ExtHdrHopByHop].options:
        if option.otype == OPTION_IOAM:
            return option
    return None


def empty_trace(nodes):
    """What a selector starts with: hop limit and id, time, extra data."""
    return HBHOptUnknown(otype=OPTION_IOAM, optdata=struct.pack(
        "!BBHHI", 0, 0, 0, NODE_LEN // 4 << 11 | nodes * NODE_LEN // 4,
        0xb4000000) + bytes(nodes * NODE_LEN))


def nodes_of(option):
    """A trace's entries, the first writer's first: hop limit, id, s, us, x."""
    nodes = option.optdata[10:]
    free = 4 * (struct.unpack("!H", option.optdata[4:6])[0] & 0x7f)
    used = nodes[free:]
    found = []
    for at in range(len(used) - NODE_LEN, -1, -NODE_LEN):
        first, *rest = struct.unpack("!4I", used[at:at + NODE_LEN])
        found.append((first >> 24, first & 0xffffff, *rest))
    return found


def trace_with(option, nodes):
    """The same trace with more entries."""
    data = bytearray(option.optdata)
    lengths, = struct.unpack("!H", data[4:6])
    for hops, node, sec, usec, extra in nodes:
        lengths -= NODE_LEN // 4
        at = 10 + 4 * (lengths & 0x7f)
        data[at:at + NODE_LEN] = struct.pack("!4I", hops << 24 | node, sec,
                                             usec, extra)
    data[4:6] = struct.pack("!H", lengths)
    return HBHOptUnknown(otype=OPTION_IOAM, optdata=bytes(data))


def server_nodes(i, residence, load):
    """The two entries of server i, its clock being now; residence in us."""
    out = time.time_ns() // 1000
    stamps = [divmod(t, 1000000) for t in (out - residence, out)]
    return [(61, 100 + i, *stamps[0], UNAVAILABLE),
            (64, 100 + i, *stamps[1], load)]
