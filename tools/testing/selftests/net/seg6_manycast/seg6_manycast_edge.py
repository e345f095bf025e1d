#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 20
"""The edge of design section 3, which decides what its clients' flows are.

The edge is the only real host: a gateway, and a host that is its own edge. The
test plays the gateway's clients, the selector and the servers.
"""

import itertools
import os
import socket
import struct
import time

from lib import ktap
from lib.handshake import Attempt, NUMBER, isn_of
from lib.ktap import equal, true, wait_for
from lib.netns import Netns
from lib.selector import counted
from lib.topology import (CLIENT, EDGE_SID, OWN, OWN_SID, PREFIX,
                          SERVICE)
from lib.wire import GATEWAY, Wire, flags, innermost
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6ExtHdrSegmentRouting

WAYPOINT = "fc00:5:99::1"


class Edge:
    """Routes of an edge whose own SID is given."""

    def __init__(self, name, own_sid):
        self.ns, self.sid = Netns(name), own_sid
        self.ports = itertools.count(1024)
        self.before = None

    def configure(self, servers="fc00:5::/32", limit=65536):
        self.ns.later(f"route replace {PREFIX} encap seg6local "
                      f"action H.MAnycast sid {self.sid} servers {servers} "
                      f"limit {limit} via {GATEWAY} dev r1")
        self.ns.flush()

    def stats(self):
        return self.ns.ip_json("-s manycast show")["stats"]

    def begin(self):
        self.before = self.before or self.stats()

    def expect(self, **stats):
        """Counters since the case began; those not named are zero."""
        before, self.before = self.before, self.stats()
        equal(counted(self.before, before), stats, "counters")


class Gateway(Edge):
    """Between the clients and r1."""

    def __init__(self, name="edge"):
        super().__init__(name, EDGE_SID)
        ns = self.ns
        self.inside = Wire(ns, "client", "2001:db8:c::1/64", CLIENT)
        self.outside = Wire(ns, "r1", "fd00:1::2/64", "fd00:1::1")
        ns.later(f"route add default via {GATEWAY} dev r1")
        ns.later(f"route add {EDGE_SID}/128 encap seg6local "
                 "action End.MAnycast.C acl fc00:a::/32 dev r1")
        self.configure()
        self.inside.ready()
        self.outside.ready()

    def remove(self):
        self.inside.remove()
        self.outside.remove()
        self.ns.remove()


class Flow(Attempt):
    """A client's flow through the gateway."""

    def __init__(self, host, **more):
        more.setdefault("port", next(host.ports))
        super().__init__(**more)
        self.host = host
        self.mss = None

    def tell(self, packet):
        inner = innermost(packet)
        if inner.dst == self.client:
            equal(packet, inner, "bare, for the client")
            if flags(inner) == "SA":
                self.mss = dict(inner[TCP].options)["MSS"]
            return self.to_client(packet)
        letters = self._inner(packet, True)
        if packet is inner:
            return f"{letters} bare"
        equal(packet.src, self.host.sid, "outer source")
        if letters == "S":
            equal(packet.dst, self.service, "outer destination")
            equal(inner[TCP].seq, self.isn, "ISN")
            return "SYN to selector"
        to = packet.dst
        if IPv6ExtHdrSegmentRouting in packet:
            srh = packet[IPv6ExtHdrSegmentRouting]
            equal((srh.addresses[srh.segleft], srh.segleft), (to, 1), "SL")
            return f"{letters} to s{NUMBER[srh.addresses[0]]} by waypoint"
        if letters == "R":
            equal((inner[TCP].seq, inner[TCP].ack), (self.isn + 1, 0),
                  "SEQ, ACK")
        return f"{letters} to s{NUMBER[to]}"

    def _gather(self, inside, outside):
        return sorted(self.tell(p) for p in
                      self.host.inside.exchange(*inside) +
                      self.host.outside.exchange(*outside) +
                      self.host.inside.exchange())

    def out(self, *segments):
        """The client sends."""
        return self._gather(segments, ())

    def into(self, *packets):
        """The selector sends."""
        return self._gather((), packets)

    def connect(self):
        return self.out(self.tcp("S", self.isn))

    def accepted(self, i, waypoints=()):
        """Packet 4: the SYN-ACK of server i."""
        return self.into(self.to_edge(i, self.synack(i), waypoints))

    def refused(self, i):
        return self.into(self.to_edge(i, self.reset()))

    def acks(self, i, payload=b"", letters="A"):
        return self.out(self.ack(i, payload, letters))

    def abort(self):
        """The client wants none of it."""
        return self.out(self.tcp("R", self.isn + 1))

    def establish(self, i=1):
        self.connect()
        self.accepted(i)
        equal(self.acks(i), [f"A to s{i}"], "the ACK")


