#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 20
"""Hunting for a server: SYNs that visit their candidates in turn, and what is
learnt from hunts for connections. Here the selector is the only real host, then
the whole topology is. What servers do with such packets is in
seg6_manycast_offer.py.
"""

import random
import time

from lib import ktap, traffic
from lib.handshake import NUMBER, trace_of
from lib.ktap import equal, true
from lib.selector import case, run
from lib.topology import EDGE_SID, SEL_SID, SERVICE, Topology, sid
from lib.wire import innermost
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrSegmentRouting

NOTICE = 0x8000
PORT = 7000
CASES = []


def hunt(**words):
    """A case with a service that hunts."""
    def wrap(function):
        CASES.append(case(mode="hunt", **words)(function))
        return CASES[-1]
    return wrap


def ask(attempt, **more):
    """Send the SYN; the candidates, in the order in which it visits them."""
    told, = attempt.connect(**more)
    true(told.startswith("SYN to s"), told)
    return [int(word.strip("s,")) for word in told.split()[2:]]


# SYNs, at the selector.

@hunt()
def one_syn_visits_all_in_turn(s):
    first = set()
    for edge in (EDGE_SID, None) * 12:
        order = ask(s.attempt(edge=edge))
        equal(sorted(order), [1, 2, 3], "candidates")
        first.add(order[0])
    equal(first, {1, 2, 3}, "who is the first of all")
    s.expect(open=24, syn=24, copy=24)


@hunt()
def who_answers_has_won(s):
    for edge, where in (EDGE_SID, "edge"), (None, "client"):
        a = s.attempt(edge=edge)
        second = ask(a)[1]
        equal(a.accept(second), [f"SYN-ACK of s{second} to {where}"],
              "nobody is reset")
        equal(a.connect(), [f"SYN to s{second}"], "the SYN again")
    equal(a.send(a.ack(second)), [f"A to s{second}"], "the client's ACK")
    s.expect(open=2, syn=2, syn_again=2, copy=4, synack=2, decided=2,
             pinned=1, steered=1)


@hunt()
def the_syn_again_begins_with_the_next(s):
    a = s.attempt()
    order = ask(a)
    for _ in range(4):
        order = order[1:] + order[:1]
        equal(ask(a), order, "asked again")
    s.expect(open=1, syn=1, syn_again=4, copy=5)


@hunt()
def who_was_late_is_reset(s):
    """Two may have it, when a SYN is repeated."""
    a = s.attempt()
    first = ask(a)[0]
    second = ask(a)[0]
    equal(a.accept(second), [f"SYN-ACK of s{second} to edge"], "first")
    equal(a.accept(first), [f"RST to s{first}"], "late")
    s.expect(open=1, syn=1, syn_again=1, copy=2, synack=1, decided=1, reset=1)


@hunt()
def the_last_one_refuses_for_all(s):
    a = s.attempt()
    last = ask(a)[-1]
    equal(a.refuse(last), [f"RST of s{last} to edge"], "relayed at once")
    s.expect(open=0, syn=1, copy=1, refused=1, all_refused=1)


@hunt()
def another_one_refuses_for_itself(s):
    a = s.attempt()
    first, *rest = ask(a)
    equal(a.refuse(first), [], "others may accept")
    equal(sorted(ask(a)), sorted(rest), "asked again")
    equal(a.accept(rest[0]), [f"SYN-ACK of s{rest[0]} to edge"], "accepts")
    s.expect(open=1, syn=1, syn_again=1, copy=2, refused=1, synack=1,
             decided=1)


@hunt()
def the_last_one_is_that_of_the_latest_syn(s):
    a = s.attempt()
    before = ask(a)
    after = ask(a)
    equal(after[-1], before[0], "the last one now")
    equal(a.refuse(before[-1]), [], "the last one before")
    equal(a.refuse(after[-1]), [f"RST of s{after[-1]} to edge"], "now")
    s.expect(open=0, syn=1, syn_again=1, copy=2, refused=2, all_refused=1)


@hunt(rate=1)
def nothing_is_replicated(s):
    """So neither a rate nor what is in the SYN is a reason for less."""
    fast_open = (("MSS", 1440), (34, b"12345678"))
    for more in {}, {"payload": b"GET /"}, {"options": fast_open}, {}, {}:
        a = s.attempt()
        equal(sorted(ask(a, **more)), [1, 2, 3], f"candidates: {more}")
        for packet in a.asked.values():
            equal(len(innermost(packet)[TCP].payload), 0, "data")
        equal(len(ask(a)), 3, "again")
    s.expect(open=5, syn=5, syn_again=5, copy=10)


