#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 60
# size: large
"""H.Dyncast: an invocation stays at the instance that its period has got, and
new ones follow the best instance from the next period on. A router alone.
"""

import itertools
import socket

from lib import ktap
from lib.dyncast import (GRACE, NO_ADDRESS, NO_ROUTE, NUMBERS, PERIOD, PORT,
                         POSITION, PREFIX, SERVICE4, SOME, SOURCE, START,
                         STRETCH, UNREACHABLE, Clock, Router, address, packet,
                         packet4, unreachable)
from lib.ktap import case_of, equal, true, wait_for
from lib.monitor import Monitor
from lib.netns import Netns
from lib.selector import Service, the_selector
from lib.topology import CLIENT, sid
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPerror, fragment
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoRequest,
                                ICMPv6PacketTooBig, IPv6, IPv6ExtHdrDestOpt,
                                IPv6ExtHdrFragment, IPv6ExtHdrSegmentRouting,
                                fragment6)
from scapy.packet import Raw

CASES, ROUTERS = [], {}
TOO_OLD = AHEAD = (UNREACHABLE, NO_ADDRESS)
NOBODY = (UNREACHABLE, NO_ROUTE)
# Where a case has several periods go by: enough for the number to wrap.
ROUNDS = 20 if ktap.SLOW else 80


def router(name="dyn1"):
    if name not in ROUTERS:
        ROUTERS[name] = Router(name)
    return ROUTERS[name]


def case(**words):
    """A case gets a router with a new service, made with these words."""
    def fixture():
        r = router()
        r.service(**words)
        return r
    return case_of(fixture, CASES)


@case()
def the_packet_is_wrapped(r):
    """Octet by octet: nothing of it changes but the hop limit."""
    sent = packet(START, TCP(sport=4000, dport=443, flags="PA") / b"data")
    sent.tc, sent.fl = 0xb9, 0x12345
    sent = IPv6(bytes(sent))
    got, = r.send(sent)
    equal((got.src, got.dst, got.nh, got.hlim, got.tc),
          (SOURCE, sid(3), 41, 64, 0xb9), "outer header")
    true(got.fl, "a flow label")
    sent.hlim -= 1
    equal(bytes(got.payload), bytes(sent), "inner packet")
    equal({x["sid"]: x["stats"]["dyncast"] for x in r.ns.instances()},
          {sid(1): 0, sid(2): 0, sid(3): 1}, "counted")
    equal({p["index"]: p["packets"] for p in r.ns.ip_json(
        "-s manycast period show service web") if p["packets"]},
        {START: 1}, "packets of periods")


@case()
def waypoints_need_an_srh(r):
    r.ns.ip(f"manycast instance add service web sid {sid(9)} "
            "segs fc00:9::1,fc00:9::2 metric 99")
    r.at(START + 1)
    got, = r.send(packet(START + 1))
    srh = got[IPv6ExtHdrSegmentRouting]
    equal((got.dst, srh.addresses, srh.segleft, srh.nh),
          ("fc00:9::1", [sid(9), "fc00:9::2", "fc00:9::1"], 2, 41), "SRH")


