#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 40
"""Every line of the selector's state machine (design section 3).

The selector is the only real host. The test plays clients, edges and servers,
so it decides who answers what and when, and it sees all that is sent.
"""

import multiprocessing
import os
import random
import time

from lib import ktap
from lib.ktap import equal, true
from lib.handshake import trace_of
from lib.selector import case, run
from lib.topology import SEL_SID, sid
from lib.wire import flags, innermost
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6

SYNS = ["SYN to s1", "SYN to s2", "SYN to s3"]
PINNED = 200
MPTCP, TFO, EXPERIMENT = 30, 34, 254
MP_CAPABLE, MP_JOIN = 0x01, 0x10


# A SYN.

@case()
def a_syn_goes_to_all_candidates(s):
    equal(s.attempt().connect(), SYNS, "of an aware client")
    equal(s.attempt(edge=None).connect(), SYNS, "of an unaware client")
    s.expect(open=2, syn=2, copy=6,
             instances={i: {"asked": 2} for i in (1, 2, 3)})


@case(policy="load")
def a_syn_again_goes_to_the_silent(s):
    a = s.attempt()
    a.connect()
    equal(a.accept(1, load=5), [], "held")
    equal(a.refuse(2), [], "one has refused")
    equal(a.connect(), ["SYN to s3"], "asked again")
    s.expect(open=1, syn=1, syn_again=1, copy=4, synack=1, refused=1)


@case()
def a_syn_after_the_decision_goes_to_the_winner(s):
    a = s.attempt()
    a.connect()
    a.accept(2)
    equal(a.connect(), ["SYN to s2"], "asked again")
    equal(a.accept(2), ["SYN-ACK of s2 to edge"], "emitted again")
    s.expect(open=1, syn=1, syn_again=1, copy=4, synack=1, decided=1,
             emit_again=1)


@case()
def a_syn_takes_todays_route(s):
    """What was looked up for the SYN before may not be good any more."""
    equal(s.attempt().connect(), SYNS, "the only way")
    s.sel.ns.ip("route add blackhole fc00:5::/32")
    equal(s.attempt().connect(), [], "no way")
    s.sel.ns.ip("route del blackhole fc00:5::/32")
    equal(s.attempt().connect(), SYNS, "the only way again")
    s.expect(open=3, syn=3, copy=9, host={"drop_no_route": 3})


@case()
def another_isn_is_another_handshake(s):
    a = s.attempt()
    b = s.attempt(port=a.port, isn=a.isn + 1)
    equal(a.connect(), SYNS, "first attempt")
    equal(b.connect(), SYNS, "second attempt")
    equal(a.accept(1), ["SYN-ACK of s1 to edge"], "first attempt")
    equal(b.accept(2), ["SYN-ACK of s2 to edge"], "second attempt")
    equal(b.accept(1), ["RST to s1"], "it lost the second, not the first")
    s.expect(open=2, syn=2, copy=6, synack=2, decided=2, reset=1)


# A SYN-ACK.

@case()
def the_first_synack_wins(s):
    a = s.attempt()
    a.connect()
    equal(a.accept(2), ["SYN-ACK of s2 to edge"], "emitted at once")
    equal(a.accept(1), ["RST to s1"], "a loser")
    equal(a.accept(2), ["SYN-ACK of s2 to edge"], "the winner again")
    equal(a.accept(1), ["RST to s1"], "the loser again")
    equal(a.accept(3), ["RST to s3"], "another loser")
    s.expect(open=1, syn=1, copy=3, synack=1, decided=1, emit_again=1, reset=3,
             instances={1: {"asked": 1, "reset": 2},
                        2: {"asked": 1, "answered": 1, "won": 1,
                            "no_telemetry": 1},
                        3: {"asked": 1, "reset": 1}})


@case()
def an_unaware_client_gets_a_bare_synack(s):
    a = s.attempt(edge=None)
    a.connect()
    equal(a.accept(2), ["SYN-ACK of s2 to client"], "emitted")
    equal(a.accept(1), ["RST to s1"], "a loser")
    equal(a.accept(2), ["SYN-ACK of s2 to client"], "the winner again")
    s.expect(open=1, syn=1, copy=3, synack=1, decided=1, emit_again=1, reset=1)


