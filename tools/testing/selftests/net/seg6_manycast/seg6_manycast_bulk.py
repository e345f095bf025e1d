#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 40
"""Bulk transfers: past the selector, without fragments, whatever the MTU.

What a packet to the server gets in front must fit. The edge sees to it by the
MSS that it lowers, and for flows that are there already by Packet Too Big.
"""

import contextlib
import filecmp
import fcntl
import os
import socket
import struct
import sys
import termios

from lib import ktap
from lib.capture import Tcpdump, no_offloads
from lib.ktap import equal, true, wait_for
from lib.topology import CLIENT, SERVICE, Topology, sid

BULK = 5_000_000 if ktap.SLOW else 20_000_000
WAYPOINT = "fc00:5:f2::1"       # SID of a stock End
FRAGMENTS = ("ip6[6] == 44 or (ip6[6] == 41 and ip6[46] == 44) "
             "or (ip6[6] == 43 and ip6[40] == 44)")
COUNTERS = ("Ip6FragCreates", "Ip6FragOKs", "Ip6ReasmReqds")
SIOCOUTQ = termios.TIOCOUTQ

T = Topology(servers=2)


def fragments():
    """Fragments that any host has made or received: {(host, what): n}."""
    found = {}
    for name, ns in T.hosts.items():
        with ns, open("/proc/net/snmp6", encoding="ascii") as f:
            for line in f:
                key, value = line.split()
                if key in COUNTERS and int(value):
                    found[name, key] = int(value)
    return found


@contextlib.contextmanager
def no_fragment():
    before = fragments()
    yield
    equal(fragments(), before, "fragments")


def count(ns, device):
    """Packets that a device has sent and received."""
    with ns, open("/proc/net/dev", encoding="ascii") as f:
        for line in f:
            name, _, values = line.partition(":")
            if name.strip() == device:
                values = values.split()
                return int(values[1]) + int(values[9])
    raise AssertionError(f"no device {device}")


def upload(host, size):
    """PUT a file and compare what the server has."""
    source = T.file("source", size)
    target = os.path.join(T.dir, "files", "upload")
    code = T.curl(host, "/upload", 20, more=[
        "-T", source, "-o", "/dev/null", "-w", "%{http_code}"])
    equal(code, "201", f"upload from {host}")
    true(filecmp.cmp(source, target, False), f"upload from {host} is whole")
    os.unlink(target)


def download(host, size):
    source = T.file("source", size)
    target = os.path.join(T.dir, "download")
    T.curl(host, "/source", 20, more=["-o", target])
    true(filecmp.cmp(source, target, False), f"download to {host} is whole")


@contextlib.contextmanager
def mtu(value, *ends):
    """Links, given by both their ends, with another MTU."""
    def apply(octets):
        for ns, device in ends:
            ns.ip(f"link set {device} mtu {octets}")

    apply(value)
    yield
    apply(1500)
    for ns in T.hosts.values():
        ns.ip("-6 route flush cache")


