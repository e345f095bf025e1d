#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 10
"""Packets that are for one of several servers, at one of them: which SYNs it
takes, what it passes on, and whom it tells.

The server is the only real host, with real sockets. The test plays selector,
edge, clients and the other servers.
"""

import time

from lib import ktap
from lib.handshake import empty_trace, nodes_of, trace_of, trace_with
from lib.ktap import equal, true
from lib.server import SELECTOR_ENTRY, Client, run, the_server
from lib.topology import PREFIX, SEL_SID, SERVICE, sid
from lib.wire import flags, innermost
from scapy.layers.inet import TCP
from scapy.layers.inet6 import (ICMPv6ParamProblem, IPv6,
                                IPv6ExtHdrHopByHop, IPv6ExtHdrSegmentRouting,
                                PadN)

NOTICE = 0x8000
RATE = 1000         # notices a second
FLOOD = 8000
CASES = []
case = ktap.case_of(the_server, CASES)


class Offer(Client):
    """A client whose packets visit several servers; this one is s1.

    before  those that have passed it on
    behind  those that come next, the last one first, as in the list
    way     our waypoints
    """

    def __init__(self, server, listener, before=(3,), behind=(2,), way=(),
                 **more):
        super().__init__(server, listener, **more)
        self.before, self.behind, self.way = before, behind, way

    def outer(self, trace=None, tag=None, ends=True):
        """As it comes here; ends: the selector and the edge are in the list.
        """
        servers = [*map(sid, self.behind), sid(1), *self.way,
                   *map(sid, self.before)]
        behind = [SEL_SID] + ([self.edge] if self.edge else [])
        segments = servers + behind * ends
        if tag is None:
            tag = sum(1 << i for i, segment in enumerate(segments)
                      if segment not in (self.edge, *self.way))
        packet = IPv6(src=SEL_SID, dst=sid(1), hlim=61)
        if trace:
            packet /= IPv6ExtHdrHopByHop(options=[PadN(), trace])
        return packet / IPv6ExtHdrSegmentRouting(
            addresses=segments, segleft=len(self.behind),
            lastentry=len(segments) - 1, tag=tag)

    def offer(self, **more):
        """Our SYN: what comes of it."""
        return self.exchange(self.outer(**more) / self.tcp("S", self.isn))

    def hunt(self, letters="A", payload=b"", tag=None, off=0):
        """A segment of the connection: what comes of it."""
        tag = (2 << len(self.before) + len(self.behind)) - 1 \
            if tag is None else tag
        return self.exchange(self.outer(tag=tag, ends=False) / self.tcp(
            letters, self.isn + 1 + off, (self.number or 0) + 1, payload))

    def exchange(self, packet):
        """Short words for what comes of a packet."""
        packet = IPv6(bytes(packet))
        return sorted(self.word(got, packet) for got in self.caused(packet))

    def caused(self, packet):
        """Not what is due to a case before, whose client we forgot."""
        return [got for got in self.wire.exchange(packet)
                if got.haslayer(ICMPv6ParamProblem) or
                self.port in (innermost(got)[TCP].sport,
                              innermost(got)[TCP].dport)]

    def word(self, got, sent):
        if got.haslayer(ICMPv6ParamProblem):
            return "ICMPv6"
        if got.dst in map(sid, self.behind):
            return self.passed_on(got, sent)
        if got.dst == SEL_SID and flags(innermost(got)) in ("A", "PA", "FA"):
            return self.noticed(got, sent)
        return self.note(got)

    def passed_on(self, got, sent):
        """Nothing but what forwarding changes."""
        equal(got.hlim, sent.hlim - 1, "hop limit")
        srh = sent[IPv6ExtHdrSegmentRouting].copy()
        srh.segleft -= 1
        equal(srh.addresses[srh.segleft], got.dst, "active segment")
        equal(bytes(got[IPv6ExtHdrSegmentRouting]), bytes(srh),
              "segment list and inner packet")
        return "to the next"

    def noticed(self, got, sent):
        """The client's headers, and nothing else."""
        equal((got.src, got.nh), (sid(1), 41), "source, Next Header")
        true(len(got) < len(sent), "smaller than what came")
        mine, inner = innermost(sent), innermost(got)
        mine[TCP].remove_payload()
        del mine.plen, mine[TCP].chksum
        equal(bytes(inner), bytes(mine), "headers")
        return "notice"