@case()
def a_synack_without_a_handshake_is_never_reset(s):
    a, b = s.attempt(), s.attempt(edge=None)
    equal(a.accept(1), ["SYN-ACK of s1 to edge"], "passed on")
    equal(b.accept(1), [], "no edge to pass it on to")
    equal(s.attempt().refuse(1), [], "a refusal of nothing")
    equal(a.send(a.from_server(1, a.synack(1), source="fc00:5:99::1")), [],
          "from nobody whom we know")
    s.expect(host={"passed_on": 1, "drop_no_state": 2,
                           "drop_foreign": 1})


@case()
def a_synack_of_another_isn_is_passed_on(s):
    a = s.attempt()
    old = s.attempt(port=a.port, isn=a.isn - 1)
    a.connect()
    a.accept(1)
    equal(old.accept(2), ["SYN-ACK of s2 to edge"], "of an older attempt")
    s.expect(syn=1, copy=3, synack=1, decided=1,
             host={"passed_on": 1})


@case(tombstone=1)
def after_the_tombstone_the_edge_decides(s):
    a, b = s.attempt(), s.attempt(edge=None)
    for x in a, b:
        x.connect()
        x.accept(1)
    s.quiet()
    equal(a.accept(1), ["SYN-ACK of s1 to edge"], "the winner again")
    equal(a.accept(2), ["SYN-ACK of s2 to edge"], "late")
    equal(b.accept(1), [], "the winner again, the client is unaware")
    equal(b.accept(2), [], "late, the client is unaware")
    s.expect(syn=2, copy=6, synack=2, decided=2,
             host={"passed_on": 2, "drop_no_state": 2})


@case(timeout=1, hold=1)
def a_syn_that_crosses_a_synack_on_its_way_to_the_edge(s):
    """The client may have accepted s1 by now: s1 must not lose a race. Nor
    may others be reset: the client may have accepted one of them before.
    """
    a = s.attempt()
    equal(a.connect(), SYNS, "asked")
    s.quiet()
    equal(a.accept(1), ["SYN-ACK of s1 to edge"], "passed on")
    equal(a.connect(), ["SYN to s1"], "asked again")
    equal(a.accept(2), ["SYN-ACK of s2 to edge"], "passed on, too")
    equal(a.accept(1), ["SYN-ACK of s1 to edge"], "the answer")
    equal(a.refuse(2), [], "nobody asked it")
    equal(a.refuse(1), ["RST of s1 to edge"], "it was asked")
    s.expect(open=1, syn=1, syn_again=1, copy=4, timeout=1, emit_again=1,
             host={"passed_on": 3, "drop_duplicate": 1})


@case(timeout=1, hold=1, tombstone=1000)
def passing_on_prolongs_what_it_leaves(s):
    a = s.attempt()
    a.accept(1)
    time.sleep(0.6)
    equal(a.accept(2), ["SYN-ACK of s2 to edge"], "another is passed on")
    time.sleep(0.6)
    equal(a.connect(), ["SYN to s1"], "the first is asked")
    s.quiet()
    equal(a.connect(), SYNS, "asked anew")


@case(limit=1)
def without_room_nothing_is_left(s):
    a, b = s.attempt(), s.attempt()
    a.connect()
    equal(b.accept(1), ["SYN-ACK of s1 to edge"], "passed on all the same")
    s.expect(open=1, syn=1, copy=3, host={"passed_on": 1})


@case(tombstone=1000)
def emitting_again_prolongs_the_tombstone(s):
    """The same at the tombstone's end."""
    a = s.attempt()
    a.connect()
    a.accept(1)
    time.sleep(0.6)
    equal(a.accept(1), ["SYN-ACK of s1 to edge"], "emitted again")
    time.sleep(0.6)
    equal(a.connect(), ["SYN to s1"], "asked again")


@case(tombstone=1)
def a_syn_after_the_tombstone_begins_anew(s):
    a = s.attempt()
    a.connect()
    a.accept(1)
    s.quiet()
    equal(a.connect(), SYNS, "asked anew")
    s.expect(open=1, syn=2, copy=6, synack=1, decided=1)


