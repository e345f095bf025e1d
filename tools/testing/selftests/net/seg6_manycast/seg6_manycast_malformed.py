#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 25
"""Malformed input on every SID: each packet is dropped under exactly its named
counter, answered with an ICMPv6 error exactly where RFC 8754, 8986, 8200 and
4443 ask for one, and leaves nothing else behind: nothing is forwarded, no
state remains, the kernel does not complain.
"""

import random
import socket
import struct

from scapy.layers.inet import UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoRequest, IPv6

from lib import craft, ktap, nl
from lib.craft import chain, destopt, segment, srh
from lib.klog import Klog
from lib.nodes import ANY, EMPTY, FLOWS, Nodes, header, icmp_error
from lib.topology import CLIENT, EDGE_SID, SEL_SID, SERVICE, sid

FOREIGN = "2001:db8:bad::1"
S1, S2 = sid(1), sid(2)
TIME_EXCEEDED, PARAM_PROBLEM = 3, 4
HEADER_FIELD, UPPER_LAYER = 0, 4
INVALID_SEGMENTS = "ff02::1", "ff0e::1", "::"

SYN = segment(CLIENT, SERVICE, "S")
SYNACK = segment(SERVICE, CLIENT, "SA", sport=80, dport=40000, seq=5000,
                 ack=1001)


def inner(packet):
    return craft.IPV6_, packet


def bare(packet):
    """What follows the IPv6 header of a packet."""
    return packet[6], packet[40:]


def above(layer, src=CLIENT, dst=SERVICE):
    """A packet of another protocol than TCP."""
    return bytes(IPv6(src=src, dst=dst) / layer)


class Target:
    """A SID, and what it takes when all is well."""

    def __init__(self, node, port, src, dst, payload, segments, left):
        self.node, self.port, self.src, self.dst = node, port, src, dst
        self.payload, self.segments, self.left = payload, segments, left

    def srh(self, left=None, **kwargs):
        return srh(self.segments, self.left if left is None else left,
                   **kwargs)

    def packet(self, *parts, src=None, **kwargs):
        """Extension headers; what it takes follows if they end openly."""
        parts = parts or (self.srh(),)
        if parts[-1][0] in (craft.HOP, craft.ROUTING, craft.FRAGMENT,
                            craft.DESTOPT):
            parts += (inner(self.payload),)
        return chain(src or self.src, self.dst, *parts, **kwargs)


SERVICE_ADDR = Target("sel", "sel0", EDGE_SID, SERVICE, SYN,
                      [SERVICE, "fc00:9::1"], 0)
SELECTOR = Target("sel", "sel0", S1, SEL_SID, SYNACK,
                  [EDGE_SID, SEL_SID, S1], 1)
SERVER = Target("srv", "srv0", SEL_SID, S1, SYN, [S1, SEL_SID, EDGE_SID], 0)
ANSWER = Target("edge", "net0", SEL_SID, EDGE_SID, SYNACK, [EDGE_SID, S1], 0)
TARGETS = {"End.MAnycast at the service": SERVICE_ADDR,
           "End.MAnycast at the SID": SELECTOR,
           "End.MAnycast.S": SERVER, "End.MAnycast.C": ANSWER}


def parameter_problem(to, code, pointer):
    return (to, PARAM_PROBLEM, code, pointer)


