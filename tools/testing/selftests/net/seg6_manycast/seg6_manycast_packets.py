#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 40
# size: large
"""The seven packets of a connection, field by field, as tshark reads them.

    1 SYN      edge -> selector     IPv6 in IPv6
    2 SYN      selector -> servers  Hop-by-Hop{trace} SRH{server, sel, edge}
    3 SYN-ACK  server -> selector   Hop-by-Hop{trace} SRH{edge, sel, server}
    4 SYN-ACK  selector -> edge     SRH{edge, server}
    5 ACK      edge -> server       IPv6 in IPv6; SRH with waypoints
    6 data     server -> client     bare
    7 RST      selector -> loser    SRH{server}

One capture on all links holds a connection of each kind: behind an edge, own
edge, unaware client, with waypoints, with other traces, refused, congested.
The routers between are plain Linux. s1 is the nearest server, s3 the farthest.
"""

import functools
import socket
import sys
import traceback

from lib import ktap
from lib.capture import Capture, no_offloads
from lib.ktap import equal, true, wait_for
from lib.topology import (CLIENT, EDGE_SID, OWN, OWN_SID, SEL_SID, SERVICE,
                          UNAWARE, Topology, sid)

VIA_R1, VIA_R2 = "fc00:5:f1::1", "fc00:5:f2::1"     # SIDs of stock End
LOAD = 321
DATA = {1: 0x1111, 2: 0x2222}
NO_DATA = 0xffffffff
EF, ECT0, CE = 46, 2, 3
SYN, SYNACK, RST, ACK = 0x02, 0x12, 0x04, 0x10
KIND = 0x17                                         # FIN, SYN, RST, ACK
TRACED = ["ipv6", "ipv6.hopopts", "ipv6.routing", "ipv6", "tcp"]
ROUTED = ["ipv6", "ipv6.routing", "ipv6", "tcp"]
TUNNELLED = ["ipv6", "ipv6", "tcp"]
BARE = ["ipv6", "tcp"]


class Client:
    """Where a connection comes from; link is its edge's to r1."""

    def __init__(self, host, address, link_name, edge=None):
        self.host = host
        self.address = address
        self.link = link_name
        self.edge = edge


BEHIND = Client("client", CLIENT, "edge", EDGE_SID)
OWN_EDGE = Client("own", OWN, "own", OWN_SID)
NO_EDGE = Client("unaware", UNAWARE, "unaware")


class Flow:
    """A connection: its client, and its packets by time."""

    def __init__(self, client, port, packets):
        self.client = client
        self.packets = [
            p for p in packets if p.tcp and
            (p.ip[-1].text("ipv6.src"), p.tcp.number("tcp.srcport")) ==
            (client.address, port) or
            (p.ip[-1].text("ipv6.dst"), p.tcp.number("tcp.dstport")) ==
            (client.address, port)]

    def on(self, name, kind, source=None, target=None):
        """Packets on a link, by TCP flags and outer addresses."""
        return [p for p in self.packets
                if p.link == name and p.flags & KIND == kind
                and source in (None, p.ip[0].text("ipv6.src"))
                and target in (None, p.ip[0].text("ipv6.dst"))]

    def one(self, name, kind, source=None, target=None):
        found = self.on(name, kind, source, target)
        true(len(found) == 1, f"one such packet on {name}, not "
             f"{[str(p) for p in found]} of {[str(p) for p in self.packets]}")
        return found[0]

    def first(self, name, kind, source=None, target=None):
        found = self.on(name, kind, source, target)
        true(found, f"no such packet on {name}")
        return found[0]


def once(function):
    """Call it at the first use only; when it has failed, say so at others."""
    @functools.cache
    def call():
        try:
            return function(), None
        except Exception:  # pylint: disable=broad-except
            return None, traceback.format_exc()

    def wrapper():
        value, error = call()
        if error and error in told:
            raise AssertionError(f"{function.__name__}() has failed")
        if error:
            told.append(error)
            raise AssertionError(error)
        return value

    told = []
    return wrapper


# The scenes.