@case()
def who_was_not_asked_does_not_count(s):
    a = s.attempt()
    a.connect(options=[(MPTCP, bytes([MP_JOIN]) + bytes(9))])
    asked, = a.asked
    other = asked % 3 + 1
    equal(a.accept(other), [], "from an instance that was not asked")
    equal(a.refuse(other), [], "refused by it")
    equal(a.accept(asked), [f"SYN-ACK of s{asked} to edge"], "the one asked")
    equal(a.accept(other), [f"RST to s{other}"], "it is not the winner")
    s.expect(open=1, syn=1, single=1, copy=1, synack=1, decided=1, reset=1,
             host={"drop_duplicate": 2})


@case(policy="load")
def an_answer_counts_once(s):
    a = s.attempt()
    a.connect()
    for _ in range(2):
        equal(a.accept(1, load=5), [], "held")
        equal(a.refuse(2), [], "one has refused")
    s.expect(open=1, syn=1, copy=3, synack=1, refused=1,
             instances={1: {"asked": 1, "answered": 1},
                        2: {"asked": 1, "refused": 1}},
             host={"drop_duplicate": 2})


@case()
def an_instance_that_is_deleted_finishes_its_handshakes(s):
    a = s.attempt()
    a.connect()
    s.later("instance del service", s.name, "sid", sid(1))
    s.sel.ns.flush()
    equal(a.accept(1), ["SYN-ACK of s1 to edge"], "it was asked, so it counts")
    equal(a.accept(1), ["SYN-ACK of s1 to edge"], "and goes on to count")
    equal(s.attempt().connect(), SYNS[1:], "no new handshakes")
    s.expect(open=2, syn=2, copy=5, synack=1, decided=1, emit_again=1)


# Policies.

def pause(play, milliseconds):
    """Time passes, so that servers can claim to have needed it."""
    play.connect()
    time.sleep(milliseconds / 1000)


@case(policy="load")
def policy_load(s):
    a = s.attempt()
    a.connect()
    equal(a.accept(1, load=900), [], "held")
    equal(a.accept(2, load=100), [], "held")
    equal(a.accept(3, load=500),
          ["RST to s1", "RST to s3", "SYN-ACK of s2 to edge"], "decided")
    equal(a.accept(3, load=0), ["RST to s3"], "too late")
    s.expect(open=1, syn=1, copy=3, synack=3, decided=1, reset=3)


@case(policy="load")
def policy_load_silence_does_not_win(s):
    a = s.attempt()
    a.connect()
    equal(a.accept(1), [], "without telemetry")
    equal(a.accept(2, load=0xffffffff), [], "load unavailable")
    equal(a.accept(3, load=1000),
          ["RST to s1", "RST to s2", "SYN-ACK of s3 to edge"], "decided")
    s.expect(open=1, syn=1, copy=3, synack=3, decided=1, reset=2,
             instances={1: {"asked": 1, "answered": 1, "reset": 1,
                            "no_telemetry": 1}})


@case(policy="load")
def the_earlier_of_equals_wins(s):
    a = s.attempt()
    a.connect()
    for i in 2, 3:
        equal(a.accept(i, load=7), [], "held")
    equal(a.accept(1, load=7),
          ["RST to s1", "RST to s3", "SYN-ACK of s2 to edge"], "decided")
    s.expect(open=1, syn=1, copy=3, synack=3, decided=1, reset=2)


@case(policy="residence")
def policy_residence(s):
    a = s.attempt()
    pause(a, 50)
    equal(a.accept(1, residence=40000, load=0), [], "held")
    equal(a.accept(3, residence=10 ** 9, load=0), [], "longer than the trip")
    equal(a.accept(2, residence=10000, load=0),
          ["RST to s1", "RST to s3", "SYN-ACK of s2 to edge"], "decided")
    s.expect(open=1, syn=1, copy=3, synack=3, decided=1, reset=2)


def since(start):
    """Microseconds; the selector's clock for the round trip shows more."""
    return int((time.monotonic() - start) * 1000000)


@case(policy="network")
def policy_network(s):
    a = s.attempt()
    a.connect()
    start = time.monotonic()
    time.sleep(0.1)
    equal(a.accept(1, load=0), [], "all of it was the network's")
    equal(a.accept(3, residence=10 ** 9, load=0), [], "longer than the trip")
    equal(a.accept(2, residence=since(start), load=0),
          ["RST to s1", "RST to s3", "SYN-ACK of s2 to edge"],
          "almost all of it was the server's")
    s.expect(open=1, syn=1, copy=3, synack=3, decided=1, reset=2)