class Bench:
    """The nodes, and what each of them counts and sends."""

    def __init__(self):
        self.klog = Klog()
        self.net = Nodes(service="timeout 5000 tombstone 50 candidates all "
                         "fails 0")
        self.hosts, self.ports = self.net.hosts, self.net.ports
        self.stats = {node: nl.Counters(self.hosts[node])
                      for node in ("srv", "edge")}
        self.sel = self.stats["sel"] = nl.Counters(self.hosts["sel"], "web")
        self.last = "nothing"
        self.sport = 41000
        self.flows = 0
        # What it repeats would come in the middle of another case.
        self.hosts["srv"].sysctl("net.ipv4.tcp_synack_retries", 0)
        self.listener = self.listen()

    def listen(self):
        with self.hosts["srv"]:
            sock = socket.socket(socket.AF_INET6)
        sock.bind((SERVICE, 80))
        sock.listen(64)
        return sock

    def close(self):
        self.listener.close()
        self.net.__exit__()
        self.klog.quiet()

    def diff(self, node, before):
        return {k: v - before[k] for k, v in self.stats[node].read().items()
                if v != before[k]}

    def silent(self):
        """Nothing has come that nobody waited for."""
        for name, port in self.ports.items():
            stray = port.drain()
            ktap.true(not stray, f"after {self.last}: unexpected on {name}: "
                      f"{[p.hex() for p in stray]}")

    def expect(self, what, target, packet, counter, *errors, also=None):
        """The packet makes this counter one more, and these errors."""
        self.silent()
        self.last = what
        before = self.stats[target.node].read()
        self.ports[target.port].send(packet)
        want = ({counter: 1} if counter else {}) | (also or {})
        if counter:
            ktap.wait_for(lambda: self.diff(target.node, before),
                          f"{what}: {counter}")
        ktap.equal(self.diff(target.node, before), want, what)
        got = self.ports[target.port].take(len(errors))
        ktap.equal([icmp_error(p) or p.hex() for p in got], list(errors),
                   f"{what}: what comes back")
        for error in got:
            quoted = error[48:]
            ktap.true(packet.endswith(quoted[8:]) and len(quoted) >= 40,
                      f"{what}: the error quotes what was sent")

    def settle(self, target):
        """Packets are handled in order: when this one is, all were."""
        self.expect("settling", target, chain(
            target.src, target.dst, (craft.ESP, bytes(16))),
            "drop_upper_layer",
            parameter_problem(target.src, UPPER_LAYER, 40))
        self.silent()

    def state(self):
        """What the selector keeps and counts for its services."""
        return self.sel.services(), self.sel.instances()

    def next_port(self):
        self.sport += 1
        return self.sport

    # What must still work, or nothing was shown.

    def handshake(self, *parts):
        """A SYN from the edge, its three copies; returns the port."""
        port = self.next_port()
        self.silent()
        self.ports["sel0"].send(SERVICE_ADDR.packet(*parts, inner(
            segment(CLIENT, SERVICE, "S", sport=port))))
        copies = self.ports["sel0"].take(3)
        ktap.equal(sorted(header(p)[3] for p in copies),
                   sorted(sid(i) for i in (1, 2, 3)), "copies of a SYN")
        return port

    def synack(self, port, src=S1, trace=None):
        """Packet 3 for that port."""
        parts = ([trace] if trace else []) + [
            srh([EDGE_SID, SEL_SID, src], 1),
            inner(segment(SERVICE, CLIENT, "SA", sport=80, dport=port,
                          seq=5000, ack=1001))]
        return chain(src, SEL_SID, *parts)

    def emits(self, packet):
        """What the selector makes of packet 3."""
        self.ports["sel0"].send(packet)
        emitted, = self.ports["sel0"].take(1)
        ktap.equal(header(emitted), (craft.ROUTING, 64, SEL_SID, EDGE_SID),
                   "packet 4")

    def no_handshakes(self):
        ktap.wait_for(lambda: not self.sel.services()["web"]["open"],
                      "handshakes gone", 10)

    def timeout(self, ms):
        self.hosts["sel"].ip(f"manycast service set web timeout {ms}")

    def server_answers(self, *parts):
        """Packet 2, the answer, and the RST that ends it; returns packet 3."""
        port = self.next_port()
        self.silent()
        self.ports["srv0"].send(SERVER.packet(*parts, inner(
            segment(CLIENT, SERVICE, "S", sport=port))))
        answer, = self.ports["srv0"].take(1)
        ktap.equal(header(answer)[2:], (S1, SEL_SID), "packet 3")
        self.ports["srv0"].send(SERVER.packet(inner(
            segment(CLIENT, SERVICE, "R", sport=port, seq=1001))))
        self.no_sockets()
        return answer

    def no_sockets(self):
        """The server has no connection, half open or whole."""
        def quiet():
            with self.hosts["srv"], open("/proc/net/tcp6", "rb") as f:
                return all(line.split()[3] == b"0A"
                           for line in f.readlines()[1:])
        ktap.wait_for(quiet, "no socket but the listener's")

    def flow(self, service=SERVICE):
        """A client's SYN through the edge; returns the port."""
        port = self.next_port()
        self.silent()
        self.ports["lan0"].send(segment(CLIENT, service, "S", sport=port))
        syn, = self.ports["net0"].take(1)
        ktap.equal(header(syn)[2:], (EDGE_SID, service), "packet 1")
        self.flows += 1
        return port

    @staticmethod
    def answer(port, *parts, ack=1001, service=SERVICE):
        """Packet 4 for that port."""
        return ANSWER.packet(*parts or (ANSWER.srh(),), inner(
            segment(service, CLIENT, "SA", sport=80, dport=port, seq=5000,
                    ack=ack)))

    def edge_learns(self, *parts):
        self.ports["net0"].send(self.answer(self.flow(), *parts))
        delivered, = self.ports["lan0"].take(1)
        ktap.equal(header(delivered)[2:], (SERVICE, CLIENT), "SYN-ACK")

    def all_works(self, *lead, **more):
        """These headers before the SRH, these words in it."""
        before = {n: s.read() for n, s in self.stats.items()}
        self.emits(self.synack(self.handshake(
            *lead, SERVICE_ADDR.srh(**more))))
        self.no_handshakes()
        self.emits(SELECTOR.packet(*lead, SELECTOR.srh(**more)))
        self.server_answers(*lead, SERVER.srh(**more))
        self.edge_learns(*lead, ANSWER.srh(**more))
        self.silent()
        drops = {k: v for node in before for k, v in
                 self.diff(node, before[node]).items() if "drop" in k}
        ktap.equal(drops, {}, "drops")
        self.klog.quiet()


BENCH = None


def untouched(function):
    """Run a case; nobody's state must have noticed."""
    def case():
        BENCH.no_handshakes()
        before = BENCH.state()
        function()
        for target in TARGETS.values():
            BENCH.settle(target)
        BENCH.no_handshakes()
        ktap.equal(BENCH.state(), before, "services and instances")
        BENCH.no_sockets()
    case.__name__ = function.__name__
    return case


def after_a_case(function):
    """Run it, then look at what no case may do; clear what a failed one left.
    """
    def case():
        BENCH.last = function.__name__
        try:
            function()
            BENCH.silent()
            BENCH.klog.quiet()
        except BaseException:
            for port in BENCH.ports.values():
                port.take(1, 0.1)
            raise
    case.__name__ = function.__name__
    return case


def nothing_is_wrong():
    """The other way round: good packets have their effects, also with
    options in front and TLVs behind.
    """
    BENCH.all_works()
    BENCH.all_works(destopt(), tlvs=bytes([4, 6]) + bytes(6))
    BENCH.all_works(destopt(), destopt(), destopt(16), tlvs=bytes(8))
    BENCH.emits(BENCH.synack(BENCH.handshake(destopt())))
    BENCH.no_handshakes()
    BENCH.server_answers(destopt())


def routing_types_without_segments_left():
    """RFC 8200 section 4.4: ignored."""
    for kind in (0, 2, 253):
        BENCH.all_works(srh([S2], 0, kind=kind))