class Own(Edge):
    """A client that is its own edge."""

    def __init__(self):
        super().__init__("own", OWN_SID)
        self.wire = Wire(self.ns, "r1", OWN + "/64", "2001:db8:d::1")
        self.ns.later(f"route add default via {GATEWAY} dev r1")
        self.ns.later(f"route add {OWN_SID}/128 encap seg6local "
                      "action End.MAnycast.C acl fc00:a::/32 dev r1")
        self.configure()
        self.wire.ready()

    def connect(self):
        """A real socket and its SYN; returns the socket and its flow."""
        with self.ns:
            sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.connect_ex((SERVICE, 80))
        flow = OwnFlow(self, sock.getsockname()[1])
        equal(flow.send(), ["SYN to selector"], "a real SYN")
        return sock, flow

    def remove(self):
        self.wire.remove()
        self.ns.remove()


class OwnFlow(Flow):
    def __init__(self, host, port):
        super().__init__(host, port=port, client=OWN, edge=OWN_SID)

    def tell(self, packet):
        if flags(innermost(packet)) == "S":
            self.isn = innermost(packet)[TCP].seq
        return super().tell(packet)

    def send(self, *packets):
        return [self.tell(p) for p in self.host.wire.exchange(*packets)]

    into = send


MADE = {}


def the(kind):
    """The one host of a kind, made when it is needed."""
    if kind not in MADE:
        MADE[kind] = kind()
    return MADE[kind]


CASES = []


def case(kind):
    """A function of a host becomes a case without arguments."""
    def wrap(function):
        def run():
            host = the(kind)
            host.begin()
            before, done = host.before, False
            try:
                function(host)
                done = host.before is not before
            finally:
                if not done:
                    host.before = None
        run.__name__ = function.__name__
        CASES.append(run)
        return run
    return wrap


def limited(function):
    """The same, of a gateway with an empty table of a limited size."""
    def run():
        host = Gateway("small")
        try:
            function(host)
        finally:
            host.remove()
    run.__name__ = function.__name__
    CASES.append(run)
    return run


# A flow begins.

@case(Gateway)
def a_syn_goes_to_the_selector_always(e):
    f = Flow(e)
    equal(f.connect(), ["SYN to selector"], "the SYN")
    equal(f.connect(), ["SYN to selector"], "again")
    f.accepted(1)
    equal(f.connect(), ["SYN to selector"], "again, though learned")
    e.expect(edge_syn=3, edge_learned=1)


@case(Gateway)
def a_synack_is_learned_and_delivered(e):
    f = Flow(e)
    f.connect()
    equal(f.accepted(2), ["SYN-ACK of s2 to client"], "the SYN-ACK")
    equal(f.mss, 1400, "MSS, less an IPv6 header")
    equal(f.acks(2), ["A to s2"], "the ACK")
    equal(f.acks(2, b"GET", "PA"), ["PA to s2"], "data")
    equal(f.accepted(2), ["SYN-ACK of s2 to client"], "the ACK was lost")
    equal(f.acks(2), ["A to s2"], "the ACK again")
    e.expect(edge_syn=1, edge_learned=1, edge_again=1, edge_steered=3)


@case(Gateway)
def a_waypoint_is_learned_too(e):
    f = Flow(e)
    f.connect()
    equal(f.accepted(2, [WAYPOINT]), ["SYN-ACK of s2 to client"], "delivered")
    equal(f.mss, 1360, "MSS, less an IPv6 header and an SRH")
    equal(f.acks(2), ["A to s2 by waypoint"], "the ACK")
    e.expect(edge_syn=1, edge_learned=1, edge_steered=1)


# Two servers have accepted.