@case(policy="weighted", coef="0 1 1000")
def policy_weighted_by_residence_and_load(s):
    a = s.attempt()
    pause(a, 50)
    equal(a.accept(1, residence=0, load=30), [], "30000")
    equal(a.accept(2, residence=20000, load=5), [], "25000")
    equal(a.accept(3, residence=40000, load=0),
          ["RST to s1", "RST to s3", "SYN-ACK of s2 to edge"], "40000")
    s.expect(open=1, syn=1, copy=3, synack=3, decided=1, reset=2)


@case(policy="weighted", coef="1 0 10")
def policy_weighted_by_network_and_load(s):
    a = s.attempt()
    a.connect()
    start = time.monotonic()
    time.sleep(0.1)
    equal(a.accept(1, load=0), [], "100000 and more")
    equal(a.accept(2, residence=since(start), load=1000), [], "10000 and more")
    equal(a.accept(3, load=0),
          ["RST to s1", "RST to s3", "SYN-ACK of s2 to edge"], "as s1")
    s.expect(open=1, syn=1, copy=3, synack=3, decided=1, reset=2)


# When it is decided.

@case(policy="load", quorum=2)
def a_quorum_decides(s):
    a = s.attempt()
    a.connect()
    equal(a.accept(1, load=5), [], "held")
    equal(a.accept(2, load=9), ["RST to s2", "SYN-ACK of s1 to edge"],
          "two of three")
    equal(a.accept(3, load=1), ["RST to s3"], "too late")
    s.expect(open=1, syn=1, copy=3, synack=2, decided=1, reset=2)


@case(policy="load", hold=50)
def hold_begins_with_the_first_synack(s):
    a = s.attempt()
    a.connect()
    a.send(a.answer(1, load=900), a.answer(2, load=100))
    equal([a.wait(), a.wait()], ["SYN-ACK of s2 to edge", "RST to s1"],
          "when the time is up")
    equal(a.accept(3, load=1), ["RST to s3"], "too late")
    s.expect(open=1, syn=1, copy=3, synack=2, decided=1, reset=2)


@case(policy="load", hold=0)
def without_hold_the_first_wins(s):
    a = s.attempt()
    a.connect()
    equal(a.accept(1, load=900), ["SYN-ACK of s1 to edge"], "at once")
    s.expect(open=1, syn=1, copy=3, synack=1, decided=1)


@case(policy="load", hold=700, timeout=700)
def a_handshake_ends_within_its_timeout(s):
    """The second begins before the first is answered, and ends after it."""
    a, b = s.attempt(), s.attempt()
    pause(a, 200)
    b.connect()
    equal(b.accept(1, load=1), [], "held")
    equal(a.accept(1, load=1), [], "held, for less than `hold`")
    equal(a.wait(), "SYN-ACK of s1 to edge", "the first to begin")
    equal(b.wait(), "SYN-ACK of s1 to edge", "the second")
    s.expect(open=2, syn=2, copy=6, synack=2, decided=2)


@case(timeout=50, hold=50)
def without_an_answer_it_is_forgotten(s):
    a = s.attempt()
    a.connect()
    s.quiet()
    equal(a.send(), [], "nothing for the client")
    equal(a.connect(), SYNS, "asked anew")
    s.quiet()
    s.expect(open=0, syn=2, copy=6, timeout=2)


def ours(s, packet):
    return s.address in (innermost(packet).src, innermost(packet).dst)


@case(policy="load", hold=20)
@ktap.large
def decided_exactly_once(s):
    """Answers and timers race for many handshakes at once."""
    number = 40
    attempts = [s.attempt() for _ in range(number)]
    for a in attempts:
        a.connect()
    answers = [bytes(a.answer(i, load=random.randrange(1000)))
               for a in attempts for i in (1, 2, 3)]
    random.shuffle(answers)
    got = [p for p in s.wire.exchange(*answers) if ours(s, p)]
    while len(got) < 3 * number:
        packet = s.wire.wait()
        got += [packet] if ours(s, packet) else []
    kinds = [(innermost(p)[TCP].sport + innermost(p)[TCP].dport - 80,
              flags(innermost(p))) for p in got]
    for a in attempts:
        equal(sorted(k for port, k in kinds if port == a.port),
              ["R", "R", "SA"], "one winner, two losers")
    equal(s.attempt().send(), [], "no more than that")
    look, = [x for x in s.sel.show()["services"] if x["name"] == s.name]
    stats = look["stats"]
    equal((stats["decided"], stats["reset"], stats["emit_again"]),
          (number, 2 * number, 0), "decided, reset, emit_again")
    won = [i["stats"]["won"] for i in look["instances"]]
    equal(sum(won), number, "won by all")
    true(all(won), f"each has won some: {won}")