@untouched
@ktap.large
def truncated():
    """Every length, with an inner length that fits or not. What ends within
    the Hop-by-Hop header is the kernel's to drop.
    """
    hbh = craft.hbh(craft.ioam(craft.trace(room=1)))
    for what, target in TARGETS.items():
        for lead in ((), (hbh,)):
            parts = (*lead, destopt(), target.srh())
            whole = target.packet(*parts)
            at = 40 + sum(len(octets) for _, octets in parts) if lead else 0
            ours = 40 + len(hbh[1]) if lead else 40
            for size in range(40, len(whole)):
                BENCH.expect(f"{what} cut to {size} of {len(whole)}",
                             target, craft.cut(whole, size, at),
                             "drop_malformed" if size >= ours else None)


@untouched
def outer_length_lies():
    """More than there is: for the kernel. Less: what is behind is no part."""
    for what, target in TARGETS.items():
        whole = target.packet()
        size = len(whole) - 40
        for lie in (size + 1, 65535):
            BENCH.expect(f"{what}: payload length {lie}", target,
                         target.packet(plen=lie), None)
        for lie in (1, 8, size - 1):
            BENCH.expect(f"{what}: payload length {lie}", target,
                         target.packet(plen=lie), "drop_malformed")


def truncated_at_the_edge():
    """H.MAnycast steers what it can read; the rest goes along the route."""
    for size in range(40, len(SYN)):
        passes_by(f"SYN cut to {size}", craft.cut(SYN, size))


def passes_by(what, packet):
    BENCH.silent()
    before = BENCH.stats["edge"].read()
    BENCH.ports["lan0"].send(packet)
    out, = BENCH.ports["net0"].take(1)
    on = bytearray(packet)
    on[7] -= 1
    ktap.equal(out.hex(), on.hex(), f"{what}: forwarded as it was")
    ktap.equal(BENCH.diff("edge", before), {"edge_unknown": 1}, what)


def not_for_steering():
    """Nor does it steer other protocols, tunnels, fragments, or segments of
    connections that it does not know.
    """
    udp = bytes(UDP(dport=80))
    for what, packet in (
            ("UDP", chain(CLIENT, SERVICE, (craft.UDP_, udp))),
            ("no next header", chain(CLIENT, SERVICE, (craft.NONE, b""))),
            ("tunnel", chain(CLIENT, SERVICE, inner(SYN))),
            ("fragment", chain(CLIENT, SERVICE, craft.fragment(), bare(SYN))),
            ("ACK", segment(CLIENT, SERVICE, "A", ack=1)),
            ("SYN-ACK", segment(CLIENT, SERVICE, "SA", ack=1)),
            ("RST", segment(CLIENT, SERVICE, "R")),
            ("SYN and FIN", segment(CLIENT, SERVICE, "SF")),
            ("long chain", chain(CLIENT, SERVICE, *[destopt()] * 5,
                                 bare(SYN))),
            ("offset 4", segment(CLIENT, SERVICE, "S", words=4)),
            ("offset 15", segment(CLIENT, SERVICE, "S", words=15))):
        passes_by(what, packet)
    BENCH.klog.quiet()


@untouched
def segments_left_and_last_entry():
    """RFC 8754 section 4.3.1.1, and RFC 8986 section 4.4: Parameter Problem,
    code 0, pointing at Segments Left, wherever the SRH stands.
    """
    for what, target in TARGETS.items():
        last = len(target.segments) - 1
        bad = [("Segments Left beyond Last Entry", {"left": last + 2}),
               ("Segments Left 255", {"left": 255}),
               ("Last Entry beyond the header", {"last": last + 1}),
               ("Last Entry 255", {"last": 255}),
               ("Last Entry and Segments Left 255",
                {"last": 255, "left": 255}),
               ("length 0", {"hdrlen": 0}),
               ("length of one segment less", {"hdrlen": 2 * last}),
               ("not the last segment", {"left": target.left + 1}),
               ("at the first segment of all", {"left": last + 1})]
        for name, lie in bad:
            for before in ((), (destopt(16),)):
                BENCH.expect(
                    f"{what}: {name}", target,
                    target.packet(*before, target.srh(**lie)), "drop_srh",
                    parameter_problem(target.src, HEADER_FIELD,
                                      43 + 16 * len(before)))
    BENCH.expect("a SYN on its way to somewhere else", SELECTOR,
                 SELECTOR.packet(SELECTOR.srh(), inner(SYN)), "drop_srh",
                 parameter_problem(S1, HEADER_FIELD, 43))


@untouched
def broken_routing_headers():
    """Not answered: lengths and TLVs that lie, and two of them."""
    for what, target in TARGETS.items():
        good = target.srh()
        last = len(target.segments) - 1
        for name, parts in (
                ("longer than the packet", (target.srh(hdrlen=255),)),
                ("into the inner header", (target.srh(
                    hdrlen=2 * last + 4),)),
                ("TLV without a length", (target.srh(
                    tlvs=bytes(7) + b"\4"),)),
                ("TLV too long", (target.srh(tlvs=bytes([4, 7]) + bytes(6)),)),
                ("TLV of 255", (target.srh(tlvs=bytes([5, 255]) + bytes(6)),)),
                ("two of them", (good, good)),
                ("two, options between", (good, destopt(), good)),
                ("the second one bad", (good, target.srh(left=9)))):
            BENCH.expect(f"{what}: {name}", target, target.packet(*parts),
                         "drop_malformed")


@untouched
def unknown_routing_type():
    """RFC 8200 section 4.4: with segments left, Parameter Problem, code 0,
    pointing at Routing Type; without, as if it were not there. Linux does the
    same for itself.
    """
    for what, target in TARGETS.items():
        for kind in (0, 1, 2, 3, 5, 253, 255):
            BENCH.expect(f"{what}: type {kind}", target,
                         target.packet(target.srh(left=1, kind=kind)),
                         "drop_srh",
                         parameter_problem(target.src, HEADER_FIELD, 42))