def configure(t):
    for number, router in ((1, t.r1), (2, t.r2)):
        router.later("ioam namespace del 0")
        router.later(f"ioam namespace add 0 data {DATA[number]:#x}")
    t.r1.later("ioam namespace add 7 data 0x7777")
    t.r1.later(f"route add {VIA_R1} encap seg6local action End dev r2")
    t.r2.later(f"route add {VIA_R2} encap seg6local action End dev r1")
    t.r1.flush()
    t.r2.flush()
    t.server(1).ip(f"manycast listener set {SERVICE} port 80 load {LOAD}")
    for ns in t.hosts.values():
        no_offloads(ns)


class Marks:
    """Congestion Experienced on what a router sends over a device."""

    def __init__(self, ns, dev, match):
        self.ns, self.dev = ns, dev
        ns.run(f"tc qdisc add dev {dev} clsact")
        # Not nft: on 7.x, "ip6 ecn set" of nft 1.0 ends the rule instead.
        ns.run(f"tc filter add dev {dev} egress protocol ipv6 {match} action "
               f"pedit ex munge ip6 traffic_class set {CE} retain 3")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ns.run(f"tc qdisc del dev {self.dev} clsact")


@once
def topology():
    t = Topology(delays=(0, 40, 80))
    t.add_unaware()
    configure(t)
    return t


class Scenes:
    """Connections one after the other, each from a port of its own."""

    def __init__(self, t):
        self.t = t
        self.clients = {}

    def port(self, name):
        return 40001 + list(self.clients).index(name)

    def connect(self, name, client, resets=2, port=80, check=True):
        """Fetch a page, and see the losers reset."""
        before = self.t.sel.service()["stats"]["reset"]
        self.clients[name] = client
        got = self.t.hosts[client.host].run(
            ["curl", "-gsS", "--noproxy", "*", "-m", "20", "--local-port",
             str(self.port(name)), f"http://[{SERVICE}]:{port}/who"],
            check=False)
        true(not check or got.returncode == 0, f"{name}: {got.stderr}")
        wait_for(lambda: self.t.sel.service()["stats"]["reset"] ==
                 before + resets, f"{name}: {resets} resets", 20)
        return got.stdout.strip()

    def straight(self):
        for name, client in (("edge", BEHIND), ("own", OWN_EDGE),
                             ("unaware", NO_EDGE)):
            equal(self.connect(name, client), "s1", "who answered")

    def traces(self):
        sel = self.t.sel
        for name, words in (("short", "nodes 3"), ("none", "nodes 0"),
                            ("foreign", "nodes 12 ioam 7")):
            sel.ip("manycast service set web " + words)
            self.connect(name, BEHIND)
        sel.ip("manycast service set web ioam 0")

    def refused(self):
        self.connect("refused", BEHIND, resets=0, port=81, check=False)

    def waypoints(self):
        """s1 by way of r2; s2 by way of r1 and r2; s3 straight."""
        sel = self.t.sel
        for i, segs in ((1, VIA_R2), (2, f"{VIA_R1},{VIA_R2}")):
            sel.ip(f"manycast instance del service web sid {sid(i)}")
            sel.ip(f"manycast instance add service web sid {sid(i)} "
                   f"segs {segs}")
        for name, client in (("waypoint", BEHIND), ("own waypoint", OWN_EDGE),
                             ("unaware waypoint", NO_EDGE)):
            equal(self.connect(name, client), "s1", "who answered")
        sel.ip(f"manycast instance set service web sid {sid(1)} weight 0")
        equal(self.connect("waypoints", BEHIND, 1), "s2", "who answered")
        sel.ip(f"manycast instance set service web sid {sid(1)} weight 1")

    def congested(self):
        """r1 marks what is ECN-capable on its way to the servers."""
        t = self.t
        for ns in (t.client, *t.servers()):
            ns.sysctl("net.ipv4.tcp_ecn", 1)
        self.clients["congested"] = BEHIND
        with Marks(t.r1, "r2", "flower dst_ip fc00:5::/32 ip_tos 0x2/0x3"), \
                t.client, socket.socket(socket.AF_INET6) as s:
            s.settimeout(20)
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, EF << 2)
            s.bind((CLIENT, self.port("congested")))
            s.connect((SERVICE, 80))
            s.sendall(b"GET /who HTTP/1.0\r\n\r\n")
            while s.recv(4096):
                pass

    def marked_wrongly(self):
        """r2 marks SYNs to s3, which are not ECN-capable."""
        t = self.t
        before = t.server(3).stats()["drop_malformed"]
        with Marks(t.r2, "s3", f"flower dst_ip {sid(3)}"):
            self.connect("marked wrongly", BEHIND, 1)
        equal(t.server(3).stats()["drop_malformed"], before + 1,
              "SYNs dropped by s3")


