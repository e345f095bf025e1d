#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 8
"""Routes that count: packets and octets as nftables counts them beside, and
errors for what is dropped.
"""

import json
import socket

from lib import craft, ktap, nl
from lib.ktap import equal, true, wait_for
from lib.nl import addr, name, u8, u32
from lib.selector import case, run
from lib.topology import (EDGE_SID, OWN_SID, PREFIX, SEL_SID, SERVICE,
                          Topology, sid)
from lib.traffic import Server, ask, connect

(SELECTOR, SERVER, EDGE, ANSWER, HASHER, DYNCAST) = range(0x8001, 0x8007)
(R_SERVICE, R_TABLE, R_SID, R_SERVERS, R_ACL, R_LIMIT, R_SERVICES, R_MARK,
 R_POSITION, R_PORT, R_COUNTERS) = range(1, 12)
LOCAL = 255


class Route:
    """A route of a host that counts; sent: what this host sends to it."""

    def __init__(self, ns, dst, dev, action, *attrs, via=None, sent=False):
        self.ns, self.dst = ns, dst
        self.rtnl = nl.Rtnl(ns)
        ifindex = ns.ip_json(f"link show {dev}")[0]["ifindex"]
        self.rtnl.route([(nl.Rtnl.ACTION, u32(action)),
                         (nl.Rtnl.EXT, [*attrs, (R_COUNTERS, [])])],
                        ifindex, dst, nl.CREATE | nl.REPLACE, via=via)
        self.table = f"c{dst.translate(str.maketrans(':/', '__'))}"
        hook = "output priority 300" if sent else "prerouting priority -300"
        ns.run(["nft", "-f", "-"], input=f"""table ip6 {self.table} {{
            chain c {{
                type filter hook {hook};
                ip6 daddr {dst} counter
            }}
        }}""")

    def counted(self):
        return self.rtnl.counters(self.dst)

    def passed(self):
        """Packets and octets on the way to it."""
        told = json.loads(self.ns.run(f"nft -j list chain ip6 {self.table} "
                                      "c"))["nftables"]
        rule, = [x["rule"] for x in told if "rule" in x]
        counter, = [x["counter"] for x in rule["expr"] if "counter" in x]
        return counter["packets"], counter["bytes"]

    def agrees(self):
        return self.counted() == (*self.passed(), 0)


def prefix(text):
    start, bits = text.split("/")
    return addr(start) + u8(int(bits))


class Counting(Topology):
    """One server; every route that leads to a behaviour counts."""

    def __init__(self):
        super().__init__(servers=1, nginx=False, prefix="count-")
        edge = [(R_SERVERS, prefix("fc00:5::/32"))]
        self.routes = {
            "selector": Route(self.sel, f"{SERVICE}/128", "r1", SELECTOR,
                              (R_SERVICE, name("web"))),
            "selector's SID": Route(self.sel, f"{SEL_SID}/128", "r1", SELECTOR,
                                    (R_ACL, prefix("fc00::/16"))),
            "server": Route(self.s1, f"{sid(1)}/128", "r2", SERVER,
                            (R_TABLE, u32(LOCAL)),
                            (R_SERVICES, prefix(PREFIX))),
            "edge": Route(self.edge, PREFIX, "r1", EDGE,
                          (R_SID, addr(EDGE_SID)), *edge, via="fd00:1::1"),
            "edge's SID": Route(self.edge, f"{EDGE_SID}/128", "r1", ANSWER),
            "own edge": Route(self.own, PREFIX, "r1", EDGE,
                              (R_SID, addr(OWN_SID)), *edge,
                              via="2001:db8:d::1", sent=True),
            "own edge's SID": Route(self.own, f"{OWN_SID}/128", "r1", ANSWER),
        }
        self.process = Server(self.s1, SERVICE, "s1")

    def remove(self):
        self.process.kill()
        super().remove()


the_topology = ktap.Shared(Counting)


def connections():
    """Each packet of a connection counts once on each route that it takes."""
    t = the_topology()
    for host in (t.client, t.own):
        with connect(host, SERVICE) as sock:
            for word in b"a", b"b" * 1000:
                equal(ask(sock, word), "s1", "who answers")
    for what, route in t.routes.items():
        wait_for(route.agrees, f"{what}: {route.counted()} "
                 f"is {route.passed()}", 10)
        true(route.counted()[0], f"{what} has counted")


def what_is_refused():
    t = the_topology()
    route = t.routes["selector's SID"]
    packets, octets, errors = route.counted()
    t.r1.run(f"ping -c 1 -W 1 {SEL_SID}", check=False)
    wait_for(lambda: route.counted()[2] == errors + 1, "an error")
    equal(route.counted()[:2], (packets, octets), "what was no error")


def datagrams(t, host, dst, number):
    """Send some there from the client, or from the edge itself."""
    with t.hosts[host]:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with sock:
        for i in range(number):
            sock.sendto(bytes(10 * i), (dst, 9))


def hash_and_dyncast():
    """What is forwarded and what is sent; without an instance, errors."""
    t = the_topology()
    t.edge.ip("manycast service add front sid fc00:b::1 key " + "07" * 16)
    front = (R_SERVICE, name("front"))
    hasher = Route(t.edge, "2001:db8:70::/64", "r1", HASHER, front,
                   via="fd00:1::1")
    dyncast = Route(t.edge, "2001:db8:71::/64", "r1", DYNCAST, front,
                    (R_POSITION, u8(58)), via="fd00:1::1")
    for at, route in ("2001:db8:70::1", hasher), ("2001:db8:71::1", dyncast):
        datagrams(t, "client", at, 3)
        wait_for(lambda r=route: r.counted() == (0, 0, 3), "errors")
    t.edge.ip(f"manycast instance add service front sid {sid(1)}")
    datagrams(t, "client", "2001:db8:70::1", 4)
    wait_for(lambda: hasher.counted() == (4, 4 * 48 + 60, 3), "forwarded")
    datagrams(t, "edge", "2001:db8:70::1", 2)
    equal(hasher.counted(), (6, 6 * 48 + 70, 3), "sent")


@case()
def fragments(s):
    """One that waits for the others is no error."""
    rtnl = nl.Rtnl(s.sel.ns)
    dev = s.sel.ns.ip_json("link show r1")[0]["ifindex"]
    rtnl.route([(nl.Rtnl.ACTION, u32(SELECTOR)),
                (nl.Rtnl.EXT, [(R_SERVICE, name(s.name)),
                               (R_COUNTERS, [])])],
               dev, f"{s.address}/128", nl.CREATE | nl.REPLACE)
    a = s.attempt()
    syn = bytes(a.syn())
    parts = [craft.chain(EDGE_SID, s.address, fragment, (craft.IPV6_, octets))
             for fragment, octets in ((craft.fragment(0, 1), syn[40:80]),
                                      (craft.fragment(40, 0), syn[80:]))]
    equal(a.send(parts[0]), [], "it waits")
    equal(rtnl.counters(f"{s.address}/128"), (1, len(parts[0]), 0), "one")
    true(a.send(parts[1]), "it is whole")
    equal(rtnl.counters(f"{s.address}/128"),
          (2, len(parts[0]) + len(parts[1]), 0), "both")


if __name__ == "__main__":
    try:
        run([connections, what_is_refused, hash_and_dyncast, fragments])
    finally:
        the_topology.remove()