@untouched
def upper_layers():
    """RFC 8986 section 4.1.1: Parameter Problem, code 4, at that header."""
    udp = above(UDP(dport=80))
    others = [("UDP", bare(udp)), ("ICMPv6", bare(above(ICMPv6EchoRequest()))),
              ("IPv4", (craft.IPV4, b"\x45" + bytes(39))),
              ("nothing", (craft.NONE, b"")), ("ESP", (craft.ESP, bytes(16))),
              ("AH", (craft.AUTH, bytes(16)))]
    for what, target in TARGETS.items():
        for name, part in others:
            for before in ((), (target.srh(),), (destopt(), target.srh())):
                packet = chain(target.src, target.dst, *before, part)
                BENCH.expect(f"{what}: {name}", target, packet,
                             "drop_upper_layer", parameter_problem(
                                 target.src, UPPER_LAYER,
                                 40 + sum(len(o) for _, o in before)))
    for target in (SERVER, ANSWER):
        BENCH.expect("bare TCP", target, target.packet(bare(SYN)),
                     "drop_upper_layer",
                     parameter_problem(target.src, UPPER_LAYER, 40))


@untouched
def inner_protocols():
    """The selector and the edge want TCP inside, of the right kind."""
    others = [("UDP", above(UDP(dport=80))),
              ("ICMPv6", above(ICMPv6EchoRequest())),
              ("nothing", chain(CLIENT, SERVICE, (craft.NONE, b""))),
              ("a tunnel", chain(CLIENT, SERVICE, inner(SYN))),
              ("IPv4", chain(CLIENT, SERVICE, (craft.IPV4, bytes(40)))),
              ("options", chain(CLIENT, SERVICE, destopt(), bare(SYN))),
              ("a fragment", chain(CLIENT, SERVICE, craft.fragment(),
                                   bare(SYN))),
              ("an SRH", chain(CLIENT, SERVICE, srh([SERVICE], 0),
                               bare(SYN)))]
    kinds = {SERVICE_ADDR: ("A", "F", "SF", "PA", ""), SELECTOR: (),
             ANSWER: ("S", "A", "FA", "")}
    for target, flags in kinds.items():
        for name, packet in others + [
                (f, segment(CLIENT, SERVICE, f)) for f in flags]:
            # With a segment list they would be another site's.
            listed = target is not SERVICE_ADDR or name not in flags
            BENCH.expect(f"{target.dst}: {name} inside", target,
                         target.packet(*[target.srh(left=0)] * listed,
                                       inner(packet)),
                         "drop_upper_layer",
                         parameter_problem(target.src, UPPER_LAYER,
                                           48 + 16 * len(target.segments)
                                           if listed else 40))


@untouched
def a_bare_syn_behind_options():
    """What cannot be copied to servers is refused, not cut short."""
    BENCH.expect("bare SYN behind options", SERVICE_ADDR,
                 chain(CLIENT, SERVICE, destopt(), bare(SYN)),
                 "drop_upper_layer",
                 parameter_problem(CLIENT, UPPER_LAYER, 48))


@untouched
def inner_protocols_at_the_server():
    """There the local stack answers what is not TCP."""
    before = BENCH.stats["srv"].read()
    BENCH.ports["srv0"].send(SERVER.packet(SERVER.srh(), inner(
        above(UDP(sport=9, dport=80)))))
    error, = BENCH.ports["srv0"].take(1)
    ktap.equal(icmp_error(error), (CLIENT, 1, 4, 0), "port unreachable")
    ktap.equal(header(error)[2], SERVICE, "who says so")
    ktap.equal(BENCH.diff("srv", before), {"delivered": 1}, "counted")


@untouched
def inner_lengths_lie():
    for what, target in TARGETS.items():
        src, dst = header(target.payload)[2:]
        flags = "S" if target.payload is SYN else "SA"
        for lie in ({"version": 4}, {"version": 0}, {"version": 15},
                    {"plen": 41}, {"plen": 65535}, {"plen": 0},
                    {"plen": 19}, {"plen": 39}, {"words": 0}, {"words": 4},
                    {"words": 11}, {"words": 15}):
            packet = segment(src, dst, flags, **lie)
            BENCH.expect(f"{what}: inner {lie}", target,
                         target.packet(target.srh(), inner(packet)),
                         "drop_malformed")
    # Bare segments have offsets, too.
    for words in (0, 4, 11, 15):
        BENCH.expect(f"bare SYN, offset {words}", SERVICE_ADDR,
                     segment(CLIENT, SERVICE, "S", words=words),
                     "drop_malformed")


@untouched
def fragments():
    """Of what was not encapsulated, of whole packets, with headers that belong
    in front; and of those who are not in the acl.
    """
    for what, target in TARGETS.items():
        for name, part in (("first", craft.fragment()),
                           ("another", craft.fragment(512)),
                           ("last", craft.fragment(512, 0)),
                           ("atomic", craft.fragment(0, 0))):
            for parts in ((part, bare(SYN)), (target.srh(), part, bare(SYN)),
                          (part, target.srh())):
                BENCH.expect(f"{what}: {name} fragment", target,
                             target.packet(*parts), "drop_fragment")
        BENCH.expect(f"{what}: atomic", target, target.packet(
            target.srh(), craft.fragment(0, 0)), "drop_fragment")
        BENCH.expect(f"{what}: foreign", target, target.packet(
            craft.fragment(), src=FOREIGN),
            "drop_fragment" if target is SERVICE_ADDR else "drop_acl")


def halves(target, payload):
    """Two fragments of what a SID takes."""
    return [target.packet(target.srh(), craft.fragment(at, more),
                          (craft.IPV6_, piece)) for at, more, piece in
            ((0, 1, payload[:40]), (40, 0, payload[40:]))]