@case()
def every_number_has_its_time(r):
    """The edges of the window, wherever the numbers wrap."""
    asked = (0, 1, STRETCH - 1, STRETCH, STRETCH + 1, NUMBERS // 2 + 15, -1)
    for index in range(START, START + NUMBERS, NUMBERS // SOME):
        r.at(index)
        equal(r.to(*(packet(index - back) for back in asked)),
              [sid(3)] * 4 + [TOO_OLD] * 2 + [AHEAD], f"period {index}")
    equal(r.counted(), {"drop_too_old": 2 * SOME, "drop_ahead": SOME},
          "counted")


@case()
def the_answer_quotes_the_packet(r):
    for index in START + 1, START - STRETCH - 1:
        sent = packet(index)
        got, = r.send(sent)
        equal((got.dst, got.payload.type, got.payload.code),
              (CLIENT, UNREACHABLE, NO_ADDRESS), "the answer")
        equal(bytes(got)[48:], bytes(sent), "what it quotes")


@case()
def clients_ahead_of_the_network(r):
    """A period is a client's as soon as its clock may say so, and nothing that
    comes after that moves its invocation: not even a metric that was told
    before the period has begun here.
    """
    r.at(START, PERIOD - 2 * GRACE)
    equal(r.who(START + 1), AHEAD, "too early")
    r.at(START, PERIOD - GRACE // 2)
    equal(r.who(START + 1), sid(3), "ahead by less than the grace")
    r.rate(255, 20, 30)
    equal(r.who(START + 1), sid(3), "still ahead")
    for ms in 1000, PERIOD // 2, PERIOD - 2 * GRACE:
        r.at(START + 1, ms)
        equal(r.who(START + 1), sid(3), "its period has begun")
    r.at(START + 1, PERIOD - GRACE // 2)
    equal(r.to(packet(START + 2), packet(START + 1)), [sid(1), sid(3)],
          "the metric is for the next one")


@case()
def clients_behind_the_network(r):
    """The invocation of one whose clock is late may last as long."""
    r.at(START + STRETCH + 1, GRACE // 2)
    equal(r.who(START), sid(3), "late by less than the grace")
    r.at(START + STRETCH + 1, 2 * GRACE)
    equal(r.who(START), TOO_OLD, "too late")


@case()
def nobody_moves_for_a_metric(r):
    """Another one is the best in each period, and for all of its stretch each
    period stays where it was.
    """
    had = {}
    for index in range(START + 1, START + 1 + ROUNDS):
        best = (index - START - 1) % 3
        r.rate(*(200 if i == best else 10 + i for i in range(3)))
        r.at(index)
        known = [i for i in range(index - STRETCH, index) if i in had]
        had[index], *old = r.to(*map(packet, [index, *known]))
        equal(had[index], sid(best + 1), f"the best in {index}")
        equal(old, [had[i] for i in known], f"the others in {index}")
    equal(r.counted()["period_changed"], ROUNDS, "changes")


@case(words="threshold 20 damping 4")
def damping_and_threshold(r):
    index = START
    for metrics, best, what in (
            ((10, 49, 30), 3, "not enough better"),
            ((10, 50, 30), 2, "better by the threshold"),
            ((10, 50, 200), 2, "for one period only"),
            ((10, 50, 200), 2, "for two"),
            ((10, 50, 200), 2, "for three"),
            ((10, 50, 200), 3, "for four")):
        r.rate(*metrics)
        index += 1
        r.at(index)
        equal(r.who(index), sid(best), what)


@case()
def metrics_of_periods_to_come(r):
    r.set(1, f"metric 100 from {START + 2}")
    r.set(2, f"metric 200 from {START + 3}")
    r.set(1, f"metric 0 from {START + 4}")
    got = []
    for index in range(START + 1, START + 5):
        r.at(index)
        got.append(r.who(index))
    equal(got, [sid(3), sid(1), sid(2), sid(2)], "instances")


@case()
def who_is_withdrawn_keeps_its_periods(r):
    r.set(3, "weight 0")
    r.at(START + 1)
    equal(r.to(packet(START), packet(START + 1)), [sid(3), sid(2)], "drained")
    r.ns.ip(f"manycast instance del service web sid {sid(3)}")
    r.at(START + STRETCH)
    equal(r.to(packet(START), packet(START + STRETCH)), [sid(3), sid(2)],
          "deleted")
    true("period_moved" not in r.counted(), "nothing moved")


def other(order, words="", **more):
    """A second router with the same instances, in another order."""
    r = router("dyn2")
    r.service(order, words, **more)
    return r


@case(instances=(1, 2, 3, 4))
def who_is_dead_leaves_its_periods(r):
    """To all others, and on each router to the same, whoever died before."""
    second = other((4, 3, 2, 1), "key " + "7" * 32)
    try:
        before = r.periods()
        equal(set(before.values()), {sid(4)}, "all periods")
        for each, dead in (r, (4, 3)), (second, (3, 4)):
            for i in dead:
                each.set(i, "state down")
        after = r.periods()
        equal(set(after.values()), {sid(1), sid(2)}, "shared")
        equal(second.periods(), after, "the same on both")
        equal(r.to(*map(packet, after)), list(after.values()), "packets")
        true(r.counted()["period_moved"] > STRETCH, "counted")
        for i in 3, 4:
            r.set(i, "state up")
        equal(r.periods(), after, "as it is when they are back")
        r.at(START + 1)
        equal(r.who(START + 1), sid(4), "they get new ones")
    finally:
        second.restore()


@case(instances=(1, 2, 3))
def two_routers_agree(r):
    """Told the same, in another order, and at other times within a period."""
    second = other((3, 1, 2), "key " + "8" * 32)
    try:
        # Equals, too.
        metrics = itertools.cycle(((1, 1, 1), (9, 9, 8), (7, 8, 8), (5, 1, 5)))
        for index in range(START, START + ROUNDS // 4):
            told = next(metrics)
            for each, ms, order in ((r, PERIOD // 4, (1, 2, 3)),
                                    (second, PERIOD // 2, (2, 3, 1))):
                each.at(index, ms)
                for i in order:
                    each.ns.later(f"manycast instance set service web "
                                  f"sid {sid(i)} metric {told[i - 1]} "
                                  f"from {index + 1}")
                each.ns.flush()
        for each in r, second:
            each.at(index)
        equal(second.periods(), r.periods(), "periods")
        true(len(set(r.periods().values())) > 1, "not always the same one")
    finally:
        second.restore()


@case()
def a_router_starts_again(r):
    """It is told who has which period before it has its routes."""
    for index in range(START + 1, START + 6):
        best = index % 3
        r.rate(*(200 if i == best else 10 + i for i in range(3)))
        r.at(index)
        r.who(index)
    before = r.periods()
    lines = r.ns.ip("manycast period show service web").splitlines()
    r.restore()
    r.service((3, 2, 1), routes=False)
    r.at(START + 5)
    for line in lines:
        r.ns.later("manycast period set " + line)
    r.routes()
    r.ns.flush()
    equal(r.periods(), before, "periods")
    equal(r.to(*map(packet, before)), list(before.values()), "packets")


@case()
def a_route_is_replaced(r):
    r.at(START)
    r.ns.ip(f"-6 route del {PREFIX}")
    r.rate(255, 1, 1)
    r.ns.ip(f"-6 route add {PREFIX} encap seg6local action H.Dyncast "
            f"service web position {POSITION} dev r")
    equal(r.to(packet(START), packet(START - 5)), [sid(3)] * 2, "instances")


@case(instances=())
def there_is_nobody(r):
    equal(r.who(START), NOBODY, "the answer")
    equal(r.counted(), {"drop_no_instance": 1}, "counted")
    r.ns.ip(f"manycast instance add service web sid {sid(1)}")
    equal(r.who(START), sid(1), "now there is somebody")
    r.set(1, "state down")
    equal(r.who(START), NOBODY, "and dead")


@case()
def the_clock_is_set(r):
    """Back and forth: what is fixed remains."""
    r.rate(255, 1, 1)
    r.at(START + 3)
    equal(r.who(START + 3), sid(1), "ahead")
    r.rate(1, 255, 1)
    r.at(START)
    equal(r.to(packet(START), packet(START + 1)), [sid(3), AHEAD], "back")
    r.at(START + 3)
    equal(r.to(packet(START), packet(START + 3)), [sid(3), sid(1)], "forth")
    r.at(START + 10**6)
    equal(r.who(START + 10**6), sid(2), "by years")
    r.at(START)
    equal(r.who(START), sid(1), "and back, to the metrics of then")


@case()
def anything_goes(r):
    """The address alone decides."""
    r.rate(200, 20, 30)
    r.at(START + 1)
    for index, where in (START, sid(3)), (START + 1, sid(1)):
        quoted = IPv6(src=address(index), dst=CLIENT) / UDP(
            sport=443, dport=4000) / b"x"
        sent = [packet(index, layer) for layer in (
            TCP(flags="S"), TCP(flags="A") / b"x", UDP() / b"x",
            ICMPv6EchoRequest(), Raw(b"x" * 40),
            IPv6ExtHdrDestOpt() / UDP() / b"x",
            ICMPv6PacketTooBig(mtu=1280) / Raw(bytes(quoted)),
            *(f[IPv6].payload for f in fragment6(
                packet(index, IPv6ExtHdrFragment(id=1) / UDP() /
                       Raw(bytes(3000))), 1400)))]
        equal(r.to(*sent), [where] * len(sent), f"period {index}")


@case()
def hop_limit_is_taken(r):
    before = r.ns.stats()["drop_hop_limit"]
    got, = r.send(packet(START, hlim=2))
    equal(got.payload.hlim, 1, "inner hop limit")
    got, = r.send(packet(START, hlim=1))
    equal((got.dst, got.payload.type, got.payload.code), (CLIENT, 3, 0),
          "Time Exceeded")
    equal(r.ns.stats()["drop_hop_limit"], before + 1, "counted")


@case()
def too_big_is_told(r):
    got, = r.send(packet(START, UDP() / Raw(bytes(1460 - 48))))
    equal(len(got), 1500, "fits")
    got, = r.send(packet(START, UDP() / Raw(bytes(1461 - 48))))
    equal((got.dst, got.payload.type, got.payload.mtu), (CLIENT, 2, 1460),
          "Packet Too Big")


def from_within(quoted, layer):
    """What a router on the way says about a packet of ours."""
    return IPv6(src="2001:db8:77::1", dst=SOURCE, hlim=64) / layer / \
        Raw(bytes(quoted)[:1232])


@case()
def errors_reach_the_sender(r):
    got, = r.send(packet(START, UDP() / Raw(bytes(1400))))
    told, = r.send(from_within(got, ICMPv6PacketTooBig(mtu=1400)))
    equal((told.dst, told.payload.type, told.payload.mtu), (CLIENT, 2, 1360),
          "Packet Too Big")
    told, = r.send(from_within(got, ICMPv6DestUnreach(code=0)))
    equal((told.dst, told.payload.type, told.payload.code), (CLIENT, 1, 3),
          "Destination Unreachable")


@case()
def no_state_of_clients(r):
    """Many clients, and nothing grows."""
    def slab():
        with open("/proc/meminfo", encoding="ascii") as f:
            return int(next(line.split()[1] for line in f
                            if line.startswith("Slab:")))
    def clients(groups):
        """A hundred in each: more might not find room in a socket."""
        for k in range(groups):
            sent = packet(START, src=f"2001:db8:c:{k:x}::")
            r.wire.flood(bytes(sent), 20, 100)
            for _ in r.wire.answers():
                pass
    groups = 20 if ktap.SLOW else 100
    clients(5)
    before = slab()
    clients(groups)
    grown = slab() - before
    # A slow kernel is one that keeps what is freed for a while, to look at it.
    true(ktap.SLOW or grown < 3 * groups,
         f"{grown} kB for {100 * groups} clients")
    service = r.ns.service()
    equal((service["open"], service["pinned_now"]), (0, 0), "nothing is kept")
    equal({p["index"]: p["packets"] for p in r.ns.ip_json(
        "-s manycast period show service web")}[START], 100 * (groups + 5),
        "sent")


def send_from(r, to, family=socket.AF_INET6, port=443):
    with r.ns, socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", (to, port))


@case()
def what_the_router_itself_sends(r):
    send_from(r, address(START))
    got = [p for p in (IPv6(x) for x in r.wire.answers())]
    equal([(p.src, p.dst) for p in got], [(SOURCE, sid(3))], "in a tunnel")
    for index in START + 1, START - STRETCH - 1:
        equal(unreachable(lambda: send_from(r, address(index))),
              "EHOSTUNREACH", "not in its time")
    send_from(r, SERVICE4, socket.AF_INET, PORT + START % NUMBERS)
    got = [p for p in (IPv6(x) for x in r.wire.answers())]
    equal([(p.src, p.dst, p.nh) for p in got], [(SOURCE, sid(3), 4)], "IPv4")


@case()
def ipv4_is_wrapped(r):
    sent = IP(bytes(packet4(START, tos=0xb8, flags="DF", id=7)))
    got, = r.wire.exchange4(sent)
    equal((got.src, got.dst, got.nh, got.hlim, got.tc),
          (SOURCE, sid(3), 4, 64, 0xb8), "outer header")
    sent.ttl -= 1
    del sent.chksum
    equal(bytes(got.payload), bytes(sent), "inner packet")


def answers4(r, *packets):
    """A SID, or type and code, and the protocol that is quoted."""
    return [p.dst if p.version == 6 else (p[ICMP].type, p[ICMP].code)
            for p in r.wire.exchange4(*packets)]


@case()
def ipv4_has_its_time_too(r):
    host_unreachable, port_unreachable, protocol = (3, 1), (3, 3), (3, 2)
    for index in range(START, START + NUMBERS, 4 * NUMBERS // SOME):
        r.at(index)
        equal(answers4(r, packet4(index), packet4(index - STRETCH)),
              [sid(3)] * 2, f"period {index}")
        for late in index + 1, index - STRETCH - 1:
            equal(answers4(r, packet4(late)), [host_unreachable],
                  f"period {late} in {index}")
    for port in PORT - 1, PORT + NUMBERS:
        equal(answers4(r, packet4(0, UDP(dport=port))), [port_unreachable],
              f"port {port}")
    equal(answers4(r, packet4(0, ICMP())), [protocol], "without ports")
    true(r.counted()["drop_port"] == 2, "counted")


@case()
def ipv4_errors_follow_the_flow(r):
    r.rate(200, 20, 30)
    r.at(START + 1)
    for index, where in (START, sid(3)), (START + 1, sid(1)):
        quoted = IP(src=SERVICE4, dst="198.51.100.2") / UDP(
            sport=PORT + index % NUMBERS, dport=4000) / b"x"
        error = IP(src="203.0.113.77", dst=SERVICE4) / ICMP(
            type=3, code=4, nexthopmtu=1400) / Raw(bytes(quoted))
        equal(answers4(r, error), [where], f"period {index}")


@case()
def ipv4_ttl_and_size(r):
    got, = r.wire.exchange4(packet4(START, ttl=1))
    equal((got[ICMP].type, got[ICMP].code), (11, 0), "Time Exceeded")
    for size, flags, want in (1460, "DF", 1500), (1461, "DF", None):
        sent = packet4(START, UDP(dport=PORT) / Raw(bytes(size - 28)),
                       flags=flags)
        got, = r.wire.exchange4(sent)
        if want:
            equal((got.version, len(got)), (6, want), "fits")
        else:
            equal((got[ICMP].type, got[ICMP].code, got[ICMP].nexthopmtu),
                  (3, 4, 1460), "fragmentation needed")
            equal(got[IPerror].dst, SERVICE4, "what it quotes")
    parts = r.wire.exchange4(packet4(START, UDP(dport=PORT) /
                                     Raw(bytes(1461 - 28))))
    equal([p.nh for p in parts], [44, 44], "the outer packet in fragments")


@case()
def ipv4_learns_of_smaller_links(r):
    sent = packet4(START, UDP(dport=PORT) / Raw(bytes(1300)), flags="DF")
    got, = r.wire.exchange4(sent)
    equal(r.send(from_within(got, ICMPv6PacketTooBig(mtu=1300))), [],
          "nobody is told yet")
    got, = r.wire.exchange4(sent)
    equal((got[ICMP].type, got[ICMP].code, got[ICMP].nexthopmtu),
          (3, 4, 1260), "fragmentation needed")


@case()
def ipv4_fragments_have_no_port(r):
    before = r.ns.stats()["drop_fragment"]
    parts = fragment(packet4(START, UDP(dport=PORT) / Raw(bytes(3000))), 1000)
    equal(answers4(r, *parts), [], "answers")
    equal(r.ns.stats()["drop_fragment"], before + len(parts), "counted")


@case()
def changes_are_told(r):
    """Each once: by packets, by the timer, and by whoever makes them."""
    with Monitor(r.ns, "-j") as monitor:
        told = (e for e in iter(monitor.event, None)
                if e["object"] == "period")
        r.rate(200, 20, 30)
        r.at(START + 1)
        event = next(told)
        equal((event["index"], event["sid"]), (START + 1, sid(1)), "the timer")
        r.at(START + 2)
        r.ns.ip(f"manycast period set service web index {START + 2} "
                f"sid {sid(2)}")
        event = next(told)
        equal((event["index"], event["sid"]), (START + 2, sid(2)), "restored")
        r.set(2, "state down")
        event = next(told)
        equal(event["index"], START + 2, "moved")
        true(event["sid"] != sid(2), "to another one")


@case(instances=(), routes=False)
def periods_begin_without_packets(r):
    r.ns.later("manycast service add fast sid fc00:b:1::9 period 100 grace 10 "
               "stretch 4")
    r.ns.later(f"manycast instance add service fast sid {sid(1)}")
    r.ns.later("route add 2001:db8:e::/58 encap seg6local action H.Dyncast "
               "service fast position 58 dev r")
    r.ns.flush()

    def newest():
        # Told by the clock, but a page is there when somebody has written it.
        return max(p["index"] for p in
                   r.ns.ip_json("manycast period show service fast"))
    first = newest()
    wait_for(lambda: newest() > first + 5, "the timer goes on")
    r.ns.ip("-6 route del 2001:db8:e::/58")
    wait_for(lambda: r.ns.ip("manycast service del fast",
                             check=False).returncode == 0, "deleted")


def measured():
    """A selector's service, which has periods, too."""
    return Service(the_selector(), instances=2, policy="load",
                   metrics="telemetry", period=PERIOD, grace=GRACE)


@case_of(measured, CASES)
def what_a_selector_measures(s):
    """Handshakes tell who is free; invocations go there, and stay."""
    def race(*loads):
        a = s.attempt()
        a.connect()
        for i, load in enumerate(loads, 1):
            a.accept(i, load=load)
    clock, ns = Clock(s.sel.ns, s.name), s.sel.ns
    clock.at(START)
    race(900, 0)
    ns.ip(f"-6 route add {PREFIX} encap seg6local action H.Dyncast "
          f"service {s.name} position {POSITION} dev r1")
    race(0, 900)
    clock.at(START + 1)
    equal([p.dst for p in s.wire.exchange(packet(START), packet(START + 1))],
          [sid(2), sid(1)], "instances")
    ns.ip(f"-6 route del {PREFIX}")


@case(instances=(), routes=False)
def a_namespace_ends(_):
    """With routes, a timer that runs, and packets."""
    for _ in range(3):
        ns = Netns("dyn-end")
        try:
            ns.later("link add net type dummy")
            ns.later("link set net up")
            ns.later("addr add fd00:9::2/64 dev net nodad")
            ns.later("manycast service add fast sid fc00:b:1::9 period 100 "
                     "grace 10")
            ns.later(f"manycast instance add service fast sid {sid(1)}")
            ns.later(f"route add {sid(1)} dev net")
            ns.later(f"route add {PREFIX} encap seg6local action H.Dyncast "
                     f"service fast position {POSITION} dev net")
            ns.flush()
            with ns, socket.socket(socket.AF_INET6,
                                   socket.SOCK_DGRAM) as sock:
                for number in range(NUMBERS):
                    unreachable(lambda n=number: sock.sendto(
                        b"x", (address(n), 443)))
            equal(ns.instances("fast")[0]["stats"]["dyncast"] > 32, True,
                  "packets")
        finally:
            ns.remove()


def refused(r, words, want):
    done = r.ns.ip(words, check=False)
    true(done.returncode, f"{words}: refused")
    true(want in done.stderr, f"{words}: {done.stderr}")


@case()
def what_makes_no_sense_is_refused(r):
    route = "encap seg6local action H.Dyncast"
    six, four = "-6 route add 2001:db8:9::/58", "route add 192.0.2.9"
    for words, want in (
            (f"{six} {route} position 58 dev r", "service is missing"),
            (f"{six} {route} service web dev r", "position is missing"),
            (f"{six} {route} service web port 1 dev r",
             "position is missing"),
            (f"{six} {route} service web position 58 port 1 dev r",
             "port is for IPv4 routes"),
            (f"{six} {route} service web position 123 dev r",
             "no room for the period's number"),
            (f"{six} {route} service other position 58 dev r",
             "no such service"),
            (f"{six} {route} service web position 58 acl ::/0 dev r",
             "takes no acl"),
            (f"{six} encap seg6local action End.MAnycast service web "
             "position 58 dev r", "takes no position"),
            (f"{four} {route} service web dev r", "port is missing"),
            (f"{four} {route} service web port 8000 position 58 dev r",
             "position is for IPv6 routes"),
            (f"{four} {route} service web port 65500 dev r",
             "no room for the period's number"),
            (f"{four} encap seg6local action End.MAnycast service web dev r",
             "IPv6 routes"),
            (f"manycast service set web grace {PERIOD}", "not shorter than"),
            ("manycast service set web stretch 63", "too few bits"),
            ("manycast service set web damping 33", "longer than stretch"),
            (f"manycast service set web period {2 * PERIOD}", "are fixed"),
            ("manycast service set web bits 7", "are fixed"),
            (f"manycast instance set service web sid {sid(1)} metric 1 "
             f"from {START}", "is fixed"),
            (f"manycast instance set service web sid {sid(1)} "
             f"from {START + 9}", "without a metric"),
            (f"manycast period set service web index {START + 1} "
             f"sid {sid(1)}", "is to come"),
            (f"manycast period set service web index {START - 33} "
             f"sid {sid(1)}", "is over"),
            (f"manycast period set service web index {START} sid {sid(7)}",
             "no instance of this sid"),
            (f"manycast period set service web index {START} sid {sid(1)} "
             "number 1", "has another number"),
            (f"manycast period set service other index {START} sid {sid(1)}",
             "no such service")):
        refused(r, words, want)
    for i in range(8):
        r.set(1, f"metric 1 from {START + 5 + i}")
    refused(r, f"manycast instance set service web sid {sid(1)} metric 1 "
            f"from {START + 99}", "too many metrics")
    r.set(1, "state down")
    refused(r, f"manycast period set service web index {START} sid {sid(1)}",
            "is down")


@case(words="threshold 3 damping 2 stretch 20")
def what_is_shown_can_be_given(r):
    shown = r.ns.ip("manycast show")
    periods = r.ns.ip("manycast period show")
    routes = [r.ns.ip(f"-6 route show {PREFIX}"),
              r.ns.ip(f"-4 route show {SERVICE4}")]
    true(f"action H.Dyncast service web position {POSITION}" in routes[0],
         routes[0])
    true(f"action H.Dyncast service web port {PORT}" in routes[1], routes[1])
    saved = r.ns.ip("manycast save")
    r.restore()
    for line in saved.splitlines() + \
            ["route add " + route.strip() for route in routes] + \
            ["manycast period set " + line for line in periods.splitlines()]:
        r.ns.later(line)
    r.ns.flush()
    equal(r.ns.ip("manycast show"), shown, "objects")
    equal(r.ns.ip("manycast period show"), periods, "periods")


def main():
    try:
        ktap.run(CASES)
    finally:
        for r in ROUTERS.values():
            r.remove()
        the_selector.remove()


if __name__ == "__main__":
    main()