# Refusals.

@case()
def one_rst_when_all_refuse(s):
    for client, told in (({}, "RST of s2 to edge"),
                         ({"edge": None}, "RST of a server to client")):
        a = s.attempt(**client)
        a.connect()
        equal(a.refuse(1), [], "one of three")
        equal(a.refuse(3), [], "two of three")
        equal(a.refuse(2), [told], "all three")
        equal(a.refuse(2), [], "again")
    s.expect(open=0, syn=2, copy=6, refused=6, all_refused=2,
             host={"drop_no_state": 2})


@case()
def who_accepts_wins_over_those_who_refuse(s):
    a = s.attempt()
    a.connect()
    a.refuse(1)
    a.refuse(2)
    equal(a.accept(3), ["SYN-ACK of s3 to edge"], "the last one")
    equal(a.refuse(1), [], "no concern of the client")
    s.expect(open=1, syn=1, copy=3, synack=1, refused=2, decided=1,
             host={"drop_duplicate": 1})


@case(policy="load")
def a_refusal_completes_the_answers(s):
    a = s.attempt()
    a.connect()
    a.accept(1, load=500)
    a.accept(2, load=400)
    equal(a.refuse(3), ["RST to s1", "SYN-ACK of s2 to edge"], "all have said")
    s.expect(open=1, syn=1, copy=3, synack=2, refused=1, decided=1, reset=1)


@case(timeout=100, hold=100)
def refused_by_some_and_silence_of_the_rest(s):
    a = s.attempt()
    a.connect()
    equal(a.refuse(1) + a.refuse(2), [], "s3 may yet accept")
    s.quiet()
    equal(a.send(), [], "nothing for the client")
    s.expect(open=0, syn=1, copy=3, refused=2, timeout=1)


@case(policy="load")
def a_leader_who_refuses_does_not_win(s):
    a = s.attempt()
    a.connect()
    a.accept(1, load=0)
    equal(a.refuse(1), [], "the leader")
    equal(a.accept(2, load=900), [], "a new leader")
    equal(a.refuse(3), ["SYN-ACK of s2 to edge"], "decided")
    s.expect(open=1, syn=1, copy=3, synack=2, refused=2, decided=1)


@case(policy="load", hold=50)
def after_a_leader_refused_the_others_have_their_time(s):
    a = s.attempt()
    a.connect()
    a.accept(1, load=0)
    a.refuse(1)
    time.sleep(0.2)
    equal(s.open(), 1, "open after `hold`, as nobody is held")
    equal(a.accept(2, load=0), [], "held")
    equal(a.wait(), "SYN-ACK of s2 to edge", "when the time is up")
    s.expect(open=1, syn=1, copy=3, synack=2, refused=1, decided=1)


@case(policy="load")
def after_a_leader_refused_who_had_lost_may_win(s):
    a = s.attempt()
    a.connect()
    a.accept(1, load=0)
    equal(a.accept(2, load=900), [], "not kept, as s1 leads")
    equal(a.refuse(1), ["RST to s2"], "the leader")
    equal(a.connect(), ["SYN to s2", "SYN to s3"], "nobody is held")
    equal(a.accept(2, load=900), [], "held now")
    equal(a.refuse(3), ["SYN-ACK of s2 to edge"], "decided")
    s.expect(open=1, syn=1, syn_again=1, copy=5, synack=3, refused=2, reset=1,
             decided=1)


@case()
def a_winner_who_refuses_is_heard(s):
    a = s.attempt()
    a.connect()
    a.accept(1)
    equal(a.refuse(2), [], "a loser")
    equal(a.refuse(1), ["RST of s1 to edge"], "the winner")
    s.expect(open=1, syn=1, copy=3, synack=1, decided=1, emit_again=1,
             host={"drop_duplicate": 1})