@hunt(instances=8, candidates="random", fanout=8)
def five_have_room(s):
    equal(len(set(ask(s.attempt()))), 5, "candidates")
    equal(len(set(ask(s.attempt(edge=None)))), 5, "without an edge")


@hunt(instances=1)
def one_alone_is_asked_as_ever(s):
    a = s.attempt()
    equal(ask(a), [1], "candidates")
    equal(a.refuse(1), ["RST of s1 to edge"], "it refuses")


@hunt(instances=4, candidates="hash", fanout=3)
def the_ranks_are_the_order(s):
    """The same as of those that a race would ask, and of a later hunt."""
    for _ in range(8):
        a = s.attempt(edge=None)
        order = ask(a)
        packet, = s.wire.exchange(s.attempt(
            edge=None, port=a.port, isn=1).tcp("A", 5, 5))
        later = [NUMBER[x] for x in
                 reversed(packet[IPv6ExtHdrSegmentRouting].addresses)]
        equal(later[:3], order, "candidates")


@hunt(instances=0)
def waypoints_are_on_the_way(s):
    """And are not candidates, as the Tag tells."""
    for i, segs in (1, "fc00:9::1,fc00:9::2"), (2, ""):
        s.later("instance add service", s.name, "sid", sid(i),
                f"segs {segs}" if segs else "")
    s.sel.ns.flush()
    seen = set()
    for _ in range(16):
        packet, = s.wire.exchange(s.attempt().syn())
        srh = packet[IPv6ExtHdrSegmentRouting]
        way = [sid(1), "fc00:9::2", "fc00:9::1"]
        first = srh.segleft == 3 and srh.addresses[3] == sid(2)
        equal((srh.addresses, srh.tag),
              ([*way, sid(2), SEL_SID, EDGE_SID], 0b11001) if first else
              ([sid(2), *way, SEL_SID, EDGE_SID], 0b10011),
              "segment list, Tag")
        equal((srh.segleft, packet.dst),
              (3, sid(2) if first else "fc00:9::1"), "where it goes first")
        seen.add(first)
    equal(seen, {True, False}, "each was the first")


@hunt(timeout=50, hold=1, tombstone=1500)
def it_lasts_for_the_next_syn(s):
    """A second later, and not only for `timeout`."""
    a = s.attempt()
    ask(a)
    for _ in range(2):
        time.sleep(ktap.TIME_FACTOR)
        ask(a)
    s.expect(open=1, syn=1, syn_again=2, copy=3)


@hunt(tombstone=100, timeout=50, hold=1)
def it_ends_unanswered(s):
    ask(s.attempt())
    s.quiet()
    s.expect(open=0, syn=1, copy=1, timeout=1)


@hunt(candidates="least", fanout=2)
def loads_are_learnt(s):
    """Who has told the least is visited first, so the trace is there."""
    for load in 1000, 400, 20:
        a = s.attempt()
        who = ask(a)[0]
        true(trace_of(a.asked[who]), "a trace")
        a.accept(who, load=load)
    loads = {NUMBER[x["sid"]]: x.get("load")
             for x in s.sel.ns.instances(s.name)}
    equal(sorted(loads.values()), [20, 400, 1000], "loads")
    equal(loads[ask(s.attempt())[0]], 20, "the first's load")


# Connections, at the selector.

def hunted(a, s, letters="A"):
    """Send a segment: the candidates, first to last, and the Tag."""
    packet, = s.wire.exchange(a.ack(1, letters=letters))
    srh = packet[IPv6ExtHdrSegmentRouting]
    return ([NUMBER[x] for x in reversed(srh.addresses)], srh.tag)


def notice(a, i, source=None, letters="A"):
    """Server i has the connection."""
    return IPv6(src=source or sid(i), dst=SEL_SID) / a.ack(
        1, letters=letters)


def learn(function):
    CASES.append(case(candidates="hash")(function))


@learn
def a_hunted_connection_is_pinned_again(s):
    for _ in range(5):
        a = s.attempt(edge=None)
        order, tag = hunted(a, s)
        equal((sorted(order), tag), ([1, 2, 3], NOTICE | 0b111), "a hunt")
        has = random.choice(order)
        equal(a.send(notice(a, has)), [], "the notice")
        equal(hunted(a, s), ([has], 0), "the next packet")
    s.expect(hunted=5, learnt=5, pinned=5, steered=5)