def fill(s, listener, count):
    """Connections that nobody accepts."""
    for _ in range(count):
        c = Client(s, listener)
        c.connect()
        c.segment()


def mark(s, words):
    s.ns.ip(f"-6 route replace {sid(1)}/128 encap seg6local action "
            f"End.MAnycast.S table local {words} dev r2")


def counted_by(s, name, function):
    before = s.ns.stats()[name]
    function()
    return s.ns.stats()[name] - before


@case
def a_syn_is_taken_below_the_mark(s):
    """Whoever else is in the list: the answer comes to the selector, by a
    segment list that names none of them (Client looks at that).
    """
    listener = s.listen(backlog=64)
    for words in ({}, {"before": ()}, {"before": (3, 4), "behind": (5, 2)},
                  {"behind": ()}, {"before": (), "behind": (5, 4, 3, 2)}):
        for edge in {}, {"edge": None}:
            c = Offer(s, listener, **words, **edge)
            equal(c.offer(), ["SA to selector"], words)
            equal(c.segment("PA", b"hello"), ["A to client"], "data")


@case
def a_syn_goes_on_at_the_mark(s):
    """A backlog of 3 holds 4: two of them are 500 per mille."""
    listener = s.listen(backlog=3)
    fill(s, listener, 1)
    equal(Offer(s, listener).offer(), ["SA to selector"], "at 250")
    fill(s, listener, 1)

    def at_the_mark():
        for words in {}, {"before": ()}, {"behind": (5, 2)}, \
                {"behind": (2, 3), "before": (4, 5)}:
            equal(Offer(s, listener, **words).offer(), ["to the next"], words)
    equal(counted_by(s, "syn_on", at_the_mark), 4, "counted")
    equal(counted_by(s, "syn_on", lambda: equal(
        Offer(s, listener, behind=()).offer(), ["SA to selector"],
        "the last one")), 0, "counted")


@case
def a_route_has_its_own_mark(s):
    listener = s.listen(backlog=3)
    for filled, takes in ((0, 1), (1, 251), (2, 501)):
        for word, want in ((takes - 1, "to the next"),
                           (takes, "SA to selector")):
            if word:
                mark(s, f"mark {word}")
                equal(Offer(s, listener).offer(), [want],
                      f"{filled} wait, mark {word}")
        fill(s, listener, 1)
    mark(s, "")
    equal(Offer(s, listener).offer(), ["to the next"], "the default")


@case
def an_agents_word_counts(s):
    listener = s.listen(backlog=3)
    port = listener.getsockname()[1]
    fill(s, listener, 1)
    for load, want in ((249, "SA to selector"), (250, "to the next"),
                       (1000, "to the next"), ("auto", "SA to selector")):
        s.ns.ip(f"manycast listener set {SERVICE} port {port} load {load}")
        equal(Offer(s, listener).offer(), [want], f"told {load}")


@case
def who_does_not_listen_passes_it_on(s):
    """And the last one refuses, whatever an agent says."""
    at = (SERVICE, 7990)
    s.ns.ip(f"manycast listener set {SERVICE} port 7990 load 0")
    equal(Offer(s, at).offer(), ["to the next"], "nobody listens")
    equal(Offer(s, at, behind=()).offer(), ["RA to selector"], "the last one")


@case
def what_was_taken_is_taken_again(s):
    """Though the queue is full to the mark by now."""
    listener = s.listen(backlog=3)
    c = Offer(s, listener)
    equal(c.offer(), ["SA to selector"], "taken")
    fill(s, listener, 2)
    equal(Offer(s, listener).offer(), ["to the next"], "another one")
    equal(Offer(s, listener, port=c.port, isn=c.isn + 1).offer(),
          ["to the next"], "another attempt of the client")
    # The stack does not answer each repetition.
    ktap.wait_for(lambda: c.offer() == ["SA to selector"], "an answer",
                  step=0.1)


@case
def waypoints_are_on_the_way_back(s):
    """Ours, and not those of others."""
    listener = s.listen()
    theirs = [sid(3), "fc00:9::3"]
    c = Offer(s, listener, way=("fc00:9::1",))
    packet = c.outer()
    srh = packet[IPv6ExtHdrSegmentRouting]
    srh.addresses = [sid(2), sid(1), "fc00:9::1", *theirs, SEL_SID, c.edge]
    srh.lastentry, srh.tag = 6, 0b0101011
    got, = c.caused(packet / c.tcp("S", c.isn))
    srh = got[IPv6ExtHdrSegmentRouting]
    equal((srh.addresses, srh.segleft, srh.tag, got.dst),
          ([c.edge, SEL_SID, "fc00:9::1", sid(1)], 2, 0, "fc00:9::1"),
          "segment list")