# What is not replicated.

@case()
def what_is_meant_for_one_server_goes_to_one(s):
    syns = ({"payload": b"hello"},
            {"options": [(TFO, b"")]},
            {"options": [("MSS", 1440), (TFO, b"cookie12")]},
            {"options": [(EXPERIMENT, b"\xf9\x89cookie")]},
            {"options": [("MSS", 1440),
                         (MPTCP, bytes([MP_JOIN]) + bytes(9))]})
    for syn in syns:
        a = s.attempt()
        told = a.connect(**syn)
        equal(len(told), 1, f"copies of {syn}")
        equal(a.connect(**syn), told, "the same one again")
    for more in {}, {"options": [(MPTCP, bytes([MP_CAPABLE, 1]))]}, \
            {"options": [(EXPERIMENT, b"\x12\x34")]}:
        equal(s.attempt().connect(**more), SYNS, f"{more} to all")
    s.expect(open=8, syn=8, single=5, syn_again=5, copy=19)


@case(rate=1)
def above_the_rate_a_syn_goes_to_one(s):
    attempts = [s.attempt() for _ in range(5)]
    got = [p for p in s.wire.exchange(*[a.syn() for a in attempts])
           if ours(s, p)]
    copies = [sum(innermost(p)[TCP].sport == a.port for p in got)
              for a in attempts]
    equal(copies, [3, 1, 1, 1, 1], "copies of each")
    s.expect(open=5, syn=5, limited=4, copy=7)


# The table is full.

@case(limit=2)
def a_full_table_needs_no_state_of_an_aware_client(s):
    s.attempt().connect()
    s.attempt(edge=None).connect()
    a = s.attempt()
    told = a.connect()
    equal(len(told), 1, "copies")
    equal(a.connect(), told, "the same one again")
    asked, = a.asked
    equal(a.accept(asked), [f"SYN-ACK of s{asked} to edge"], "passed on")
    equal(s.attempt(edge=None).connect(), [], "an unaware client")
    s.expect(open=2, syn=2, copy=8, stateless=2, drop_full=1,
             host={"passed_on": 1})


@case(limit=1, candidates="hash")
def a_full_table_needs_no_state_of_who_can_be_hunted_for(s):
    """But a server that does not tell the way may have had it from an edge."""
    s.attempt(edge=None).connect()
    a = s.attempt(edge=None)
    told = a.connect()
    equal(len(told), 1, "copies")
    equal(a.connect(), told, "the same one again")
    asked, = a.asked
    bare = IPv6(src=sid(asked), dst=SEL_SID) / a.synack(asked)
    equal(a.send(bare), [], "no way told")
    equal(a.accept(asked), [f"SYN-ACK of s{asked} to client"], "passed on")
    equal(a.send(a.ack(asked)), [f"A to s{asked}"], "its ACK is hunted for")
    s.expect(open=1, syn=1, copy=5, stateless=2, hunted=1,
             host={"passed_on": 1, "drop_no_state": 1})


@case(limit=2, candidates="hash")
def a_repeated_syn_goes_where_an_unaware_client_may_be(s):
    """A SYN-ACK of a handshake that is forgotten; there is room again."""
    a = s.attempt(edge=None)
    equal(a.accept(2), ["SYN-ACK of s2 to client"], "passed on")
    equal(a.connect(), ["SYN to s2"], "the SYN again")
    equal(a.accept(2), ["SYN-ACK of s2 to client"], "the SYN-ACK again")
    s.expect(open=1, syn_again=1, copy=1, host={"passed_on": 2})


@case(limit=50)
@ktap.large
def a_flood_finds_its_limit(s):
    """Of 200 attempts 50 fit."""
    syns = [bytes(s.attempt(edge=None).syn()) for _ in range(200)]
    got = [p for p in s.wire.exchange(*syns) if ours(s, p)]
    equal(len(got), 150, "copies of those that fit")
    s.expect(open=50, syn=50, copy=150, drop_full=150)


@case(limit=1, timeout=20, hold=20)
def there_is_room_again_after_a_timeout(s):
    equal(s.attempt(edge=None).connect(), SYNS, "there is room")
    s.quiet()
    equal(s.attempt(edge=None).connect(), SYNS, "there is room again")
    s.quiet()
    s.expect(open=0, syn=2, copy=6, timeout=2)