@once
def flows():
    """Run all the scenes and have them dissected; name -> Flow."""
    t = topology()
    capture = Capture({
        t.edge: ["client"], t.r1: ["edge", "own", "unaware", "sel", "r2"],
        t.r2: ["s1", "s2", "s3"]}, t.dir)
    scenes = Scenes(t)
    scenes.straight()
    scenes.traces()
    scenes.refused()
    scenes.marked_wrongly()
    scenes.waypoints()
    scenes.congested()
    capture.stop()
    packets = capture.packets()
    return {name: Flow(client, scenes.port(name), packets)
            for name, client in scenes.clients.items()}


# What is checked again and again.

def outer(p, order, source, target, hop_limit):
    equal(p.order, order, f"headers of {p}")
    equal((p.ip[0].text("ipv6.src"), p.ip[0].text("ipv6.dst")),
          (source, target), f"outer addresses of {p}")
    equal(p.ip[0].number("ipv6.hlim"), hop_limit, f"outer hop limit of {p}")


def inner_hop_limit(p, hop_limit):
    equal(p.ip[-1].number("ipv6.hlim"), hop_limit, f"inner hop limit of {p}")


def srh(p, segments, left):
    """RFC 8754 section 2; nothing but the segments in it."""
    ip = p.ip[0]
    equal(p.segments, segments, f"segment list of {p}")
    for name, want in (("type", 4), ("segleft", left), ("len", 2 *
                       len(segments)), ("nxt", 41), ("srh.flags", 0),
                       ("srh.last_entry", len(segments) - 1)):
        equal(ip.number("ipv6.routing." + name), want, f"{name} of {p}")
    equal(ip.text("ipv6.routing.srh.tag"), "00:00", f"tag of {p}")
    equal(ip.text("ipv6.dst"), segments[left], f"active segment of {p}")


def trace(p, nodes, room=12, namespace=0, overflow=False):
    """A trace with these (hop limit, node id, data)."""
    got = p.trace
    equal(p.ip[0].numbers("ipv6.opt.type"), [1, 0x31], f"options of {p}")
    equal(p.ip[0].numbers("ipv6.opt.ioam.opt_type"), [0], "pre-allocated")
    equal(p.ip[0].numbers("ipv6.opt.length"), [0, 10 + 16 * room],
          f"lengths of the options of {p}")
    equal((got.namespace, got.type, got.nodelen, got.overflow, got.remlen),
          (namespace, 0xb40000, 4, overflow, 4 * (room - len(nodes))),
          f"trace header of {p}")
    equal(got.flags, 8 if overflow else 0, f"trace flags of {p}")
    equal([(n.hop_limit, n.id, n.data) for n in got.nodes], nodes,
          f"nodes of {p}")


def tcp_fields(p, without=()):
    names = ("tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw",
             "tcp.flags", "tcp.window_size_value", "tcp.urgent_pointer",
             "tcp.options", "tcp.checksum")
    return {name: p.tcp.get(name) for name in names if name not in without}


def out_and_back(number, load=0, transit=(1, 2), data=None):
    """Nodes of a trace that went to server `number` and back."""
    data = data or DATA
    hops = [(63, 1), (62, 2)]
    there = [(h, r, data[r]) for h, r in hops if r in transit]
    back = [(h, r, data[r]) for h, r in ((63, 2), (62, 1)) if r in transit]
    return [(64, 10, NO_DATA), *there, (61, 100 + number, NO_DATA),
            (64, 100 + number, load), *back]


# The cases.