@case
def the_trace_comes_back(s):
    c = Offer(s, s.listen(), behind=(2,))
    trace = trace_with(empty_trace(12), [SELECTOR_ENTRY])
    equal(c.offer(trace=trace), ["SA to selector"], "taken")
    equal([node[0] for node in nodes_of(trace_of(c.answer))], [64, 60, 64],
          "hop limits of selector, arrival, departure")


@case
def a_list_that_names_no_candidates_is_an_error(s):
    """Segments Left, and nothing says that others could take the SYN."""
    listener = s.listen()

    def wrong():
        for tag in 0, 0b0001, 0b1101, 0b0010, 1 << 5 | 0b1111, NOTICE:
            equal(Offer(s, listener).offer(tag=tag), ["ICMPv6"], bin(tag))
    equal(counted_by(s, "drop_srh", wrong), 6, "counted")
    c = Offer(s, listener, before=(), behind=())
    equal(c.offer(tag=0), ["SA to selector"], "without others it is good")


@case
def what_is_not_under_selection_is_offered_to_nobody(s):
    """As before: its SYNs may not have Segments Left."""
    listener = s.listen()
    mark(s, "services 2001:db8:99::/64")
    equal(Offer(s, listener).offer(), ["ICMPv6"], "another prefix")
    mark(s, f"services {PREFIX}")
    equal(Offer(s, listener).offer(), ["SA to selector"], "its prefix")
    mark(s, "")


@case
def data_in_a_syn_do_not_matter(s):
    """A selector leaves none; a server takes what comes."""
    c = Offer(s, s.listen())
    equal(c.exchange(c.outer() / c.tcp("S", c.isn, payload=b"x")),
          ["SA to selector"], "taken")


# Notices.

@case
def who_has_a_connection_tells(s):
    listener = s.listen()
    for words in {}, {"before": ()}, {"behind": ()}:
        c = Offer(s, listener, **words)
        c.connect()
        c.segment()
        equal(c.hunt(tag=NOTICE | 7), ["notice"], f"an ACK, {words}")
        equal(c.hunt(tag=7), [], "not asked for")
        equal(c.hunt("PA", b"data", tag=NOTICE | 7),
              ["A to client", "notice"], "data")
        equal(c.hunt("R", tag=NOTICE | 7, off=4), [], "its end")


@case
def who_has_none_does_not_tell(s):
    listener = s.listen()
    equal(Offer(s, listener).hunt(tag=NOTICE | 7), ["to the next"],
          "nobody's, with others behind")
    equal(Offer(s, listener, behind=()).hunt(tag=NOTICE | 7),
          ["R to client"], "nobody's, the last one")
    c = Offer(s, listener)
    c.connect()
    c.segment()
    equal(c.hunt(off=1 << 24, tag=NOTICE | 7), ["to the next"],
          "of an older connection")


@case
def who_has_a_cookie_tells(s):
    s.ns.sysctl("net.ipv4.tcp_syncookies", 2)
    listener = s.listen()
    c = Offer(s, listener)
    c.connect()
    equal(s.waiting(listener), 0, "sockets")
    equal(c.hunt(tag=NOTICE | 7), ["notice"], "the client's ACK")
    listener.accept()[0].close()


@case
def no_more_notices_than_their_rate(s):
    """A tenth of a second's worth at once."""
    listener = s.listen()
    c = Offer(s, listener)
    c.connect()
    c.segment()
    packet = bytes(c.outer(tag=NOTICE | 7, ends=False) / c.tcp(
        "A", c.isn + 1, c.number + 1))
    time.sleep(0.2)
    before = s.ns.stats()
    start = time.monotonic()
    s.wire.send(*[packet] * FLOOD)
    ktap.wait_for(lambda: s.ns.stats()["delivered"] - before["delivered"] ==
                  FLOOD, "all have come", step=0)
    took = time.monotonic() - start
    sent = s.ns.stats()["notice_sent"] - before["notice_sent"]
    most = RATE / 10 + 1 + RATE * took
    true(RATE / 10 <= sent <= most, f"{sent} notices in {took:.3f} s")
    if most >= FLOOD:
        raise ktap.Skip(f"too slow to exceed the rate: {took:.1f} s")


if __name__ == "__main__":
    run(CASES)