def in_fragments():
    """What was encapsulated is put together, whichever half comes first."""
    before = {n: s.read() for n, s in BENCH.stats.items()}
    for order in 1, -1:
        def send(target, payload, order=order):
            for packet in halves(target, payload)[::order]:
                BENCH.ports[target.port].send(packet)

        port = BENCH.next_port()
        send(SERVICE_ADDR, segment(CLIENT, SERVICE, "S", sport=port))
        ktap.equal(len(BENCH.ports["sel0"].take(3)), 3, "copies of a SYN")
        BENCH.emits(BENCH.synack(port))
        BENCH.no_handshakes()
        send(SELECTOR, SYNACK)
        emitted, = BENCH.ports["sel0"].take(1)
        ktap.equal(header(emitted)[2:], (SEL_SID, EDGE_SID), "packet 4")
        send(SERVER, segment(CLIENT, SERVICE, "S", sport=port))
        answer, = BENCH.ports["srv0"].take(1)
        ktap.equal(header(answer)[2:], (S1, SEL_SID), "packet 3")
        BENCH.ports["srv0"].send(SERVER.packet(inner(
            segment(CLIENT, SERVICE, "R", sport=port, seq=1001))))
        BENCH.no_sockets()
        send(ANSWER, segment(SERVICE, CLIENT, "SA", sport=80,
                             dport=BENCH.flow(), seq=5000, ack=1001))
        delivered, = BENCH.ports["lan0"].take(1)
        ktap.equal(header(delivered)[2:], (SERVICE, CLIENT), "SYN-ACK")
    ktap.equal({n: BENCH.diff(n, before[n])["reassembled"] for n in before},
               {"sel": 4, "srv": 2, "edge": 2}, "reassembled")
    BENCH.no_handshakes()


@untouched
def fragments_that_stay_alone():
    """RFC 8200 section 4.5: Time Exceeded, code 1, if the first one came. As
    the kernel does it for itself.
    """
    for what, target in TARGETS.items():
        host = BENCH.hosts[target.node]
        host.sysctl("net.ipv6.ip6frag_time", 1)
        before = BENCH.stats[target.node].read()
        BENCH.ports[target.port].send(halves(target, target.payload)[0])
        error, = BENCH.ports[target.port].take(1)
        ktap.equal(icmp_error(error), (target.src, TIME_EXCEEDED, 1, 0), what)
        ktap.equal(BENCH.diff(target.node, before), {}, f"{what}: counted")
        host.sysctl("net.ipv6.ip6frag_time", 60)


@untouched
def header_chains():
    """No more headers than RFC 8200 section 4.1 has, and Hop-by-Hop first."""
    for what, target in TARGETS.items():
        for name, parts in (
                ("five headers", [destopt()] * 5),
                ("fifty headers", [destopt()] * 50),
                ("four and an SRH", [destopt()] * 4 + [target.srh()]),
                ("Hop-by-Hop second", [destopt(), craft.hbh()]),
                ("Hop-by-Hop twice", [craft.hbh(), craft.hbh()]),
                ("options longer than the packet",
                 [(craft.DESTOPT, bytes([0, 255]) + bytes(6))])):
            BENCH.expect(f"{what}: {name}", target, target.packet(*parts),
                         "drop_malformed")


@untouched
def foreign_sources():
    """What the ACL does not let in, and answers of servers unknown."""
    for what, target in TARGETS.items():
        BENCH.expect(f"{what}: foreign source", target,
                     target.packet(src=FOREIGN), "drop_acl")
    for flags in ("SA", "R", "RA"):
        packet = segment(SERVICE, CLIENT, flags, sport=80, ack=1001)
        for src in (sid(9), SEL_SID, EDGE_SID):
            BENCH.expect(f"{flags} of {src}", SELECTOR,
                         SELECTOR.packet(SELECTOR.srh(), inner(packet),
                                         src=src), "drop_foreign")


@untouched
def nothing_is_told_to_foreigners():
    """The ACL comes before every error."""
    for what, target in TARGETS.items():
        bad = target.srh(left=9)
        BENCH.expect(f"{what}: bad SRH, foreign source", target,
                     target.packet(bad, src=FOREIGN), "drop_acl")
        if target is SERVER or target is ANSWER:
            BENCH.expect(f"{what}: UDP, foreign source", target,
                         target.packet(bare(above(UDP())), src=FOREIGN),
                         "drop_acl")


@untouched
def out_of_place():
    """Well-formed, but nobody waits for it."""
    syn = inner(SYN)
    for src in (EDGE_SID, S1):
        BENCH.expect("SYN to the selector's SID", SELECTOR,
                     chain(src, SEL_SID, syn), "drop_no_service")
    BENCH.expect("bare SYN to the selector's SID", SELECTOR,
                 segment(EDGE_SID, SEL_SID, "S"), "drop_no_service")
    for src, drop in (EDGE_SID, "drop_foreign"), (S1, "drop_duplicate"):
        BENCH.expect("ACK to the selector's SID", SELECTOR,
                     chain(src, SEL_SID,
                           inner(segment(CLIENT, SERVICE, "A"))), drop)
    BENCH.expect("SYN-ACK that names no edge", SELECTOR,
                 SELECTOR.packet(inner(SYNACK)), "drop_no_state")
    BENCH.expect("SYN-ACK, no segments left", SELECTOR,
                 SELECTOR.packet(SELECTOR.srh(left=0)), "drop_no_state")
    BENCH.expect("RST of nothing", SELECTOR, SELECTOR.packet(
        SELECTOR.srh(), inner(segment(SERVICE, CLIENT, "RA", ack=1001))),
        "drop_no_state")
    BENCH.expect("address that the server lacks", SERVER, SERVER.packet(
        SERVER.srh(), inner(segment(CLIENT, "2001:db8:5::99", "A"))),
        "drop_no_route", also={"delivered": 1})


