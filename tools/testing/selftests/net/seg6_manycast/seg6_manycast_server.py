#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 10
"""The server of design section 3: records, SYN-ACKs, refusals, load.

The server is the only real host, with real sockets. The test plays selector,
edge and clients.
"""

import socket
import struct
import time

from lib import ktap
from lib.handshake import UNAVAILABLE, nodes_of, trace_of
from lib.ktap import equal, true, wait_for
from lib.selector import counted
from lib.server import NODE_ID, OWN, SELECTOR_ENTRY, Client, run, the_server
from lib.topology import SERVICE
from scapy.layers.inet6 import IPv6

RECORDS = 65536
CASES = []
case = ktap.case_of(the_server, CASES)


@case
def a_record_ends_with_the_repetitions_of_the_synack(s):
    """None here, so after a second. A bare SYN tells whether there is one.
    It comes first, as records go in the order in which they came.
    """
    s.ns.sysctl("net.ipv4.tcp_synack_retries", 0)
    listener = s.listen()
    c = Client(s, listener)
    start = time.monotonic()
    c.connect()

    def gone():
        c.bare()
        return "drop_no_record" in s.counts(listener)
    wait_for(gone, "the record is gone", step=0.3)
    true(time.monotonic() - start > 0.9, "not at once")


@case
def a_synack_goes_back_with_telemetry(s):
    c = Client(s, s.listen())
    equal(c.connect(nodes=12, hops=58), ["SA to selector"], "answer")
    true(IPv6 in c.answer and c.answer.fl, "a flow label")
    first, arrival, departure = nodes_of(trace_of(c.answer))
    equal(first, SELECTOR_ENTRY, "what was there")
    equal((arrival[0], arrival[1], arrival[4]), (57, NODE_ID, UNAVAILABLE),
          "hop limit, id and data on arrival")
    equal((departure[0], departure[1], departure[4]), (64, NODE_ID, 0),
          "hop limit, id and load on departure")
    true(arrival[2:4] <= departure[2:4], "first arrival, then departure")
    true(abs(time.time() - arrival[2]) < 60, "by the clock")


@case
def a_synack_goes_back_without_a_trace_or_an_edge(s):
    listener = s.listen()
    c = Client(s, listener, edge=None)
    equal(c.connect(), ["SA to selector"], "answer")
    true(trace_of(c.answer) is None, "no trace, as there was none")
    full = Client(s, listener)
    equal(full.connect(nodes=1), ["SA to selector"], "a trace without room")
    equal(nodes_of(trace_of(full.answer)), [SELECTOR_ENTRY], "only the first")


@case
def data_go_out_bare(s):
    listener = s.listen()
    c = Client(s, listener)
    c.connect()
    equal(s.waiting(listener), 1, "sockets that wait for the ACK")
    equal(c.segment(), [], "the ACK")
    equal(s.waiting(listener), 0, "sockets that wait for the ACK")
    peer, _ = listener.accept()
    peer.send(b"220 ready\r\n")
    equal(c.send(), ["PA to client"], "the server speaks first")
    equal(c.segment("PA", b"QUIT\r\n"), ["A to client"], "an ACK")
    equal(peer.recv(100), b"QUIT\r\n", "what the server reads")
    peer.close()
    equal(c.send(), ["FA to client"], "a FIN")


def abort(sock):
    """Close with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


@case
def the_record_dies_with_the_clients_ack(s):
    """Then a RST with the same ACK number is no refusal any more."""
    listener = s.listen()
    c = Client(s, listener)
    c.connect()
    c.segment()
    abort(listener.accept()[0])
    equal(c.send(), ["RA to client"], "the server aborts")


@case
def a_repeated_syn_does_not_turn_an_abort_into_a_refusal(s):
    """The stack does not answer each of them: it limits their rate."""
    listener = s.listen()
    c = Client(s, listener)
    equal(c.connect(), ["SA to selector"], "the SYN")
    wait_for(lambda: not c.connect(), "a SYN is not answered", step=0)
    c.segment()
    abort(listener.accept()[0])
    equal(c.send(), ["RA to client"], "the server aborts")


@case
def a_late_syn_does_not_turn_an_abort_into_a_refusal(s):
    """The network has kept a copy until the client's ACK was there."""
    listener = s.listen()
    c = Client(s, listener)
    c.connect()
    c.segment()
    equal(c.connect(), ["A to client"], "a challenge ACK")
    abort(listener.accept()[0])
    equal(c.send(), ["RA to client"], "the server aborts")