@case(Gateway)
def the_clients_ack_keeps_the_older(e):
    f = Flow(e)
    f.connect()
    f.accepted(1)
    equal(f.accepted(2), ["SYN-ACK of s2 to client"], "the newer")
    equal(f.acks(1), ["A to s1", "R to s2"], "the client has chosen")
    equal(f.acks(1, b"GET", "PA"), ["PA to s1"], "data")
    e.expect(edge_syn=1, edge_learned=1, edge_rival=1, edge_reset=1,
             edge_steered=2)


@case(Gateway)
def the_clients_ack_keeps_the_newer(e):
    f = Flow(e)
    f.connect()
    f.accepted(1)
    f.accepted(2)
    equal(f.accepted(1), ["SYN-ACK of s1 to client"], "the older again")
    equal(f.accepted(2), ["SYN-ACK of s2 to client"], "the newer again")
    equal(f.acks(2), ["A to s2", "R to s1"], "the client has chosen")
    equal(f.acks(2, b"GET", "PA"), ["PA to s2"], "data")
    equal(f.accepted(2), ["SYN-ACK of s2 to client"], "the ACK was lost")
    equal(f.accepted(1), ["R to s1"], "the loser again")
    e.expect(edge_syn=1, edge_learned=1, edge_rival=1, edge_again=3,
             edge_reset=2, edge_steered=2)


@case(Gateway)
def a_third_is_reset_at_once(e):
    f = Flow(e)
    f.connect()
    f.accepted(1)
    f.accepted(2)
    equal(f.accepted(3), ["R to s3"], "not delivered")
    equal(f.acks(2), ["A to s2", "R to s1"], "the client has chosen")
    e.expect(edge_syn=1, edge_learned=1, edge_rival=1, edge_reset=2,
             edge_steered=1)


@case(Gateway)
def after_the_clients_ack_another_is_reset(e):
    f = Flow(e)
    f.establish(1)
    equal(f.accepted(2), ["R to s2"], "not delivered")
    equal(f.acks(1, b"GET", "PA"), ["PA to s1"], "data")
    equal(f.acks(1, b"", "FA"), ["FA to s1"], "the client's FIN")
    equal(f.accepted(3), ["R to s3"], "not delivered")
    e.expect(edge_syn=1, edge_learned=1, edge_reset=2, edge_steered=3)


@case(Gateway)
def a_client_that_wants_none_resets_both(e):
    """Its RST says the same to both: SEQ is what either has acknowledged."""
    f = Flow(e)
    f.connect()
    f.accepted(1)
    f.accepted(2)
    equal(f.abort(), ["R to s1", "R to s2"], "the client's RST")
    e.expect(edge_syn=1, edge_learned=1, edge_rival=1, edge_reset=1,
             edge_steered=1)


@case(Gateway)
def after_the_clients_rst_another_is_reset(e):
    f = Flow(e)
    f.connect()
    f.accepted(1)
    equal(f.abort(), ["R to s1"], "the client's RST")
    equal(f.accepted(2), ["R to s2"], "no client for it")
    e.expect(edge_syn=1, edge_learned=1, edge_reset=1, edge_steered=1)


# What nobody has asked for.

@case(Gateway)
def what_was_not_asked_for_is_dropped(e):
    f = Flow(e)
    equal(f.accepted(1), [], "no SYN")
    equal(f.refused(1), [], "no SYN")
    f.connect()
    old = Flow(e, port=f.port, isn=f.isn - 1)
    equal(old.refused(1), [], "of another ISN")
    equal(f.accepted(2), ["SYN-ACK of s2 to client"], "asked for")
    e.expect(edge_syn=1, edge_learned=1, drop_not_asked=3)


@case(Gateway)
def what_the_client_has_given_up_is_reset(e):
    """It would do so itself. Nobody else ends that half-open socket, which
    moreover has the 4-tuple of the client's present attempt.
    """
    f = Flow(e)
    f.connect()
    again = Flow(e, port=f.port, isn=f.isn + 1)
    again.connect()
    equal(f.accepted(1), ["R to s1"], "of the older attempt")
    equal(again.accepted(2), ["SYN-ACK of s2 to client"], "asked for")
    equal(again.acks(2), ["A to s2"], "the ACK")
    equal(f.accepted(3), ["R to s3"], "of the older attempt")
    e.expect(edge_syn=2, edge_learned=1, edge_steered=1, edge_reset=2)