def packet_1_syn_to_the_selector():
    for name, hop_limit in (("edge", 63), ("own", 64)):
        f = flows()[name]
        for where, outer_limit in ((f.client.link, 64), ("sel", 63)):
            p = f.one(where, SYN, f.client.edge)
            outer(p, TUNNELLED, f.client.edge, SERVICE, outer_limit)
            inner_hop_limit(p, hop_limit)


def packet_2_syn_to_each_server():
    for name, hop_limit in (("edge", 62), ("own", 63)):
        f = flows()[name]
        copies = f.on("sel", SYN, SEL_SID)
        equal(sorted(p.ip[0].text("ipv6.dst") for p in copies),
              [sid(1), sid(2), sid(3)], "who is asked")
        for i in (1, 2, 3):
            way = out_and_back(i)
            for n, where in enumerate(("sel", "r2", f"s{i}")):
                p = f.one(where, SYN, SEL_SID, sid(i))
                outer(p, TRACED, SEL_SID, sid(i), 64 - n)
                srh(p, [sid(i), SEL_SID, f.client.edge], 0)
                trace(p, way[:n + 1])
                inner_hop_limit(p, hop_limit)


def packet_3_synack_to_the_selector():
    for name in ("edge", "own"):
        f = flows()[name]
        for i in (1, 2, 3):
            way = out_and_back(i, LOAD if i == 1 else 0)
            for n, where in enumerate((f"s{i}", "r2", "sel")):
                p = f.one(where, SYNACK, sid(i))
                outer(p, TRACED, sid(i), SEL_SID, 64 - n)
                srh(p, [f.client.edge, SEL_SID, sid(i)], 1)
                trace(p, way[:n + 5])
                inner_hop_limit(p, 64)


def packet_4_synack_to_the_edge():
    for name in ("edge", "own"):
        f = flows()[name]
        for n, where in enumerate(("sel", f.client.link)):
            p = f.one(where, SYNACK, SEL_SID)
            outer(p, ROUTED, SEL_SID, f.client.edge, 64 - n)
            srh(p, [f.client.edge, sid(1)], 0)
            inner_hop_limit(p, 63)
    inner_hop_limit(flows()["edge"].one("client", SYNACK), 62)


def packet_5_ack_and_data_to_the_server():
    for name, hop_limit in (("edge", 63), ("own", 64)):
        f = flows()[name]
        for n, where in enumerate((f.client.link, "r2", "s1")):
            acks = f.on(where, ACK, f.client.edge)
            true(len(acks) > 1, f"ACK and data on {where}")
            for p in acks + f.on(where, 0x11, f.client.edge):
                outer(p, TUNNELLED, f.client.edge, sid(1), 64 - n)
                inner_hop_limit(p, hop_limit)
        true(any(p.tcp.number("tcp.len") for p in acks), "data")


def packet_6_data_to_the_client():
    for name in ("edge", "own"):
        f = flows()[name]
        for n, where in enumerate(("s1", "r2", f.client.link)):
            data = f.on(where, ACK, SERVICE)
            true(any(p.tcp.number("tcp.len") for p in data), "data")
            for p in data:
                outer(p, BARE, SERVICE, f.client.address, 64 - n)
        equal(f.on("sel", ACK), [], "data at the selector")


def packet_7_rst_to_the_losers():
    for name in ("edge", "own"):
        f = flows()[name]
        syn = f.first("s1", SYN)
        equal(f.on("s1", RST), [], "RSTs to the winner")
        for i in (2, 3):
            for n, where in enumerate(("sel", "r2", f"s{i}")):
                p = f.one(where, RST, target=sid(i))
                outer(p, ROUTED, SEL_SID, sid(i), 64 - n)
                srh(p, [sid(i)], 0)
                inner_hop_limit(p, 64)
                bare_rst(p, syn)


def bare_rst(p, syn):
    """The one RST that every Linux takes in SYN-RECEIVED."""
    isn = syn.tcp.number("tcp.seq_raw")
    want = {"tcp.seq_raw": (isn + 1) & 0xffffffff, "tcp.ack_raw": 0,
            "tcp.flags": RST, "tcp.window_size_value": 0, "tcp.hdr_len": 20,
            "tcp.urgent_pointer": 0, "tcp.len": 0,
            "tcp.srcport": syn.tcp.number("tcp.srcport"), "tcp.dstport": 80}
    for name, value in want.items():
        equal(p.tcp.number(name), value, f"{name} of {p}")
    equal((p.ip[-1].text("ipv6.src"), p.ip[-1].text("ipv6.dst")),
          (syn.ip[-1].text("ipv6.src"), SERVICE), f"inner addresses of {p}")