@learn
def a_notice_counts_once_and_when_asked_for(s):
    a = s.attempt(edge=None)
    equal(a.send(notice(a, 1)), [], "nobody has asked")
    hunted(a, s)
    a.send(notice(a, 2), notice(a, 3), notice(a, 2))
    equal(hunted(a, s), ([2], 0), "the first one counted")
    other = s.attempt(edge=None)
    equal(a.send(notice(other, 1)), [], "of a flow that was not hunted for")
    equal(len(hunted(other, s)[0]), 3, "it is now")
    s.later("instance del service", s.name, "sid", sid(2))
    s.later("instance add service", s.name, "sid", sid(2))
    s.sel.ns.flush()
    ktap.wait_for(lambda: not s.sel.ns.service(s.name)["pinned_now"],
                  "the pin goes")
    a.send(notice(a, 2))
    equal(len(hunted(a, s)[0]), 3, "the notice again")
    s.expect(hunted=3, learnt=1, pinned=1, steered=1,
             host={"drop_duplicate": 5})


@learn
def strangers_notices_change_nothing(s):
    a = s.attempt(edge=None)
    hunted(a, s)
    a.send(notice(a, 1, source="fc00:5:99::1"),
           notice(a, 1, source="2001:db8:e::7"),
           notice(a, 1, letters="R"), notice(a, 1, letters="S"))
    equal(len(hunted(a, s)[0]), 3, "still hunted for")
    s.expect(hunted=2, host={"drop_foreign": 1, "drop_acl": 1,
                             "drop_no_state": 1, "drop_no_service": 1})


@learn
def a_server_of_two_services(s):
    """The flow tells which one is meant."""
    s.later("service add twin sid", SEL_SID, "candidates hash")
    for i in 1, 2, 3:
        s.later("instance add service twin sid", sid(i))
    s.sel.ns.flush()
    try:
        for i in 1, 2, 3:
            a = s.attempt(edge=None)
            hunted(a, s)
            a.send(notice(a, i))
            equal(hunted(a, s), ([i], 0), "the next packet")
        equal(s.sel.ns.service("twin")["stats"]["learnt"], 0, "of the other")
    finally:
        s.sel.ns.ip("manycast service del twin")
    s.expect(hunted=3, learnt=3, pinned=3, steered=3)


@learn
def who_connects_anew_goes_where_it_is_told(s):
    """What was learnt of the connection before makes way; and a notice that
    is late does not change it.
    """
    a = s.attempt(edge=None)
    hunted(a, s)
    a.send(notice(a, 1))
    equal(hunted(a, s), ([1], 0), "learnt")
    a.isn += 100000
    a.connect()
    a.accept(2)
    equal(a.send(a.ack(2)), ["A to s2"], "the new connection")
    a.send(notice(a, 1))
    equal(a.send(a.ack(2)), ["A to s2"], "and still")
    s.expect(open=1, syn=1, copy=3, synack=1, decided=1, hunted=1, learnt=1,
             pinned=2, steered=3, host={"drop_duplicate": 1})


@hunt(candidates="hash", affinity="hunt")
def who_pins_nothing_asks_nothing(s):
    a = s.attempt(edge=None)
    equal(hunted(a, s)[1], 0b111, "Tag")
    a.send(notice(a, 1))
    equal(len(hunted(a, s)[0]), 3, "hunted for")
    s.expect(hunted=2, host={"drop_duplicate": 1})


@hunt(candidates="hash", pins=2)
def a_full_table_learns_nothing(s):
    several = [s.attempt(edge=None) for _ in range(4)]
    for a in several:
        equal(hunted(a, s)[1] & NOTICE, NOTICE, "asked")
    for a in several:
        a.send(notice(a, 1))
    for n, a in enumerate(several):
        order, tag = hunted(a, s)
        equal((len(order), tag & NOTICE), (1 if n < 2 else 3, 0),
              "candidates, asked")
    s.expect(hunted=6, learnt=2, pinned=2, steered=2,
             host={"drop_duplicate": 2})


# The whole topology.

WORDS = "mode hunt candidates hash"