@case(Gateway)
def a_server_outside_the_prefix_is_not_learned(e):
    f = Flow(e)
    f.connect()
    packet = f.to_edge(1, f.synack(1))
    packet[IPv6ExtHdrSegmentRouting].addresses[1] = "fc00:6:1::1"
    equal(f.into(packet), [], "its SID")
    equal(f.accepted(1, ["fc00:6::1"]), [], "its waypoint")
    equal(f.accepted(1), ["SYN-ACK of s1 to client"], "inside")
    e.expect(edge_syn=1, edge_learned=1, drop_servers=2)


@case(Gateway)
def a_new_attempt_goes_by_the_new_prefix(e):
    f = Flow(e)
    f.establish()
    e.configure(servers="fc00:6::/32")
    again = Flow(e, port=f.port, isn=f.isn + 1000)
    again.connect()
    e.configure()
    equal(again.accepted(1), [], "outside of what was there with its SYN")
    e.expect(edge_syn=2, edge_learned=1, edge_steered=1, drop_servers=1)


# Refusals.

@case(Gateway)
def a_refusal_is_delivered_to_a_client_that_waits(e):
    f = Flow(e)
    f.connect()
    equal(f.refused(1), ["RST of a server to client"], "all have refused")
    open_one = Flow(e)
    open_one.establish()
    equal(open_one.refused(1), [], "after the client's ACK")
    opening = Flow(e)
    opening.connect()
    opening.accepted(1)
    equal(opening.refused(2), [], "of another than the one who accepted")
    equal(opening.refused(1), ["RST of a server to client"], "of this one")
    e.expect(edge_syn=3, edge_learned=2, edge_steered=1, drop_not_asked=2)


@case(Gateway)
def a_refusal_may_be_lost_on_its_way_to_the_client(e):
    """The client then repeats its SYN, and may be accepted, or refused."""
    f = Flow(e)
    f.connect()
    for _ in range(2):
        equal(f.refused(1), ["RST of a server to client"], "all have refused")
        equal(f.connect(), ["SYN to selector"], "the SYN again")
    equal(f.accepted(2), ["SYN-ACK of s2 to client"], "one accepts")
    equal(f.acks(2), ["A to s2"], "the ACK")
    e.expect(edge_syn=3, edge_learned=1, edge_steered=1)


# The same 4-tuple, restarts, limits.

@case(Gateway)
def another_isn_on_the_same_4_tuple_begins_anew(e):
    f = Flow(e)
    f.establish(1)
    again = Flow(e, port=f.port, isn=f.isn + 100000)
    equal(again.connect(), ["SYN to selector"], "the new SYN")
    equal(f.accepted(3), ["R to s3"], "of the old attempt")
    equal(again.accepted(2), ["SYN-ACK of s2 to client"], "of the new one")
    equal(again.acks(2), ["A to s2"], "the ACK")
    equal(again.acks(2, b"GET", "PA"), ["PA to s2"], "data")
    e.expect(edge_syn=2, edge_learned=2, edge_steered=3, edge_reset=1)


@case(Gateway)
def the_old_server_may_be_told_that_its_client_is_gone(e):
    """It answers the new SYN with a challenge ACK, which the client resets:
    that is the old connection's end, and not the new attempt's.
    """
    f = Flow(e)
    f.establish(1)
    again = Flow(e, port=f.port, isn=f.isn + 100000)
    again.connect()
    equal(f.out(f.tcp("R", f.isn + 1)), ["R to s1"], "to the old server")
    equal(again.accepted(2), ["SYN-ACK of s2 to client"], "the new one's")
    equal(again.acks(2), ["A to s2"], "the ACK")
    e.expect(edge_syn=2, edge_learned=2, edge_steered=3)


@case(Gateway)
def an_edge_that_has_forgotten_sends_it_on_bare(e):
    f = Flow(e)
    equal(f.acks(1, b"GET", "PA"), ["PA bare"], "a flow from before")
    e.expect(edge_unknown=1)