def unaware_client():
    """Bare SYN, bare SYN-ACK; the edge is in no segment list."""
    f = flows()["unaware"]
    outer(f.one("sel", SYN, UNAWARE), BARE, UNAWARE, SERVICE, 63)
    for i in (1, 2, 3):
        p = f.one(f"s{i}", SYN)
        outer(p, TRACED, SEL_SID, sid(i), 62)
        srh(p, [sid(i), SEL_SID], 0)
        inner_hop_limit(p, 62)
        p = f.one("sel", SYNACK, sid(i))
        outer(p, TRACED, sid(i), SEL_SID, 62)
        srh(p, [SEL_SID, sid(i)], 0)
        trace(p, out_and_back(i, LOAD if i == 1 else 0))
    outer(f.one("sel", SYNACK, SERVICE), BARE, SERVICE, UNAWARE, 63)
    outer(f.one("unaware", SYNACK), BARE, SERVICE, UNAWARE, 62)
    for p in f.on("sel", ACK, SEL_SID):
        outer(p, ROUTED, SEL_SID, sid(1), 64)
        srh(p, [sid(1)], 0)
        inner_hop_limit(p, 62)
    true(any(p.tcp.number("tcp.len") for p in f.on("s1", ACK, SEL_SID)),
         "data steered by the selector")
    for p in f.on("s1", ACK, SERVICE):
        outer(p, BARE, SERVICE, UNAWARE, 64)


def waypoints_in_the_segment_list():
    """Visited on the way there and, in reverse, on the way back."""
    f = flows()["waypoint"]
    end = [SEL_SID, EDGE_SID]
    there = [sid(1), VIA_R2, *end]
    srh(f.one("sel", SYN, SEL_SID, VIA_R2), there, 1)
    srh(f.one("s1", SYN), there, 0)
    srh(f.one("s1", SYNACK, sid(1), VIA_R2), there[::-1], 2)
    srh(f.one("r2", SYNACK, sid(1)), there[::-1], 1)
    srh(f.one("sel", SYNACK, SEL_SID), [EDGE_SID, sid(1), VIA_R2], 0)
    for p in f.on("edge", ACK, EDGE_SID):
        outer(p, ROUTED, EDGE_SID, VIA_R2, 64)
        srh(p, [sid(1), VIA_R2], 1)
    for p in f.on("s1", ACK, EDGE_SID):
        outer(p, ROUTED, EDGE_SID, sid(1), 62)
        srh(p, [sid(1), VIA_R2], 0)
    rst = [sid(2), VIA_R2, VIA_R1]
    srh(f.one("sel", RST, target=VIA_R1), rst, 2)
    p = f.one("s2", RST)
    srh(p, rst, 0)
    bare_rst(p, f.first("s1", SYN))
    trace(f.one("sel", SYNACK, sid(1)), out_and_back(1, LOAD))


def two_waypoints():
    f = flows()["waypoints"]
    there = [sid(2), VIA_R2, VIA_R1]
    srh(f.one("sel", SYN, target=VIA_R1), there + [SEL_SID, EDGE_SID], 2)
    srh(f.one("r2", SYN, target=VIA_R2), there + [SEL_SID, EDGE_SID], 1)
    back = [EDGE_SID, SEL_SID, *there[::-1]]
    srh(f.one("s2", SYNACK, sid(2), VIA_R2), back, 3)
    srh(f.one("r2", SYNACK, sid(2), VIA_R1), back, 2)
    srh(f.one("sel", SYNACK, sid(2)), back, 1)
    srh(f.first("edge", ACK, EDGE_SID), there, 2)
    srh(f.first("r2", ACK, EDGE_SID), there, 1)
    srh(f.first("s2", ACK, EDGE_SID), there, 0)