@case(limit=1)
def there_is_room_again_after_a_refusal(s):
    a = s.attempt(edge=None)
    equal(a.connect(), SYNS, "there is room")
    a.refuse(1), a.refuse(2), a.refuse(3)
    equal(s.attempt(edge=None).connect(), SYNS, "there is room again")
    s.expect(open=1, syn=2, copy=6, refused=3, all_refused=1)


# Two processors.

def both_send(wire, packets):
    """Each packet from two processors, at the same moment if possible."""
    fork = multiprocessing.get_context("fork")
    reached = fork.RawArray("i", 2)

    def send(me, cpu):
        os.sched_setaffinity(0, {cpu})
        for number, packet in enumerate(packets, 1):
            reached[me] = number
            while reached[1 - me] < number:
                pass
            wire.send(packet)

    senders = [fork.Process(target=send, args=who) for who in
               enumerate(sorted(os.sched_getaffinity(0))[:2])]
    for process in senders:
        process.start()
    for process in senders:
        process.join()
        equal(process.exitcode, 0, "exit code of a sender")


@case(instances=1)
def two_processors_pin_a_connection_once(s):
    if len(os.sched_getaffinity(0)) < 2:
        raise ktap.Skip("there is one processor")
    attempts = [s.attempt(edge=None) for _ in range(PINNED)]
    for packets in ([a.syn() for a in attempts],
                    [a.answer(1) for a in attempts]):
        equal(len(s.wire.exchange(*packets)), PINNED, "passed on")
    both_send(s.wire, [bytes(a.ack(1)) for a in attempts])
    equal(len(s.wire.exchange()), 2 * PINNED, "ACKs passed on")
    s.expect(open=PINNED, syn=PINNED, copy=PINNED, synack=PINNED,
             decided=PINNED, pinned=PINNED, steered=2 * PINNED)


# Candidates, weights.

def asked_by(attempt):
    attempt.connect()
    return tuple(sorted(attempt.asked))


@case(instances=6, candidates="hash", fanout=2)
def candidates_hash_stay(s):
    """The flow alone decides."""
    seen = set()
    for _ in range(12):
        a = s.attempt()
        pair = asked_by(a)
        equal(len(pair), 2, "distinct candidates")
        equal(asked_by(s.attempt(port=a.port, isn=1)), pair, "another ISN")
        seen.add(pair)
    true(len(seen) > 1, "other flows, other servers")


@case(instances=6, candidates="random", fanout=2)
def candidates_random_change(s):
    first = s.attempt()
    seen = [asked_by(s.attempt(port=first.port, isn=i)) for i in range(40)]
    equal({len(pair) for pair in seen}, {2}, "distinct candidates")
    equal({i for pair in seen for i in pair}, {1, 2, 3, 4, 5, 6},
          "each is asked some time")


@case(instances=4, candidates="least", fanout=4, policy="load")
def candidates_least_are_the_idle(s):
    a = s.attempt()
    a.connect()
    for i, load in ((1, 1000), (2, 10), (3, 900), (4, 20)):
        a.accept(i, load=load)
    s.later("service set", s.name, "fanout", 2)
    s.sel.ns.flush()
    for _ in range(5):
        equal(asked_by(s.attempt()), (2, 4), "the two with the least load")


@case(instances=12, candidates="least", fanout=2)
@ktap.large
def candidates_least_of_many(s):
    """It looks at some of them, beginning anywhere, and each has its turn."""
    seen = [asked_by(s.attempt()) for _ in range(120)]
    equal({len(pair) for pair in seen}, {2}, "distinct candidates")
    equal({i for pair in seen for i in pair}, set(range(1, 13)),
          "each is asked some time")


def sole(s):
    """Somebody who is asked alone, the SYN's trace, and what is counted."""
    a = s.attempt()
    i, = asked_by(a)
    trace = trace_of(a.asked[i])
    equal(a.accept(i), [f"SYN-ACK of s{i} to edge"], "decided")
    told = s.sel.ns.instances(s.name)[i - 1]["stats"]
    return trace, told.get("no_telemetry", 0)


@case(instances=2, candidates="random", fanout=1)
def who_is_asked_alone_gets_no_trace(s):
    equal(sole(s), (None, 0), "trace, and answers without one")


