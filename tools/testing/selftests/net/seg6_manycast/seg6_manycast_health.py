#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 25
"""Who is asked when servers do not answer, or have too much to do: suspects,
servers that are down, tiers, and other sites. A selector alone.
"""

import time

from lib import ktap
from lib.handshake import isn_of
from lib.ktap import equal, true, wait_for
from lib.monitor import Monitor
from lib.selector import case, run
from lib.topology import SEL_SID, sid
from lib.wire import innermost
from scapy.layers.inet6 import (ICMPv6PacketTooBig, IPv6,
                                IPv6ExtHdrSegmentRouting)

TIMEOUT = 100           # ms; a race that is not over by then is lost
# Another site: its selector, the SID that takes our SYNs, a server there.
PEER, PEER_SID, FAR = "fc00:a:2::1", sid(9), sid(19)


def pause(timeout=TIMEOUT):
    """Until races that have begun are lost."""
    time.sleep((timeout + 50) / 1000 * ktap.TIME_FACTOR)


def asked(s, answers=(), **more):
    """Who is asked by a new handshake; some of them answer."""
    a = s.attempt(**more)
    told = a.connect()
    for i in answers:
        a.accept(i)
    return [int(word.removeprefix("SYN to s")) for word in told]


def fail(s, answers=(), times=3):
    """So many races without an answer of others than these."""
    for _ in range(times):
        asked(s, answers)
    pause()
    asked(s, answers)


def suspect(s, *suspects):
    wait_for(lambda: [i for i, state in enumerate(s.states(), 1)
                      if state == "suspect"] == list(suspects),
             f"suspects: {suspects}")


@case(instances=2, hold=0, timeout=10 * TIMEOUT, probe=0)
def who_is_silent_is_suspect(s):
    """Three races, and the time that a race has; nobody before."""
    for _ in range(5):
        equal(asked(s, [1]), [1, 2], "asked")
    equal(s.states(), ["up", "up"], "before its time is over")
    pause(10 * TIMEOUT)
    equal(asked(s, [1]), [1, 2], "the one who finds out")
    suspect(s, 2)
    equal(asked(s, [1]), [1], "asked")
    equal(s.stats()["suspected"], 1, "counted")


@case(instances=2, hold=0, timeout=TIMEOUT, probe=0)
def an_answer_is_an_answer(s):
    """However late in the row, and though another one has won."""
    for _ in range(3):
        fail(s, [1], 2)
        asked(s, [1, 2])
    pause()
    equal(s.states(), ["up", "up"], "states")


@case(instances=2, hold=0, timeout=TIMEOUT, probe=0)
def a_refusal_is_none(s):
    for again in range(4):
        a = s.attempt()
        a.connect()
        a.accept(1)
        a = s.attempt()
        a.connect()
        a.refuse(2)
        a.accept(1)
        if again == 2:
            pause()
    suspect(s, 2)


@case(instances=2, hold=0, timeout=TIMEOUT, fails=0)
def fails_0_suspects_nobody(s):
    fail(s, [1], 5)
    fail(s, [1], 5)
    equal(s.states(), ["up", "up"], "states")


@case(instances=3, candidates="random", fanout=1, fails=0, probe=1)
def a_probe_is_one_more(s):
    """It takes nobody's place, and its first answer brings it back."""
    s.set(3, "state suspect")
    for _ in range(10):
        first, second = asked(s)
        equal((first < 3, second), (True, 3), "asked")
    a = s.attempt()
    a.connect()
    equal(a.accept(3), ["SYN-ACK of s3 to edge"], "it may win")
    suspect(s)
    equal({len(asked(s)) for _ in range(5)}, {1}, "no probes")
    equal(s.stats()["probed"], 11, "counted")


@case(instances=3, candidates="random", fanout=1, probe=4)
@ktap.large
def a_share_of_handshakes_probes(s):
    """Five standard deviations of a binomial distribution."""
    s.set(3, "state suspect")
    n = 100
    probed = sum(len(asked(s)) == 2 for _ in range(n))
    true(abs(probed - n / 4) < 5 * (n * 3 / 16) ** 0.5, f"{probed} of {n}")


@case(instances=3, candidates="all", policy="load", probe=1)
def nobody_waits_for_a_suspect(s):
    s.set(2, "state suspect")
    a = s.attempt()
    equal(a.connect(), ["SYN to s1", "SYN to s2", "SYN to s3"], "asked")
    equal(a.accept(1, load=500), [], "held")
    equal(a.accept(3, load=100), ["RST to s1", "SYN-ACK of s3 to edge"],
          "decided")
    equal(a.accept(2, load=1), ["RST to s2"], "too late, but it lives")
    suspect(s)


@case(instances=2, hold=0, timeout=TIMEOUT, probe=0)
def where_all_are_suspect_all_are_asked(s):
    fail(s)
    suspect(s, 1, 2)
    equal(asked(s), [1, 2], "asked")
    equal(asked(s, [2]), [1, 2], "one comes back")
    suspect(s, 1)
    equal(asked(s), [2], "asked")