def waypoints_of_other_clients():
    f = flows()["own waypoint"]
    srh(f.first("own", ACK, OWN_SID), [sid(1), VIA_R2], 1)
    f = flows()["unaware waypoint"]
    srh(f.one("sel", SYN, target=VIA_R2), [sid(1), VIA_R2, SEL_SID], 1)
    srh(f.one("s1", SYNACK), [SEL_SID, VIA_R2, sid(1)], 1)
    srh(f.one("sel", SYNACK, sid(1)), [SEL_SID, VIA_R2, sid(1)], 0)
    srh(f.first("sel", ACK, SEL_SID), [sid(1), VIA_R2], 1)


def trace_times():
    """Each stamp lies between the captures before and behind its node."""
    f = flows()["edge"]
    nodes = f.one("sel", SYNACK, sid(1)).trace.nodes
    seen = [f.one("sel", SYN, EDGE_SID)]
    seen += [f.one(where, SYN, SEL_SID, sid(1)) for where in
             ("sel", "r2", "s1")]
    # The server's two entries are neighbours.
    seen += [None]
    seen += [f.one(where, SYNACK, sid(1)) for where in ("s1", "r2", "sel")]
    slack = 20e-6
    for before, node, after in zip(seen, nodes, seen[1:]):
        true(node.fraction < 1000000, "microseconds")
        true(before is None or before.time <= node.time + slack,
             f"node {node.id} at {node.time}, after {before}")
        true(after is None or node.time <= after.time + slack,
             f"node {node.id} at {node.time}, before {after}")
    true(nodes[3].time <= nodes[4].time, "residence")


def trace_overflow():
    """Room for the selector, r1 and r2: the server sets the flag."""
    f = flows()["short"]
    way = out_and_back(1)[:3]
    trace(f.one("s1", SYN), way, 3)
    for where in ("s1", "r2", "sel"):
        trace(f.one(where, SYNACK, sid(1)), way, 3, overflow=True)


def no_trace():
    f = flows()["none"]
    for i in (1, 2, 3):
        p = f.one(f"s{i}", SYN)
        outer(p, ROUTED, SEL_SID, sid(i), 62)
        srh(p, [sid(i), SEL_SID, EDGE_SID], 0)
        p = f.one("sel", SYNACK, sid(i))
        outer(p, ROUTED, sid(i), SEL_SID, 62)
        srh(p, [EDGE_SID, SEL_SID, sid(i)], 1)


def trace_namespace_of_one_router():
    """r2 does not know namespace 7 and leaves the trace alone."""
    f = flows()["foreign"]
    trace(f.one("sel", SYNACK, sid(2)),
          out_and_back(2, transit=(1,), data={1: 0x7777}), namespace=7)


def refusal_takes_the_same_way():
    """RSTs of the servers are packets 3; the last is packet 4."""
    f = flows()["refused"]
    for i in (1, 2, 3):
        p = f.one("sel", RST | ACK, sid(i))
        outer(p, TRACED, sid(i), SEL_SID, 62)
        srh(p, [EDGE_SID, SEL_SID, sid(i)], 1)
        trace(p, out_and_back(i, NO_DATA))
    p = f.one("edge", RST | ACK, SEL_SID)
    outer(p, ROUTED, SEL_SID, EDGE_SID, 63)
    srh(p, [EDGE_SID, sid(3)], 0)
    equal(f.one("client", RST | ACK).order, BARE, "what the client gets")
    equal(f.on("sel", RST), [], "RSTs by the selector")


def flow_label():
    """One for all outer headers of a flow, in both directions."""
    labels = []
    for name, f in flows().items():
        found = {p.ip[0].number("ipv6.flow") for p in f.packets
                 if len(p.ip) > 1}
        equal(len(found), 1, f"flow labels of {name}")
        labels += found
    true(0 not in labels, "no flow label is zero")
    true(len(set(labels)) > len(labels) - 2, f"labels differ: {labels}")


def nothing_wrong_says_tshark():
    count = 0
    for f in flows().values():
        for p in f.packets:
            equal(p.errors, [], f"errors in {p}")
            equal(p.tcp.number("tcp.checksum.status"), 1, f"checksum of {p}")
            count += 1
    true(count > 300, f"packets: {count}")