def services_count_their_own():
    """A service's drops are its own: nobody to ask, and no state."""
    def dropped(name, counter, packet):
        services, stats = BENCH.sel.services(), BENCH.sel.read()
        BENCH.ports["sel0"].send(packet)
        services[name][counter] += 1
        ktap.wait_for(lambda: BENCH.sel.services() == services,
                      f"{name}: {counter}")
        ktap.equal(BENCH.diff("sel", stats), {}, "no other counter")
        BENCH.silent()

    dropped("none", "drop_no_instance", segment(CLIENT, EMPTY, "S"))
    dropped("none", "drop_no_instance", chain(EDGE_SID, EMPTY, inner(
        segment(CLIENT, EMPTY, "S"))))
    for flags in ("A", "PA", "FA", "R", "SA", "SF", ""):
        dropped("web", "drop_no_state", segment(CLIENT, SERVICE, flags))


@untouched
def answers_at_the_edge():
    """Nobody asked, or for something else, or the server may not be."""
    BENCH.expect("not asked", ANSWER, ANSWER.packet(), "drop_not_asked")
    port = BENCH.flow()
    for what, packet, counter in (
            ("wrong number", BENCH.answer(port, ack=1002), "drop_not_asked"),
            ("server outside", BENCH.answer(
                port, srh([EDGE_SID, "fc00:6::1"], 0)), "drop_servers"),
            ("waypoint outside", BENCH.answer(
                port, srh([EDGE_SID, S1, "fc00:9::1"], 0)), "drop_servers"),
            ("no server", BENCH.answer(port, srh([EDGE_SID], 0)),
             "drop_malformed"),
            ("no SRH", BENCH.answer(port, destopt()), "drop_malformed"),
            ("a list longer than any of ours", BENCH.answer(
                port, srh([EDGE_SID, *[S1] * 20], 0)), "drop_malformed")):
        BENCH.expect(what, ANSWER, packet, counter)


@untouched
def hop_limits():
    """Time Exceeded to whose packet it was."""
    for hlim in (0, 1):
        syn = segment(CLIENT, SERVICE, "S", sport=39999, hlim=hlim)
        BENCH.expect(f"bare SYN, hop limit {hlim}", SERVICE_ADDR, syn,
                     "drop_hop_limit", (CLIENT, TIME_EXCEEDED, 0, 0))
        BENCH.expect(f"inner SYN, hop limit {hlim}", SERVICE_ADDR,
                     SERVICE_ADDR.packet(inner(syn)),
                     "drop_hop_limit", (CLIENT, TIME_EXCEEDED, 0, 0))
        BENCH.expect(f"inner SYN-ACK, hop limit {hlim}", SELECTOR,
                     SELECTOR.packet(SELECTOR.srh(), inner(segment(
                         SERVICE, CLIENT, "SA", sport=80, ack=1001,
                         hlim=hlim))), "drop_hop_limit",
                     (SERVICE, TIME_EXCEEDED, 0, 0), also={"passed_on": 1})


def hop_limits_at_the_edge():
    port = BENCH.flow()
    BENCH.ports["net0"].send(BENCH.answer(port))
    BENCH.ports["lan0"].take(1)
    for what, packet in (
            ("SYN", segment(CLIENT, SERVICE, "S", sport=39999, hlim=1)),
            ("data", segment(CLIENT, SERVICE, "A", sport=port, seq=1001,
                             ack=5001, hlim=1))):
        before = BENCH.stats["edge"].read()
        BENCH.ports["lan0"].send(packet)
        error, = BENCH.ports["lan0"].take(1)
        ktap.equal(icmp_error(error), (CLIENT, TIME_EXCEEDED, 0, 0), what)
        ktap.equal(BENCH.diff("edge", before)["drop_hop_limit"], 1, what)


@untouched
def errors_are_not_answered():
    """RFC 4443 section 2.4 (e): no error for an error, nor to nobody."""
    for kind in (1, 2, 3, 4, 100, 127):
        for what, target in TARGETS.items():
            BENCH.expect(f"{what}: ICMPv6 error {kind}", target, above(
                ICMPv6DestUnreach(type=kind) / SYN, target.src, target.dst),
                "drop_upper_layer" if target is SERVICE_ADDR else
                "drop_error_foreign")
    BENCH.expect("from nobody", SERVICE_ADDR, SERVICE_ADDR.packet(
        bare(above(UDP())), src="::"), "drop_upper_layer")


@untouched
def segments_that_are_no_hosts():
    """A segment list must not make a node send to a group or to nobody."""
    for segment_ in INVALID_SEGMENTS:
        BENCH.expect(f"SYN-ACK for the edge {segment_}", SELECTOR,
                     SELECTOR.packet(srh([segment_, SEL_SID, S1], 1)),
                     "drop_malformed")
        BENCH.expect(f"SYN from the selector {segment_}", SERVER,
                     SERVER.packet(srh([S1, segment_, EDGE_SID], 0)),
                     "drop_malformed")
        BENCH.expect(f"SYN-ACK of the server {segment_}", ANSWER,
                     BENCH.answer(BENCH.flow(ANY),
                                  srh([EDGE_SID, segment_], 0), service=ANY),
                     "drop_malformed")
    BENCH.expect("a list longer than any of ours", SERVER,
                 SERVER.packet(srh([S1, *[SEL_SID] * 20], 0)),
                 "drop_malformed")


@untouched
def clients_that_are_no_hosts():
    """RFC 4291: no packet comes from a group, from nobody or from ::1; what
    is inside a tunnel does not get past the checks of those outside.
    """
    for src in ("ff0e::1", "::", "::1"):
        for target in (SERVICE_ADDR, SERVER):
            BENCH.expect(f"{target.dst}: SYN of {src}", target,
                         target.packet(inner(segment(src, SERVICE, "S"))),
                         "drop_malformed")