@case(instances=2)
def who_is_down_is_not_asked(s):
    s.set(1, "state down")
    equal(asked(s), [2], "asked")
    s.set(2, "state down")
    equal(s.attempt().connect(), [], "nobody is there")
    s.set(1, "state up")
    equal(asked(s), [1], "asked")
    equal(s.stats()["drop_no_instance"], 1, "counted")


@case(instances=2, hold=0, timeout=TIMEOUT, probe=1)
def changes_are_told(s):
    """Once each, whoever makes them."""
    with Monitor(s.sel.ns, "-j") as monitor:
        fail(s, [1])
        suspect(s, 2)
        asked(s, [2])
        suspect(s)
        s.set(2, "state down")
        events = [monitor.event() for _ in range(3)]
    equal([(e["sid"], e["state"]) for e in events],
          [(sid(2), "suspect"), (sid(2), "up"), (sid(2), "down")], "events")


@case(instances=3, candidates="all")
def the_next_tier_waits(s):
    s.set(3, "tier 1")
    equal(asked(s), [1, 2], "asked")
    s.set(1, "weight 0")
    equal(asked(s), [2], "one is left")
    s.set(2, "state down")
    equal(asked(s), [3], "the next tier")
    s.set(2, "state up")
    equal(asked(s), [2], "back")
    equal(s.stats()["spilled"], 1, "counted")


@case(instances=2, hold=0, timeout=TIMEOUT, probe=1)
def the_next_tier_takes_over_from_suspects(s):
    """And leaves it to them again as soon as one answers."""
    s.set(2, "tier 1")
    for _ in range(3):
        equal(asked(s), [1], "asked")
    pause()
    asked(s)
    suspect(s, 1)
    equal(asked(s, [2]), [1, 2], "the next tier, and a probe")
    equal(asked(s, [2, 1]), [1, 2], "it answers, too late to win")
    suspect(s)
    equal(asked(s), [1], "back")


@case(instances=3)
def a_busy_tier_is_spared(s):
    """By the mean of what its instances have told; it halves each second."""
    s.set(3, "tier 1")
    a = s.attempt()
    a.connect()
    a.accept(1, load=1000)
    equal(asked(s), [1, 2], "500 is below the mark")
    a = s.attempt()
    a.connect()
    a.accept(2, load=950)
    # What is known of a tier may be old by that.
    wait_for(lambda: asked(s) == [3], "the next tier")
    wait_for(lambda: asked(s) == [1, 2], "the load is forgotten")


@case(instances=3)
def losers_have_a_say_in_a_tiers_load(s):
    s.set(3, "tier 1")
    a = s.attempt()
    a.connect()
    a.accept(1, load=950)
    equal(a.accept(2, load=950), ["RST to s2"], "it has lost")
    wait_for(lambda: asked(s) == [3], "the next tier")


@case(instances=2, limit=10, mark=50)
def a_full_table_spares_the_first_tier(s):
    s.set(2, "tier 1")
    for _ in range(6):
        equal(asked(s), [1], "below the mark")
    for _ in range(4):
        equal(asked(s), [2], "above it")
    equal(s.open(), 10, "open")


@case(instances=2, pins=4, mark=50)
def so_does_a_table_of_pins(s):
    s.set(2, "tier 1")
    connections = []
    for _ in range(3):
        a = s.attempt(edge=None)
        equal(a.connect(), ["SYN to s1"], "below the mark")
        a.accept(1)
        a.send(a.ack(1))
        connections.append(a)
    equal(asked(s), [2], "above it")
    # Connections that their clients have ended do not count.
    connections[0].send(connections[0].ack(1, letters="FA"))
    equal(asked(s), [1], "below it again")


def hunted(s, letters="A"):
    """Where the packet of a connection that nobody remembers goes."""
    a = s.attempt(edge=None)
    packet, = s.wire.exchange(a.tcp(letters, 99, 99))
    srh = packet[IPv6ExtHdrSegmentRouting]
    equal(packet.dst, srh.addresses[-1], "active segment")
    return srh.addresses[::-1]


@case(instances=5, candidates="hash", fanout=2)
def hunts_end_at_suspects_and_spare_the_dead(s):
    s.set(2, "state suspect")
    s.set(4, "state down")
    s.set(5, "weight 0")
    for _ in range(10):
        *others, last = hunted(s)
        equal((sorted(others), last), ([sid(1), sid(3), sid(5)], sid(2)),
              "segments")


@case(instances=9, candidates="hash", fanout=2)
def hunts_reach_every_tier(s):
    for i in 8, 9:
        s.set(i, "tier 1")
    for _ in range(10):
        segments = hunted(s)
        equal((len(segments), set(segments[5:])), (7, {sid(8), sid(9)}),
              "segments")


def with_peer(s, tier=1):
    s.later("instance add service", s.name, "sid", PEER_SID, "addr", PEER,
            "tier", tier, "remote")
    s.sel.ns.flush()


