# SPDX-License-Identifier: GPL-2.0
"""A link whose far end is the test: no stack answers there, we do."""

import itertools
import socket
import struct
import time

from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6

from .ktap import TIME_FACTOR, true, wait_for
from .netns import Netns, link

ETH_P_IPV6 = 0x86dd
PACKET_OUTGOING = 4
GATEWAY = "fe80::1"
ICMPV6, ECHO_REQUEST, ECHO_REPLY = 58, 128, 129
PATIENCE = 10.0
_number = itertools.count(1)


def raw_socket(dev):
    """All IPv6 frames of a device in the namespace that we are in."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                         socket.htons(ETH_P_IPV6))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
    sock.bind((dev, ETH_P_IPV6))
    return sock


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def echo_request(src, dst, number):
    """A whole packet, as bytes."""
    addresses = socket.inet_pton(socket.AF_INET6, src) + \
        socket.inet_pton(socket.AF_INET6, dst)
    icmp = struct.pack("!BBHI", ECHO_REQUEST, 0, 0, number)
    pseudo = addresses + struct.pack("!II", len(icmp), ICMPV6)
    icmp = icmp[:2] + struct.pack("!H", checksum(pseudo + icmp)) + icmp[4:]
    return struct.pack("!IHBB", 6 << 28, len(icmp), ICMPV6, 64) + \
        addresses + icmp


class Wire:
    """The far end of a new link of host ns, which calls it dev.

    address   of ns on the link, with its prefix length
    peer      of the far end, for echoes

    ns has a neighbour GATEWAY there, to route through. Flush it before use.
    """

    def __init__(self, ns, dev, address, peer):
        self.address = address.split("/")[0]
        self.peer = peer
        self.far = Netns(f"{ns.name}-{dev}")
        self.far.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        link(ns, self.far, address, None, dev, "wire")
        self.far.flush()
        with self.far:
            self.sock = raw_socket("wire")
        with ns, raw_socket(dev) as near:
            self.mac = near.getsockname()[4]
        mine = self.sock.getsockname()[4]
        self.mine = mine.hex(":")
        for neighbour in (GATEWAY, peer):
            ns.later(f"neigh replace {neighbour} lladdr {self.mine} "
                     f"dev {dev} nud permanent")
        self.header = self.mac + mine + struct.pack("!H", ETH_P_IPV6)

    def ready(self):
        """Wait until the link carries packets both ways."""
        wait_for(self._echo, "the link is up", PATIENCE)

    def _echo(self):
        self.send(echo_request(self.peer, self.address, 0))
        end = time.monotonic() + 0.05
        while packet := self._receive(end):
            if packet[6] == ICMPV6 and packet[40] == ECHO_REPLY:
                return True
        return False

    def send(self, *packets):
        """Send without looking what comes."""
        for packet in [bytes(p) for p in packets]:
            self.sock.send(self.header + packet)

    def flood(self, packet, offset, number):
        """Send one so many times, with a count in the 32 bits at offset."""
        frame = bytearray(self.header + packet)
        offset += len(self.header)
        for i in range(number):
            struct.pack_into("!I", frame, offset, i)
            self.sock.send(frame)

    def _receive(self, end):
        """The next packet as bytes, or None when time is over."""
        while True:
            left = end - time.monotonic()
            self.sock.settimeout(max(left, 0.0001))
            try:
                frame, where = self.sock.recvfrom(1 << 16)
            except (TimeoutError, BlockingIOError):
                return None
            if where[2] != PACKET_OUTGOING:
                return frame[14:]

    def answers(self):
        """What comes until an echo that we ask for now has come back.

        The host under test takes packets in turn, so this is all that those
        before it have caused; but for what timers are to send.
        """
        number = next(_number)
        self.send(echo_request(self.peer, self.address, number))
        end = time.monotonic() + PATIENCE * TIME_FACTOR
        while True:
            packet = self._receive(end)
            true(packet is not None, "the host under test answers an echo")
            if packet[6] == ICMPV6 and packet[40] == ECHO_REPLY and \
                    struct.unpack("!I", packet[44:48])[0] == number:
                return
            if not neighbour_discovery(packet):
                yield packet

    def exchange(self, *packets):
        """Send; returns the packets that this has caused by then."""
        self.send(*packets)
        return [IPv6(p) for p in self.answers()]

    def wait(self, timeout=PATIENCE):
        """The next packet: a timer's doing."""
        end = time.monotonic() + timeout * TIME_FACTOR
        while True:
            packet = self._receive(end)
            true(packet is not None, "timed out: a packet")
            if not neighbour_discovery(packet):
                return IPv6(packet)

    def remove(self):
        self.sock.close()
        self.far.remove()


def neighbour_discovery(packet):
    """Also multicast listener reports, and echo replies: no test's concern."""
    if packet[6] == 0 and packet[40] == ICMPV6:
        return True
    return packet[6] == ICMPV6 and packet[40] >= ECHO_REQUEST


def innermost(packet):
    """The innermost IPv6 header."""
    while packet.payload.haslayer(IPv6):
        packet = packet.payload[IPv6]
    return packet


def flags(packet):
    """Flags of the TCP segment, as letters in the order of the header."""
    return str(packet[TCP].flags)