class Upload:
    """A PUT in two halves, to see what changes under a flow do to it."""

    def __init__(self, ns, size):
        self.body = os.urandom(size)
        with ns:
            self.sock = socket.socket(socket.AF_INET6)
        self.sock.settimeout(30)
        self.sock.connect((SERVICE, 80))
        self.sock.sendall(b"PUT /upload HTTP/1.0\r\n"
                          b"Content-Length: %d\r\n\r\n" % size)

    def _unacknowledged(self):
        return struct.unpack("i", fcntl.ioctl(self.sock, SIOCOUTQ,
                                              b"\0" * 4))[0]

    def first_half(self):
        self.sock.sendall(self.body[:len(self.body) // 2])
        wait_for(lambda: not self._unacknowledged(), "all is acknowledged", 20)

    def second_half(self):
        self.sock.sendall(self.body[len(self.body) // 2:])
        true(b" 201 " in self.sock.recv(4096), "201 Created")
        self.sock.close()
        path = os.path.join(T.dir, "files", "upload")
        with open(path, "rb") as f:
            true(f.read() == self.body, "the upload is whole")
        os.unlink(path)


def too_big(ns):
    return ns.stats()["drop_too_big"]


# The cases, in this order: the later ones change more.

def in_bulk_both_ways():
    with no_fragment():
        for host in ("client", "own"):
            upload(host, BULK)
            download(host, BULK)


def fragments_are_seen():
    """What the other cases rely on when they count none."""
    watch = Tcpdump(T.r1, "r2", FRAGMENTS, T.dir)
    before = fragments()
    T.r1.run("ping -c 1 -s 4000 fd00:2::2")
    wait_for(lambda: len(watch.lines()) == 6, "fragments on the link")
    true(fragments() != before, "fragments counted")
    watch.stop()


def on_a_wire():
    """Without offloads: packets that fit, and none at the selector."""
    for ns in T.hosts.values():
        no_offloads(ns)
    big = Tcpdump(T.r1, "r2", "greater 1515", T.dir)
    parts = Tcpdump(T.r2, "r1", FRAGMENTS, T.dir)
    selector = Tcpdump(T.r1, "sel", "ip6 and not icmp6", T.dir)
    before = count(T.r1, "r2")
    with no_fragment():
        upload("client", BULK)
        download("client", BULK)
    true(count(T.r1, "r2") - before > 2 * BULK / 1500,
         "packets between the routers")
    # Marks the end of each capture.
    T.r1.run("ping -c 1 -s 1452 fd00:2::2")
    T.r2.run("ping -c 1 -s 2000 fd00:2::1")
    with T.r1, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.sendto(b"end", ("fd00:3::2", 9))
    wait_for(lambda: len(parts.lines()) >= 4, "marks on r2")
    wait_for(lambda: "UDP" in selector.lines()[-1], "mark at the selector")
    equal(len(parts.lines()), 4, "fragments, beside the marks")
    equal(big.lines(), [], "frames that no Ethernet carries")
    equal([line for line in selector.lines() if "Flags [S" not in line and
           "Flags [R]" not in line][:-1], [], "data at the selector")
    for watch in (big, parts, selector):
        watch.stop()


@contextlib.contextmanager
def waypoint(router, device):
    """All flows go to their servers by way of this router."""
    router.ip(f"route replace {WAYPOINT} encap seg6local action End "
              f"dev {device}")
    for segs in (f"segs {WAYPOINT}", ""):
        for i in (1, 2):
            T.sel.ip(f"manycast instance del service web sid {sid(i)}")
            T.sel.ip("manycast instance add service web "
                     f"sid {sid(i)} {segs}")
        if segs:
            yield
    router.ip(f"route del {WAYPOINT}")


def with_a_waypoint():
    with waypoint(T.r2, "r1"), no_fragment():
        for host in ("client", "own"):
            upload(host, BULK // 4)
            download(host, BULK // 4)


def servers_link_of_1400_octets():
    ends = [(T.r2, "s1"), (T.r2, "s2"), (T.server(1), "r2"),
            (T.server(2), "r2")]
    with mtu(1400, *ends), no_fragment():
        for host in ("client", "own"):
            upload(host, BULK // 4)


def edges_link_falls_to_1400_octets():
    """The client has a flow already; the edge tells it at once."""
    put = Upload(T.client, BULK // 4)
    put.first_half()
    before = too_big(T.edge)
    watch = Tcpdump(T.edge, "client", "icmp6 and ip6[40] == 2", T.dir)
    with mtu(1400, (T.edge, "r1"), (T.r1, "edge")), no_fragment():
        put.second_half()
        true(too_big(T.edge) > before, "DROP_TOO_BIG")
        wait_for(watch.lines, "Packet Too Big")
        true("mtu 1360" in watch.lines()[0], watch.lines()[0])
        true(f"> {CLIENT}: " in watch.lines()[0], watch.lines()[0])
        upload("client", BULK // 4)
    watch.stop()


def own_link_falls_to_1400_octets():
    put = Upload(T.own, BULK // 4)
    put.first_half()
    with mtu(1400, (T.own, "r1"), (T.r1, "own")), no_fragment():
        put.second_half()
        upload("own", BULK // 4)


def unaware_client():
    """The selector sees to its MSS, as it encapsulates."""
    T.add_unaware()
    T.sel.ip("manycast service set web tombstone 60000")
    with no_fragment():
        upload("unaware", BULK // 4)
        download("unaware", BULK // 4)


def selectors_link_falls_to_1400_octets():
    put = Upload(T.unaware, BULK // 4)
    put.first_half()
    before = too_big(T.sel)
    watch = Tcpdump(T.r1, "unaware", "icmp6 and ip6[40] == 2", T.dir)
    with mtu(1400, (T.sel, "r1"), (T.r1, "sel")), no_fragment():
        put.second_half()
        true(too_big(T.sel) > before, "DROP_TOO_BIG")
        wait_for(lambda: any("mtu 1336" in line for line in watch.lines()),
                 f"Packet Too Big: {watch.lines()}")
        upload("unaware", BULK // 4)
    watch.stop()


def main():
    try:
        ktap.run([
            in_bulk_both_ways,
            fragments_are_seen,
            on_a_wire,
            with_a_waypoint,
            servers_link_of_1400_octets,
            edges_link_falls_to_1400_octets,
            own_link_falls_to_1400_octets,
            unaware_client,
            selectors_link_falls_to_1400_octets,
        ])
    finally:
        T.remove()


if __name__ == "__main__":
    sys.exit(main())