def from_peer(a, segments=(SEL_SID, FAR)):
    """Packet 4 of the other site's selector, for us as the edge."""
    return IPv6(src=PEER, dst=SEL_SID) / IPv6ExtHdrSegmentRouting(
        addresses=list(segments), segleft=0,
        lastentry=len(segments) - 1) / a.synack(19)


@case(instances=1, candidates="hash")
def another_site_answers_for_its_server(s):
    """The edge learns of the server itself."""
    with_peer(s)
    s.set(1, "state down")
    a = s.attempt()
    equal(a.connect(), ["SYN to s9"], "asked")
    equal(a.send(from_peer(a)), ["SYN-ACK of s19 to edge"], "told")
    equal(a.send(from_peer(a)), ["SYN-ACK of s19 to edge"], "and again")
    equal(a.connect(), ["SYN to s9"], "the same SYN")


@case(instances=1)
def an_unaware_client_is_pinned_to_the_server(s):
    """By its acknowledgment; and stays there when all here is well again."""
    with_peer(s)
    s.set(1, "state down")
    a = s.attempt(edge=None)
    a.connect()
    equal(a.send(from_peer(a)), ["SYN-ACK of s19 to client"], "answer")
    equal(a.send(a.ack(19)), ["A to s19"], "the ACK")
    s.set(1, "state up")
    b = s.attempt(edge=None)
    equal(b.connect(), ["SYN to s1"], "a new one")
    equal(a.send(a.ack(19, b"data", "PA")), ["PA to s19"], "data")
    equal(s.stats()["pinned"], 1, "pins")
    packet, = s.wire.exchange(a.ack(19))
    equal(packet[IPv6ExtHdrSegmentRouting].addresses, [FAR], "segments")


@case(instances=1)
def a_site_that_names_no_server_is_not_believed(s):
    with_peer(s)
    s.set(1, "state down")
    a = s.attempt()
    a.connect()
    told = a.send(from_peer(a, [SEL_SID]))
    true(all(word.startswith("ICMPv6 4/") for word in told), f"{told}")


@case(instances=2)
def a_site_that_loses_is_reset(s):
    """It knows whom that is for."""
    with_peer(s, tier=0)
    a = s.attempt()
    equal(a.connect(), ["SYN to s1", "SYN to s2", "SYN to s9"], "asked")
    a.accept(1)
    equal(a.send(from_peer(a)), ["RST to s9"], "too late")


def tunnelled(a, inner, segments=(PEER_SID, PEER)):
    """What the other site's selector sends to ours, to the service."""
    return IPv6(src=PEER, dst=a.service) / IPv6ExtHdrSegmentRouting(
        addresses=[a.service, *segments[1:]], segleft=0,
        lastentry=len(segments) - 1) / inner


@case(instances=2)
def a_syn_from_another_site_stays_here(s):
    """It is this site's servers that are asked, and packet 4 goes there."""
    with_peer(s, tier=0)
    s.set(2, "tier 1")
    a = s.attempt(edge=PEER)
    told = a.send(tunnelled(a, a.tcp("S", a.isn, options=[("MSS", 1440)])))
    equal(told, ["SYN to s2"], "a tier with a site is passed over")
    equal(a.accept(2), ["SYN-ACK of s2 to edge"], "packet 4")
    rst = tunnelled(a, a.tcp("R", a.isn + 1))
    equal(a.send(rst), ["RST to s2"], "who has won here has lost there")
    rst[IPv6].src = "fc00:a:3::1"
    equal(a.send(rst), [], "a stranger's")
    equal(s.stats()["from_peer"], 1, "counted")


@case(instances=1, candidates="hash")
def a_hunt_from_another_site_stays_here(s):
    """What that one has not found at its own."""
    with_peer(s)
    a = s.attempt(edge=None)
    for what, sent, where in (
            ("a client's", a.tcp("A", 99, 99), [sid(1), PEER_SID]),
            ("a site's", tunnelled(a, a.tcp("A", 99, 99)), [sid(1)])):
        packet, = s.wire.exchange(sent)
        equal(packet[IPv6ExtHdrSegmentRouting].addresses[::-1], where, what)
        equal(innermost(packet).hlim, 63, "hop limit")


@case(instances=1)
def errors_follow_to_the_other_site(s):
    """About what the server there has sent to an unaware client."""
    with_peer(s)
    s.set(1, "state down")
    a = s.attempt(edge=None)
    a.connect()
    a.send(from_peer(a))
    a.send(a.ack(19))
    packet, = s.wire.exchange(
        IPv6(src="2001:db8:77::1", dst=a.service, hlim=64) /
        ICMPv6PacketTooBig(mtu=1280) / a.reply("A", isn_of(19) + 1))
    equal(packet[IPv6ExtHdrSegmentRouting].addresses, [FAR], "segments")


if __name__ == "__main__":
    run([value for value in list(globals().values())
         if getattr(value, "is_case", False)])
