# SPDX-License-Identifier: GPL-2.0
"""Packets, whole and broken, as octets from the IPv6 header on.

Every length and offset can be given a lie; None means the truth.
"""

import struct

from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrSegmentRouting
from scapy.packet import Raw

HOP, IPV4, TCP_, UDP_, IPV6_, ROUTING, FRAGMENT = 0, 4, 6, 17, 41, 43, 44
ESP, AUTH, ICMP6, NONE, DESTOPT = 50, 51, 58, 59, 60
OPTIONS = [("MSS", 1440), ("SAckOK", b""), ("Timestamp", (1, 0)),
           ("NOP", None), ("WScale", 7)]


def ip6(src, dst, nh, payload, version=6, plen=None, hlim=64):
    """An IPv6 header in front of octets."""
    return bytes(IPv6(version=version, src=src, dst=dst, nh=nh, plen=plen,
                      hlim=hlim, fl=0x12345) / Raw(payload))


def chain(src, dst, *parts, **kwargs):
    """An IPv6 packet of (protocol, octets), each part but the last one an
    extension header, whose first octet becomes the next part's protocol.
    """
    payload, following = b"", None
    for protocol, octets in reversed(parts):
        if following is not None:
            octets = bytes([following]) + octets[1:]
        payload, following = octets + payload, protocol
    return ip6(src, dst, following, payload, **kwargs)


def segment(src, dst, flags, sport=40000, dport=80, seq=1000, ack=0,
            options=None, payload=b"", words=None, **kwargs):
    """A TCP segment in IPv6 with the right checksum, unless words, its data
    offset, is a lie.
    """
    if options is None:
        options = OPTIONS if "S" in flags else []
    tcp = TCP(sport=sport, dport=dport, seq=seq, ack=ack, flags=flags,
              options=options) / Raw(payload)
    octets = bytearray(bytes(IPv6(src=src, dst=dst) / tcp)[40:])
    if words is not None:
        octets[12] = words << 4 | octets[12] & 15
    return ip6(src, dst, TCP_, bytes(octets), **kwargs)


def srh(segments, left, last=None, hdrlen=None, kind=4, tlvs=b""):
    """A Segment Routing Header; the first segment given is the last one of
    the way, as it stands in the packet.
    """
    out = bytearray(bytes(IPv6ExtHdrSegmentRouting(
        addresses=segments, segleft=left,
        lastentry=len(segments) - 1 if last is None else last)) + tlvs)
    out[1] = len(out) // 8 - 1 if hdrlen is None else hdrlen
    out[2] = kind
    return ROUTING, bytes(out)


def destopt(octets=8):
    """Destination options that hold nothing but PadN."""
    pad = octets - 4
    return DESTOPT, bytes([NONE, octets // 8 - 1, 1, pad]) + bytes(pad)


def fragment(offset=0, more=1):
    return FRAGMENT, struct.pack("!BBHI", NONE, 0, offset | more, 1)


def node(hop_limit, ident, usec, data=0xffffffff):
    """What one node writes into a trace of type 0xb40000."""
    return struct.pack("!IIII", hop_limit << 24 | ident, 1000, usec, data)


def trace(nodes=(), room=4, nodelen=4, remlen=None, kind=0xb40000,
          overflow=0):
    """An IOAM pre-allocated trace: free room, then the newest node first."""
    free = 16 * room
    remlen = free // 4 if remlen is None else remlen
    return struct.pack("!HHI", 0, nodelen << 11 | overflow << 10 | remlen,
                       kind << 8) + bytes(free) + b"".join(nodes)


def ioam(data, kind=0, size=None):
    """The IOAM option; size is the lie about its length."""
    size = 2 + len(data) if size is None else size
    return bytes([0x31, size, 0, kind]) + data


def hbh(*options, lead=2):
    """A Hop-by-Hop header; @lead octets of PadN before the options."""
    out = bytes([NONE, 0]) + bytes([1, lead - 2]) + bytes(lead - 2)
    out += b"".join(options)
    pad = -len(out) % 8
    out += bytes([1, pad - 2]) + bytes(pad - 2) if pad > 1 else bytes(pad)
    return HOP, out[:1] + bytes([len(out) // 8 - 1]) + out[2:]


def cut(packet, size, inner=0):
    """The first octets only; outer and, if @inner is its offset, inner
    lengths fit what is left.
    """
    out = bytearray(packet[:size])
    out[4:6] = struct.pack("!H", max(size - 40, 0))
    if inner and size >= inner + 40:
        out[inner + 4:inner + 6] = struct.pack("!H", size - inner - 40)
    return bytes(out)