@case(instances=2, candidates="least", fanout=1)
def candidates_least_asks_for_a_trace_always(s):
    trace, silent = sole(s)
    true(trace is not None, "trace")
    equal(silent, 1, "answers without one")


@case(instances=2, candidates="random", fanout=1, weights={1: 255})
def weights_count_for_random(s):
    light = [asked_by(s.attempt()) for _ in range(40)].count((2,))
    true(light <= 5, f"one in 256: {light} of 40")


@case(instances=2, candidates="hash", fanout=1, weights={1: 255})
def weights_count_for_hash(s):
    light = [asked_by(s.attempt()) for _ in range(40)].count((2,))
    true(light <= 5, f"one in 256: {light} of 40")


@case()
def weight_zero_drains(s):
    a, b = s.attempt(), s.attempt(edge=None)
    a.connect()
    b.connect()
    b.accept(2)
    s.weigh(2, 0)
    equal(s.attempt().connect(), ["SYN to s1", "SYN to s3"], "new handshakes")
    equal(a.accept(2), ["SYN-ACK of s2 to edge"], "of an old handshake")
    equal(a.connect(), ["SYN to s2"], "of an old handshake")
    equal(b.send(b.ack(2)), ["A to s2"], "of an old flow")
    s.weigh(1, 0)
    s.weigh(3, 0)
    equal(s.attempt().connect(), [], "nobody is left")
    s.weigh(3, 1)
    equal(s.attempt().connect(), ["SYN to s3"], "s3 is back")
    s.expect(open=4, syn=4, syn_again=1, copy=10, synack=2, decided=2,
             steered=1, pinned=1, drop_no_instance=1)


# An unaware client's later packets.

@case()
def an_unaware_client_is_steered_to_the_winner(s):
    a, other = s.attempt(edge=None), s.attempt(edge=None)
    a.connect()
    equal(a.send(a.ack(2)), [], "before the decision")
    a.accept(2)
    equal(a.send(a.ack(2)), ["A to s2"], "the ACK")
    equal(a.send(a.ack(2, b"GET", "PA")), ["PA to s2"], "data")
    equal(a.send(a.ack(2, b"", "FA")), ["FA to s2"], "the FIN")
    equal(other.send(other.ack(2)), [], "another flow")
    s.expect(open=1, syn=1, copy=3, synack=1, decided=1, steered=3, pinned=1,
             drop_no_state=2)


@case()
def the_same_4_tuple_again_is_steered_anew(s):
    a = s.attempt(edge=None)
    b = s.attempt(edge=None, port=a.port, isn=a.isn + 99999)
    for x, i in ((a, 1), (b, 2)):
        x.connect()
        x.accept(i)
        equal(x.send(x.ack(i)), [f"A to s{i}"], "the ACK")
    s.expect(open=2, syn=2, copy=6, synack=2, decided=2, steered=2, pinned=2)


@case()
def another_service_takes_the_address(s):
    """What the first one remembers is not its business."""
    a = s.attempt(edge=None)
    a.connect()
    a.accept(1)
    ns, route = s.sel.ns, f"route replace {s.address}/128 encap seg6local " \
        "action End.MAnycast service "
    ns.later(f"manycast service add other sid {SEL_SID} candidates all")
    ns.later(route + "other dev r1")
    ns.flush()
    equal(a.send(a.ack(1)), [], "the ACK")
    equal(ns.service("other")["stats"]["drop_no_state"], 1, "counted")
    ns.later(f"{route}{s.name} dev r1")
    ns.flush()
    equal(a.send(a.ack(1)), ["A to s1"], "back")
    s.sel.routeless.append("other")


@case(tombstone=30)
def steering_ends_with_the_tombstone(s):
    a = s.attempt(edge=None)
    b = s.attempt(edge=None, port=a.port, isn=a.isn + 99999)
    a.connect()
    a.accept(1)
    s.quiet()
    equal(a.send(a.ack(1)), [], "nobody remembers")
    b.connect()
    b.accept(2)
    s.quiet()
    s.expect(open=0, syn=2, copy=6, synack=2, decided=2, drop_no_state=1)


if __name__ == "__main__":
    run([value for value in list(globals().values())
         if getattr(value, "is_case", False)])