class Network:
    """The topology, and a server on each of its hosts that says its name."""

    def __init__(self):
        self.topology = t = Topology(servers=3, nginx=False,
                                     service=WORDS, prefix="h-")
        self.clients = {"client": t.client, "own": t.own,
                        "unaware": t.add_unaware()}
        self.servers = {i: traffic.Server(t.server(i), "::", f"s{i}", PORT)
                        for i in (1, 2, 3)}
        self.socks = []

    def connect(self, count=4):
        """Connections of each client, with the names of their servers."""
        return [self.connect_one(client) for client in
                self.clients.values() for _ in range(count)]

    def connect_one(self, client):
        sock = traffic.connect(client, SERVICE, PORT)
        self.socks.append(sock)
        return sock, traffic.ask(sock)

    def load(self, i, word):
        self.topology.server(i).ip(
            f"manycast listener set {SERVICE} port {PORT} load {word}")

    def stats(self):
        return self.topology.sel.service()["stats"]

    def restore(self):
        for sock in self.socks:
            sock.close()
        self.socks = []
        for i in 1, 2, 3:
            self.load(i, "auto")

    def remove(self):
        self.topology.remove()


network = ktap.Shared(Network)
whole = ktap.case_of(network, CASES)


@whole
def connections_of_all_clients(net):
    before = net.stats()
    connections = net.connect(8)
    for sock, who in connections:
        equal(traffic.ask(sock, b"again"), who, "who answers")
    equal({who for _, who in connections}, {"s1", "s2", "s3"}, "servers")
    after = net.stats()
    for name, count in ("syn", 24), ("copy", 24), ("decided", 24), \
            ("reset", 0), ("syn_again", 0):
        equal(after[name] - before[name], count, name)


@whole
def who_is_busy_passes_it_on(net):
    for busy in (1, 2), (2, 3), (1, 3):
        for i in 1, 2, 3:
            net.load(i, 600 if i in busy else 400)
        free, = {1, 2, 3} - set(busy)
        equal({who for _, who in net.connect()}, {f"s{free}"}, "servers")
    for i in 1, 2, 3:
        net.load(i, 1000)
    net.connect()
    on = [net.topology.server(i).stats()["syn_on"] for i in (1, 2, 3)]
    true(all(on), f"passed on: {on}")
    equal([x["stats"]["no_telemetry"] for x in net.topology.sel.instances()],
          [0, 0, 0], "SYN-ACKs whose trace tells nothing")


@whole
def who_has_gone_is_passed_by(net):
    """The SYN again begins with another one; a second later."""
    r2 = net.topology.r2
    r2.ip(f"-6 route add blackhole {sid(1)}/128")
    try:
        for client in net.clients.values():
            again = net.stats()["syn_again"]
            while net.stats()["syn_again"] == again:
                true(net.connect_one(client)[1] in ("s2", "s3"), "server")
    finally:
        r2.ip(f"-6 route del blackhole {sid(1)}/128")


@whole
def nobody_listens(net):
    for client in net.clients.values():
        try:
            traffic.connect(client, SERVICE, PORT + 1).close()
        except ConnectionRefusedError:
            continue
        raise AssertionError("somebody listens")


@whole
def what_was_forgotten_is_learnt(net):
    """Pinned again with its first packet; servers tell."""
    t = net.topology
    t.sel.ip("manycast service set web tombstone 100")
    connections = [net.connect_one(t.unaware) for _ in range(12)]
    ktap.wait_for(lambda: not t.sel.service()["open"], "tombstones end")
    t.sel.ip(f"-6 route del {SERVICE}/128")
    t.sel.ip("manycast service del web")
    t.sel.later(f"manycast service add web sid {SEL_SID} {WORDS}")
    for i in 1, 2, 3:
        t.sel.later(f"manycast instance add service web sid {sid(i)}")
    t.sel.later(f"route add {SERVICE}/128 encap seg6local "
                "action End.MAnycast service web dev r1")
    t.sel.flush()
    sent = sum(s.stats()["notice_sent"] for s in t.servers())
    for sock, who in connections:
        equal(traffic.ask(sock, b"first"), who, "who answers")
    ktap.wait_for(lambda: net.stats()["learnt"] == 12, "all are learnt")
    equal(t.sel.service()["pinned_now"], 12, "pins")
    before = net.stats()
    for sock, who in connections:
        equal(traffic.ask(sock, b"second"), who, "who answers")
    after = net.stats()
    equal(after["hunted"], before["hunted"], "hunted for")
    true(after["steered"] >= before["steered"] + 12, "steered")
    sent = sum(s.stats()["notice_sent"] for s in t.servers()) - sent
    true(12 <= sent <= after["hunted"], f"{sent} notices")


if __name__ == "__main__":
    try:
        run(CASES)
    finally:
        network.remove()