@case
def only_the_right_ack_makes_it_forget(s):
    """The SYN-ACK, repeated after a second, still goes to the selector."""
    listener = s.listen()
    c = Client(s, listener)
    c.connect()
    equal(c.segment(off=1), ["R to client"], "somebody's guess")
    equal(c.reset_it(off=-1), [], "a RST of another attempt")
    equal(s.waiting(listener), 1, "sockets")
    equal(c.wait(), "SA to selector", "the SYN-ACK again")


@case
def a_loser_is_gone_at_once(s):
    listener = s.listen()
    c = Client(s, listener)
    s.ns.ip(f"manycast listener set {SERVICE} port {c.dport} load auto")
    c.connect()
    equal(s.waiting(listener), 1, "sockets")
    equal(c.reset_it(), [], "the selector's RST")
    equal(s.waiting(listener), 0, "sockets")
    equal(c.bare(), [], "a bare SYN shows that the record is gone, too")
    equal(s.counts(listener), {"syn": 1, "synack": 1, "drop_no_record": 1},
          "of the listener")
    equal(c.connect(), ["SA to selector"], "the same SYN again")


@case
def a_synack_whose_record_is_gone_is_dropped(s):
    listener = s.listen()
    first, bare = Client(s, listener), Client(s, listener)
    first.connect()
    equal(bare.bare(), [], "no SYN through the SID")
    equal(s.counts(listener), {"synack": 1, "drop_no_record": 1},
          "of the listener")


@case
@ktap.large
def records_find_their_limit(s):
    """The oldest are forgotten. A service that is not here needs no answer."""
    first = Client(s, ("2001:db8:5::ff", 80))
    syn = first.to_server(1, first.tcp("S", 0)).build()
    was = s.ns.stats()
    # So that none is forgotten for its age, however long this takes.
    s.ns.sysctl("net.ipv4.tcp_synack_retries", 7)
    s.wire.flood(syn, len(syn) - 16, RECORDS + 300)
    s.ns.sysctl("net.ipv4.tcp_synack_retries", 5)
    now = s.ns.stats()
    equal(now["drop_no_route"] - was["drop_no_route"], RECORDS + 300, "SYNs")
    evicted = now["record_evicted"] - was["record_evicted"]
    true(300 <= evicted <= 400, f"{evicted} forgotten, of a few more")


@case
def what_was_never_under_selection_is_untouched(s):
    for listener in s.listen(), s.listen(address=OWN):
        c = Client(s, listener)
        equal(c.bare(), ["SA to client"], "a bare SYN")
        true(s.listener(listener) is None, "no listener of ours")
    c = Client(s, (SERVICE, 7999))
    equal(c.bare(), ["RA to client"], "a bare refusal")


@case
def the_same_port_of_the_servers_own_address_is_untouched(s):
    selected = s.listen()
    own = s.listen(port=selected.getsockname()[1], address=OWN)
    c = Client(s, selected)
    equal(c.connect(), ["SA to selector"], "the service")
    c = Client(s, own)
    equal(c.bare(), ["SA to client"], "the host's own")


@case
def a_refusal_goes_to_the_selector(s):
    c = Client(s, (SERVICE, 7998))
    s.ns.ip(f"manycast listener set {SERVICE} port 7998 load 1")
    for _ in range(2):
        equal(c.connect(nodes=12), ["RA to selector"], "nobody listens")
    nodes = nodes_of(trace_of(c.answer))
    equal(len(nodes), 3, "entries of the trace")
    equal(nodes[2][4], UNAVAILABLE, "who refuses has no load")
    equal(c.bare(), ["RA to client"], "a bare SYN")
    found, = [x for x in s.ns.ip_json("-s manycast listener show")
              if x["port"] == 7998]
    equal(counted(found["stats"]), {"syn": 2, "refused": 2},
          "of the listener")


