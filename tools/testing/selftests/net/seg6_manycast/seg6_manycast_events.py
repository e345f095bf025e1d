#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 8
"""Events about handshakes: who was selected, that all have refused, that there
is no room; each to those alone who asked for it, and no more than they can
read.
"""

import time

from lib import ktap
from lib.ktap import equal, true
from lib.nl import Events, addr, name, u16
from lib.selector import case, run
from lib.topology import sid
from scapy.layers.inet import TCP

SELECTED, REFUSED, FULL = 15, 16, 17
(SERVICE, SID, CLIENT, CLIENT_PORT, ADDR, PORT, RTT, MISSED) = range(1, 9)
NAME, LIMIT, OPEN = 1, 10, 19
RATE, BURST = 1000, 100


def told(s, group="selections"):
    """Listen from now on, in the selector's namespace."""
    return Events(s.sel.ns, group)


def number(value):
    return int.from_bytes(value, "little")


def whose(s, a):
    """What every event about an attempt has."""
    return {SERVICE: name(s.name), CLIENT: addr(a.client),
            CLIENT_PORT: u16(a.port), ADDR: addr(s.address), PORT: u16(80)}


def one(events, cmd):
    """The only event; its attributes."""
    (got, attrs), = events.read(ktap.TIME_FACTOR)
    equal(got, cmd, "event")
    return attrs


@case()
def selected(s):
    events, a = told(s), s.attempt()
    a.connect()
    equal(events.read(), [], "nothing is decided")
    time.sleep(0.02)
    a.accept(2)
    attrs = one(events, SELECTED)
    rtt = number(attrs.pop(RTT))
    true(20000 <= rtt < 60e6, f"rtt of {rtt} us")
    equal(attrs, whose(s, a) | {SID: addr(sid(2))}, "attributes")
    a.accept(2)
    a.accept(1)
    equal(events.read(), [], "it is decided once")


@case(policy="load")
def the_rtt_is_the_winners(s):
    """Not that of who came before or after it."""
    events, a = told(s), s.attempt()
    before = time.monotonic()
    a.connect()
    begun = time.monotonic()
    a.accept(1, load=7)
    time.sleep(0.1)
    sent = time.monotonic()
    a.accept(2, load=5)
    taken = time.monotonic()
    time.sleep(0.1)
    a.accept(3, load=9)
    attrs = one(events, SELECTED)
    equal(attrs[SID], addr(sid(2)), "winner")
    true(sent - begun <= number(attrs[RTT]) / 1e6 <= taken - before,
         f"rtt of {number(attrs[RTT])} us")


@case()
def refused(s):
    events, a = told(s), s.attempt(edge=None)
    a.connect()
    for i in (1, 2):
        a.refuse(i)
    equal(events.read(), [], "one may accept")
    a.refuse(3)
    equal(one(events, REFUSED), whose(s, a), "attributes")


@case(limit=2)
def full(s):
    """Once a second, however many there are too many of."""
    events, mute = told(s, "events"), told(s)
    for _ in range(2):
        s.attempt().connect()
    equal(events.read(), [], "there is room")
    start = time.monotonic()
    for _ in range(20):
        s.attempt().connect()
    took = time.monotonic() - start
    got = events.read(ktap.TIME_FACTOR)
    true(1 <= len(got) <= 1 + took, f"{len(got)} events in {took:.2f} s")
    equal({cmd for cmd, _ in got}, {FULL}, "events")
    attrs = got[0][1]
    equal((attrs[NAME], number(attrs[LIMIT]), number(attrs[OPEN])),
          (name(s.name), 2, 2), "name, limit, open")
    time.sleep(1.1)
    s.attempt().connect()
    one(events, FULL)
    equal(mute.read(), [], "to those who follow selections")


@case()
def each_group_has_its_own(s):
    """Who follows the configuration is not flooded by handshakes."""
    config, selections = told(s, "events"), told(s)
    other = Events(s.wire.far, "selections")
    a = s.attempt()
    a.connect()
    a.accept(1)
    one(selections, SELECTED)
    equal(config.read(), [], "events about configuration")
    equal(other.read(), [], "events in another namespace")
    s.weigh(1, 2)
    true(config.read(ktap.TIME_FACTOR), "a change is told")
    equal(selections.read(), [], "events about handshakes")


SEQ, ACK = 4, 8


def flood(s, packet, field, number):
    """Many that differ in a field of their TCP header alone."""
    octets = bytes(packet)
    s.wire.flood(octets, len(octets) - len(packet[TCP]) + field, number)


@case(instances=1, rate=0, nodes=0)
def limited(s):
    """What is left out is counted, and told with what comes next."""
    count = 300
    a = s.attempt()
    syn, synack = a.syn(), a.from_server(1, a.synack(1))
    flood(s, syn, SEQ, count)
    list(s.wire.answers())
    events = told(s)
    start = time.monotonic()
    # The first one acknowledges no SYN of ours.
    flood(s, synack, ACK, count + 1)
    list(s.wire.answers())
    took = time.monotonic() - start
    equal(s.stats()["decided"], count, "decided")
    got = events.read(ktap.TIME_FACTOR)
    most = BURST + 1 + RATE * took
    true(len(got) <= most, f"{len(got)} events in {took:.2f} s")
    time.sleep(0.1)
    a = s.attempt()
    a.connect()
    a.accept(1)
    got += events.read(ktap.TIME_FACTOR)
    missed = sum(number(attrs.get(MISSED, b"\0")) for _, attrs in got)
    equal(len(got) + missed, count + 1, "events, and those left out")
    if not missed:
        raise ktap.Skip(f"too slow: {count} in {took:.2f} s")


if __name__ == "__main__":
    run([selected, the_rtt_is_the_winners, refused, full,
         each_group_has_its_own, limited])