def syn_is_left_alone():
    for name, where in (("edge", "client"), ("own", "own"),
                        ("unaware", "unaware"), ("waypoint", "client")):
        f = flows()[name]
        sent = tcp_fields(f.one(where, SYN))
        copies = [p for p in f.packets if p.flags & KIND == SYN]
        true(len(copies) > 9, "SYN and copies")
        for p in copies:
            equal(tcp_fields(p), sent, f"TCP header of {p}")


def mss_is_lowered_by_what_will_be_added():
    for name, where, server, less in (
            ("edge", "client", 1, 40), ("waypoint", "client", 1, 80),
            ("waypoints", "client", 2, 96), ("unaware", "unaware", 1, 64)):
        f = flows()[name]
        sent = f.one(f"s{server}", SYNACK)
        got = f.one(where, SYNACK)
        mss = sent.tcp.number("tcp.options.mss_val")
        equal(got.tcp.number("tcp.options.mss_val"), mss - less, name)
        equal(got.tcp.text("tcp.options").split(":")[4:],
              sent.tcp.text("tcp.options").split(":")[4:], "other options")
        without = ("tcp.checksum", "tcp.options")
        equal(tcp_fields(got, without), tcp_fields(sent, without), name)
        # Only the edge may change anything, or the selector instead of it.
        for p in f.packets:
            if p.flags & KIND == SYNACK and len(p.ip) > 1 and \
                    p.tcp["tcp.seq_raw"] == sent.tcp["tcp.seq_raw"]:
                equal(tcp_fields(p), tcp_fields(sent), f"SYN-ACK in {p}")


def traffic_class():
    """DSCP is copied outwards, and congestion inwards (RFC 6040)."""
    f = flows()["congested"]
    from_client = [p for p in f.packets if p.ip[-1].text("ipv6.src") == CLIENT
                   and p.flags & KIND != RST]
    true(len(from_client) > 20, "packets of the client")
    for p in from_client:
        equal([ip.number("ipv6.tclass.dscp") for ip in p.ip],
              [EF] * len(p.ip), f"DSCP of {p}")
    for where, ecn in (("edge", ECT0), ("r2", CE)):
        data = [p for p in f.on(where, ACK, EDGE_SID)
                if p.tcp.number("tcp.len")]
        equal({(p.ip[0].number("ipv6.tclass.ecn"),
                p.ip[1].number("ipv6.tclass.ecn")) for p in data},
              {(ecn, ECT0)}, f"ECN on {where}")
    true(any(p.tcp.number("tcp.flags.ece") for p in f.on("s1", ACK, SERVICE)),
         "the server's TCP echoes congestion")


def nothing_else_leaves_the_edge():
    """A SYN that was encapsulated is nothing unknown."""
    flows()
    for ns in (topology().edge, topology().own):
        equal(ns.stats()["edge_unknown"], 0, f"edge_unknown at {ns.name}")


def congestion_mark_on_what_is_not_capable():
    """RFC 6040 section 4.2: dropped; the mark is counted in the scene."""
    f = flows()["marked wrongly"]
    p = f.one("s3", SYN)
    equal((p.ip[0].number("ipv6.tclass.ecn"),
           p.ip[1].number("ipv6.tclass.ecn")), (CE, 0), "ECN")
    equal(f.on("s3", SYNACK), [], "answers of s3")


def main():
    try:
        ktap.run([
            packet_1_syn_to_the_selector,
            packet_2_syn_to_each_server,
            packet_3_synack_to_the_selector,
            packet_4_synack_to_the_edge,
            packet_5_ack_and_data_to_the_server,
            packet_6_data_to_the_client,
            packet_7_rst_to_the_losers,
            unaware_client,
            waypoints_in_the_segment_list,
            two_waypoints,
            waypoints_of_other_clients,
            trace_times,
            trace_overflow,
            no_trace,
            trace_namespace_of_one_router,
            refusal_takes_the_same_way,
            flow_label,
            nothing_wrong_says_tshark,
            syn_is_left_alone,
            mss_is_lowered_by_what_will_be_added,
            traffic_class,
            congestion_mark_on_what_is_not_capable,
            nothing_else_leaves_the_edge,
        ])
    finally:
        topology().remove()


if __name__ == "__main__":
    sys.exit(main())