@case
def load_is_the_fill_of_the_accept_queue(s):
    """A backlog of 3 holds 4; nobody accepts."""
    listener = s.listen(backlog=3)
    for want in 0, 250, 500, 750:
        c = Client(s, listener)
        c.connect(nodes=12)
        equal(c.load(), want, "load in per mille")
        c.segment()
    equal(Client(s, listener).connect(nodes=12), [], "the queue is full")
    for _ in range(2):
        listener.accept()[0].close()
    c.send()
    c = Client(s, listener)
    c.connect(nodes=12)
    equal(c.load(), 500, "after two were accepted")


@case
def what_was_told_counts_beside_the_queue(s):
    """A backlog of 3 holds 4; nobody accepts."""
    listener = s.listen(backlog=3)
    port = listener.getsockname()[1]
    for told, want in ((100, 100), (100, 350), (600, 1000), ("auto", 750)):
        s.ns.ip(f"manycast listener set {SERVICE} port {port} load {told}")
        c = Client(s, listener)
        c.connect(nodes=12)
        equal(c.load(), want, f"load in per mille, told {told}")
        c.segment()


@case
def load_can_be_set(s):
    listener = s.listen()
    port = listener.getsockname()[1]
    for word, want in (("1000", 1000), ("333", 333), ("0", 0), ("auto", 0)):
        s.ns.ip(f"manycast listener set {SERVICE} port {port} load {word}")
        c = Client(s, listener)
        c.connect(nodes=12)
        equal(c.load(), want, f"load {word}")
    s.ns.ip(f"manycast listener set {SERVICE} port {port} load 7")
    s.ns.ip(f"manycast listener del {SERVICE} port {port}")
    c = Client(s, listener)
    c.connect(nodes=12)
    equal(c.load(), 0, "forgotten")


@case
def the_accept_queue_may_be_full_when_the_ack_comes(s):
    """The stack drops that ACK and repeats the SYN-ACK: the client, waiting
    for the server to speak, learns of it in no other way.
    """
    listener = s.listen(backlog=2)
    late = Client(s, listener)
    equal(late.connect(), ["SA to selector"], "the SYN-ACK")
    for _ in range(3):
        c = Client(s, listener)
        c.connect()
        c.segment()
    equal(late.segment(), [], "the queue is full")
    equal(s.waiting(listener), 1, "sockets that wait for another ACK")
    listener.accept()[0].close()
    equal(late.wait(), "SA to selector", "the SYN-ACK again")
    late.segment()
    equal(s.waiting(listener), 0, "sockets that wait for another ACK")


@case
def syncookies(s):
    """No sockets wait for an ACK, and SYN-ACKs take the same way."""
    s.ns.sysctl("net.ipv4.tcp_syncookies", 2)
    listener = s.listen()
    c, loser = Client(s, listener), Client(s, listener)
    equal(c.connect(nodes=12), ["SA to selector"], "answer")
    equal(c.load(), 0, "load")
    equal(loser.connect(), ["SA to selector"], "answer")
    equal(s.waiting(listener), 0, "sockets")
    equal(loser.reset_it(), [], "the selector's RST")
    equal(c.segment(), [], "the ACK")
    peer, _ = listener.accept()
    abort(peer)
    equal(c.send(), ["RA to client"], "the server aborts")


@case
def the_same_4_tuple_again(s):
    """The server has closed first and is in TIME-WAIT."""
    listener = s.listen()
    c = Client(s, listener)
    c.connect()
    c.segment()
    listener.accept()[0].close()
    equal(c.send(), ["FA to client"], "the server's FIN")
    c.through(c.tcp("FA", c.isn + 1, c.number + 2))
    again = Client(s, listener, port=c.port, isn=c.isn + 100000)
    equal(again.connect(), ["SA to selector"], "another ISN")
    equal(again.segment(), [], "the ACK")
    abort(listener.accept()[0])
    equal(again.send(), ["RA to client"], "the server aborts")


if __name__ == "__main__":
    run(CASES)