NODES = [craft.node(64, 7, 900), craft.node(62, 7, 300)]
GOOD_TRACE = craft.ioam(craft.trace(NODES))
UNREADABLE = {
    "no trace header": craft.ioam(bytes(4)),
    "cut within the trace header": craft.ioam(craft.trace(room=0)[:6]),
    "node length 0": craft.ioam(craft.trace(NODES, nodelen=0)),
    "node length 3": craft.ioam(craft.trace(NODES, nodelen=3)),
    "node length 31": craft.ioam(craft.trace(NODES, nodelen=31)),
    "more room than there is": craft.ioam(craft.trace(NODES, remlen=127)),
    "a little more": craft.ioam(craft.trace(NODES, remlen=25)),
    "half a node": craft.ioam(craft.trace(NODES, remlen=14)),
    "no type": craft.ioam(craft.trace(NODES, kind=0)),
    "every type": craft.ioam(craft.trace(NODES, kind=0xffffff)),
    "opaque snapshot": craft.ioam(craft.trace(NODES, kind=0xb40002)),
    "a type with more fields": craft.ioam(craft.trace(NODES, kind=0xb50000)),
    "a wide field": craft.ioam(craft.trace(NODES, kind=0xb08000)),
    "proof of transit": craft.ioam(craft.trace(NODES), kind=1),
    "unknown IOAM type": craft.ioam(craft.trace(NODES), kind=99),
    "two, the first one lies": craft.ioam(craft.trace(
        NODES, remlen=127)) + GOOD_TRACE,
}
UNBELIEVABLE = {
    "no node": craft.ioam(craft.trace()),
    "one node": craft.ioam(craft.trace(NODES[:1])),
    "no hop limit": craft.ioam(craft.trace(NODES, kind=0x7a0000)
                               [:4] + b"\x78\0\0\0" +
                               craft.trace(NODES)[8:]),
    "two servers": craft.ioam(craft.trace([NODES[0],
                                           craft.node(62, 8, 300)])),
    "leaves before it arrives": craft.ioam(craft.trace(
        [craft.node(64, 7, 100), NODES[1]])),
    "a million microseconds": craft.ioam(craft.trace(
        [craft.node(64, 7, 1000000), NODES[1]])),
    "hop limits that only fall": craft.ioam(craft.trace(
        [craft.node(61, 7, 900), NODES[1]])),
}


def traces_that_lie_to_the_selector():
    """A SYN-ACK counts without the telemetry that cannot be believed, and no
    octet of the trace reaches the edge.
    """
    def unknown(*options):
        """Has the answer no telemetry?"""
        before = BENCH.sel.instances()[S1]
        BENCH.emits(BENCH.synack(BENCH.handshake(), trace=options and
                                 craft.hbh(*options)))
        after = BENCH.sel.instances()[S1]
        count = after["no_telemetry"] - before["no_telemetry"]
        if count:
            ktap.equal(after["residence"], before["residence"], "residence")
        return count

    ktap.equal(unknown(GOOD_TRACE), 0, "good")
    ktap.equal(unknown(GOOD_TRACE, craft.ioam(bytes(4))), 0,
               "the first of two counts")
    ktap.equal(unknown(), 1, "none")
    for what, lie in (UNREADABLE | UNBELIEVABLE).items():
        ktap.equal(unknown(lie), 1, what)
    BENCH.no_handshakes()
    BENCH.settle(SELECTOR)


def traces_that_lie_to_the_server():
    """The answer carries what came, without an entry where it cannot be
    written; a trace without room is marked as overflown.
    """
    for what, lie in UNREADABLE.items():
        _, hbh = part = craft.hbh(lie)
        answer = BENCH.server_answers(part, SERVER.srh())
        ktap.equal(answer[41:40 + len(hbh)].hex(), hbh[1:].hex(),
                   f"{what}: Hop-by-Hop header")
    _, hbh = part = craft.hbh(craft.ioam(craft.trace(NODES, room=0)))
    overflown = bytearray(hbh)
    overflown[10] |= 4
    answer = BENCH.server_answers(part, SERVER.srh())
    ktap.equal(answer[41:40 + len(hbh)].hex(), overflown[1:].hex(), "full")
    part = craft.hbh(GOOD_TRACE, bytes([0x1e, 198]) + bytes(198))
    answer = BENCH.server_answers(part, SERVER.srh())
    ktap.equal(header(answer)[0], craft.ROUTING, "longer than any of ours")
    BENCH.settle(SERVER)


def kernel_drops_options_that_lie():
    """Options that end behind their header, or are not aligned."""
    for what, target in TARGETS.items():
        for name, part in (
                ("beyond the header", craft.hbh(craft.ioam(
                    craft.trace(), size=200))),
                ("unaligned", craft.hbh(craft.ioam(craft.trace()), lead=3))):
            before = BENCH.stats[target.node].read()
            BENCH.ports[target.port].send(target.packet(part, target.srh()))
            BENCH.ports[target.port].take(1, 0.05)
            ktap.equal(BENCH.diff(target.node, before), {},
                       f"{what}: {name}")


def answers_while_we_wait():
    """A handshake is open: strangers and repeaters do not move it."""
    port = BENCH.handshake()
    stranger = BENCH.synack(port, src=sid(9))
    BENCH.expect("SYN-ACK of a stranger", SELECTOR, stranger, "drop_foreign")
    BENCH.hosts["sel"].ip("manycast service set web tombstone 2000")
    BENCH.emits(BENCH.synack(port))
    BENCH.expect("late SYN-ACK of a stranger", SELECTOR, stranger,
                 "drop_foreign")
    ktap.equal(BENCH.sel.services()["web"]["open"], 1, "open")
    BENCH.hosts["sel"].ip("manycast service set web tombstone 50")