@limited
def a_full_table_forgets_half_open_flows_first(e):
    e.configure(limit=4)
    done = [Flow(e) for _ in range(2)]
    half = [Flow(e) for _ in range(2)]
    others = [Flow(e) for _ in range(3)]
    for f in done:
        f.establish()
    for f in half:
        f.connect()
        f.accepted(1)
    fill(e, others)
    equal([f.acks(1) for f in done], [["A to s1"]] * 2, "established flows")
    equal([f.acks(1) for f in half], [["A bare"]] * 2, "half-open flows")
    equal(others[2].accepted(1), ["SYN-ACK of s1 to client"], "the youngest")
    equal(others[0].accepted(1), [], "the oldest is forgotten")


def fill(e, flows):
    """New attempts push out so many old ones."""
    for f in flows:
        f.connect()
    equal(e.stats()["edge_evicted"], len(flows), "pushed out")


@limited
def a_full_table_forgets_what_was_idle_for_longest(e):
    e.configure(limit=3)
    flows = [Flow(e) for _ in range(3)]
    for f in flows:
        f.establish()
    time.sleep(0.05)    # some jiffies
    for f in flows[0], flows[2]:
        f.acks(1, b"more", "PA")
    fill(e, [Flow(e)])
    equal([f.acks(1) for f in flows],
          [["A to s1"], ["A bare"], ["A to s1"]], "one of three is forgotten")


@limited
@ktap.large
def a_flood_finds_its_limit(e):
    e.configure(limit=20)
    syns = [f.tcp("S", f.isn) for f in [Flow(e) for _ in range(200)]]
    e.inside.send(*syns)
    equal(len(e.outside.exchange()), 200, "SYNs for the selector")
    equal(e.stats()["edge_evicted"], 180, "pushed out")


@limited
def a_lower_limit_holds(e):
    flows = [Flow(e) for _ in range(10)]
    for f in flows:
        f.establish()
    e.configure(limit=3)
    Flow(e).connect()
    known = [f for f in flows if f.acks(1) == ["A to s1"]]
    true(len(known) <= 2, f"{len(known)} of ten and a new one")


SWEPT = 16.0    # ten seconds of a RST, five between sweeps


@case(Gateway)
def a_flow_that_was_reset_is_forgotten(e):
    """Looking at a flow renews it, so there is one for each look."""
    since, flows = EARLY or reset_flows(e)
    time.sleep(max(0, since + SWEPT - time.monotonic()))
    wait_for(lambda: flows.pop().acks(1) == ["A bare"], "forgotten",
             timeout=30, step=1)


def reset_flows(e):
    flows = [Flow(e) for _ in range(10)]
    for f in flows:
        f.establish()
        equal(f.abort(), ["R to s1"], "the client's RST")
    return time.monotonic(), flows


EARLY = []


# A host that is its own edge.

@case(Own)
def a_real_socket_connects(e):
    sock, f = e.connect()
    equal(f.accepted(2), ["A to s2"], "the SYN-ACK, and the kernel's ACK")
    sock.send(b"GET")
    equal(f.send(), ["PA to s2"], "data")
    f.send(f.reply("PA", isn_of(2) + 1) / b"200")
    equal(sock.recv(10), b"200", "bare data from the server")
    mss = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
    true(1200 < mss <= 1400, f"MSS {mss}, less an IPv6 header")
    equal(f.accepted(3), ["R to s3"], "another server's")
    equal(f.accepted(2), ["A to s2"], "the same server's again")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()
    equal(f.send(), ["RA to s2"], "the client aborts")


@case(Own)
def a_real_socket_is_refused(e):
    sock, f = e.connect()
    f.refused(1)
    equal(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 111,
          "ECONNREFUSED")
    sock.close()


@case(Own)
def a_synack_for_a_socket_that_is_gone(e):
    """The kernel answers with a RST, which finds its way to the server."""
    sock, f = e.connect()
    sock.close()
    equal(f.accepted(2), ["R to s2"], "the kernel's RST")


if __name__ == "__main__":
    try:
        if "TESTS" not in os.environ:
            EARLY += reset_flows(the(Gateway))
        ktap.run(CASES)
    finally:
        for made in MADE.values():
            made.remove()