def mutate(rng, packet, start):
    """Flip, change, double or cut some octets; never the destination."""
    out = bytearray(packet)
    for _ in range(rng.randrange(1, 5)):
        at = rng.choice((6, 7, *range(8, 24), *range(start, len(out)),
                         *range(start, len(out)), *range(start, len(out))))
        how = rng.randrange(4)
        if how == 0:
            out[at] = rng.randrange(256)
        elif how == 1:
            out[at] = rng.choice((0, 1, 127, 128, 255))
        else:
            out[at] ^= 1 << rng.randrange(8)
    if rng.randrange(8) == 0:
        del out[rng.randrange(40, len(out)):]
    elif rng.randrange(8) == 0:
        out += rng.randbytes(rng.randrange(1, 64))
    out[4:6] = struct.pack("!H", len(out) - 40)
    return bytes(out)


def snmp_drops(node):
    """Packets that the kernel has dropped before they are routed."""
    with BENCH.hosts[node], open("/proc/net/snmp6", encoding="ascii") as f:
        table = dict(line.split() for line in f)
    return sum(int(table["Ip6In" + k]) for k in (
        "HdrErrors", "TruncatedPkts", "AddrErrors", "UnknownProtos",
        "Discards"))


def accounted(node):
    """How many packets have found a place in some counter."""
    count = snmp_drops(node)
    stats = BENCH.stats[node].read()
    count += sum(v for k, v in stats.items() if k.startswith("drop_"))
    count += sum(stats[k] for k in (
        "passed_on", "delivered", "edge_learned", "edge_again", "edge_rival",
        "edge_reset"))
    if node == "sel":
        for service in BENCH.sel.services().values():
            count += sum(service[k] for k in (
                "syn", "syn_again", "stateless", "steered", "synack",
                "refused", "emit_again", "drop_no_instance", "drop_full",
                "drop_no_state"))
    return count


def fuzz(target, seeds, count):
    """Mutations of good packets, and garbage behind a good IPv6 header."""
    rng = random.Random(f"{target.dst} {count}")
    port = BENCH.ports[target.port]
    before, sent = accounted(target.node), 0
    for number in range(count):
        if number % 8:
            packet = mutate(rng, rng.choice(seeds), 40)
        else:
            octets = rng.randbytes(rng.randrange(0, 200))
            packet = chain(target.src, target.dst, (rng.choice(
                (craft.TCP_, craft.IPV6_, craft.ROUTING, craft.DESTOPT,
                 craft.HOP, rng.randrange(256))), octets))
        port.send(packet)
        sent += len(port.drain())
    BENCH.last = f"garbage to {target.dst}"
    for other in BENCH.ports.values():
        sent += len(other.take(1, 0.1))
    ktap.true(sent <= 4 * count, f"{sent} packets came of {count}")
    ktap.true(accounted(target.node) - before >= count,
              f"{target.dst}: {accounted(target.node) - before} of {count} "
              "packets are accounted for")


def mutations_and_garbage():
    """Thousands of them on every SID, and afterwards all works as before."""
    BENCH.timeout(100)
    trace = craft.hbh(GOOD_TRACE)
    tlvs = {"tlvs": bytes([4, 6]) + bytes(6)}
    for target in TARGETS.values():
        seeds = [target.packet(*parts) for parts in (
            (target.srh(),), (trace, target.srh()),
            (destopt(), target.srh(**tlvs)), (inner(target.payload),))]
        if target is SERVICE_ADDR:
            seeds += [SYN, segment(CLIENT, SERVICE, "PA", payload=b"x" * 50)]
        fuzz(target, seeds, 200 if ktap.SLOW else 600)
    BENCH.no_handshakes()
    BENCH.timeout(5000)
    # Half-open connections go with their listener.
    BENCH.listener.close()
    BENCH.listener = BENCH.listen()


def mutations_at_the_edge():
    """What clients send: forwarded, or dropped under a name."""
    rng = random.Random(4)
    seeds = [segment(CLIENT, SERVICE, "A", ack=1, payload=b"x" * 50),
             chain(CLIENT, SERVICE, destopt(), bare(segment(
                 CLIENT, SERVICE, "A"))),
             chain(CLIENT, SERVICE, inner(SYN))]
    for _ in range(600):
        BENCH.ports["lan0"].send(mutate(rng, rng.choice(seeds), 40))
        for port in BENCH.ports.values():
            port.drain()


def no_flow_was_left():
    """The edge holds the flows of the good SYNs and no other: those that it
    has room for push nobody out, and one more does.
    """
    ktap.equal(BENCH.stats["edge"].read()["edge_evicted"], 0, "evicted")
    while BENCH.flows < FLOWS:
        BENCH.flow()
    ktap.equal(BENCH.stats["edge"].read()["edge_evicted"], 0, "with room")
    BENCH.flow()
    ktap.equal(BENCH.stats["edge"].read()["edge_evicted"], 1, "without")


def everything_still_works():
    BENCH.all_works()


CASES = [nothing_is_wrong, truncated, outer_length_lies,
         truncated_at_the_edge, not_for_steering,
         segments_left_and_last_entry, broken_routing_headers,
         unknown_routing_type, routing_types_without_segments_left,
         upper_layers, a_bare_syn_behind_options, inner_protocols,
         inner_protocols_at_the_server, inner_lengths_lie, fragments,
         in_fragments, fragments_that_stay_alone,
         header_chains, foreign_sources, nothing_is_told_to_foreigners,
         out_of_place, services_count_their_own, answers_at_the_edge,
         hop_limits, hop_limits_at_the_edge, errors_are_not_answered,
         segments_that_are_no_hosts, clients_that_are_no_hosts,
         traces_that_lie_to_the_selector, traces_that_lie_to_the_server,
         kernel_drops_options_that_lie, answers_while_we_wait,
         no_flow_was_left, mutations_and_garbage, mutations_at_the_edge,
         everything_still_works]


if __name__ == "__main__":
    BENCH = Bench()
    try:
        ktap.run([after_a_case(case) for case in CASES])
    finally:
        BENCH.close()
