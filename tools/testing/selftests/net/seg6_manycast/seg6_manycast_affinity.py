#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 40
"""Connections of clients without an edge outlive what the selector knows.

Real sockets in the whole topology, a host at r1 without an edge as the client.
The first are those that the selector remembers; the others it has forgotten,
and the flow's candidates are asked in turn who has them.
"""

import select
import socket
import struct
import time

from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6
from scapy.packet import Raw

from lib import craft, ktap, traffic
from lib.ktap import equal, true
from lib.topology import SEL_SID, SERVICE, UNAWARE, Topology, sid

SERVERS = 6
PORT = 7000
MANY = 12 if ktap.SLOW else 40
WORDS = "fanout 3 candidates hash"
TOMBSTONE = 200         # ms
# What s1 answers to the selector is lost on the way.
MUTE = """
table ip6 mute {
    chain forward {
        type filter hook forward priority 0;
        ip6 saddr %s drop
    }
}
""" % sid(1)
DELAYS = 1, 3, 5, 7, 9, 11     # ms: who is near wins, not who is asked first


class Network:
    """The topology, and a server on each of its hosts that says its name."""

    def __init__(self):
        self.topology = t = Topology(servers=SERVERS, nginx=False,
                                     delays=DELAYS)
        self.client = t.add_unaware()
        self.sel = t.sel
        self.servers = [traffic.Server(t.server(i), "::", f"s{i}", PORT)
                        for i in range(1, SERVERS + 1)]
        self.present = set(range(1, SERVERS + 1))
        self.socks = []
        self.forget()

    def connect(self, count=MANY, first_port=0):
        """Connections, each with the name of its server."""
        found = []
        for i in range(count):
            sock = traffic.connect(self.client, SERVICE, PORT,
                                   local=first_port and first_port + i)
            self.socks.append(sock)
            found.append((sock, traffic.ask(sock)))
        return found

    def forget(self, words="", present=None, tombstone=TOMBSTONE):
        """The selector starts again, with nothing but its configuration."""
        present = present or self.present
        sel = self.sel
        sel.ip(f"-6 route del {SERVICE}/128")
        sel.ip("manycast service del web")
        sel.later(f"manycast service add web sid {SEL_SID} "
                  f"tombstone {tombstone} {words or WORDS}")
        for i in sorted(present, reverse=True):
            sel.later(f"manycast instance add service web sid {sid(i)}")
        sel.later(f"route add {SERVICE}/128 encap seg6local "
                  "action End.MAnycast service web dev r1")
        sel.flush()
        self.present = present

    def send(self, *packets):
        """Packets as they are, from the client."""
        with self.client, socket.socket(socket.AF_INET6, socket.SOCK_RAW,
                                        socket.IPPROTO_RAW) as raw:
            for packet in packets:
                raw.sendto(packet, (SERVICE, 0))

    def stats(self):
        return self.sel.service()["stats"]

    def no_half_open(self):
        """Servers would repeat their SYN-ACKs for a minute."""
        for ns in self.topology.servers():
            ns.run("ss -K state syn-recv")

    def passed_on(self):
        """How often a server gave a packet to the next one."""
        return sum(s.stats()["hunt_on"] for s in self.topology.servers())

    def restore(self):
        for sock in self.socks:
            sock.close()
        self.socks = []
        self.forget(present=set(range(1, SERVERS + 1)))

    def remove(self):
        self.topology.remove()


def still(connections, word=b"again"):
    """Each is at its server."""
    for sock, name in connections:
        equal(traffic.ask(sock, word), name, "answers")


def quote(net, sock):
    """What the server of a connection sends next, as an error quotes it: what
    is acknowledged already, TCP does not listen to.
    """
    with net.client:
        raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW,
                            socket.IPPROTO_TCP)
    with raw:
        traffic.ask(sock, b"say something")
        mine = sock.getsockname()[1]
        while True:
            segment = bytearray(raw.recv(2000))
            sport, dport, seq = struct.unpack("!HHI", segment[:8])
            octets = len(segment) - 4 * (segment[12] >> 4)
            if (sport, dport) == (PORT, mine) and octets:
                segment[4:8] = struct.pack("!I", (seq + octets) % (1 << 32))
                return bytes(IPv6(src=SERVICE, dst=UNAWARE, nh=6) /
                             Raw(bytes(segment)))


def too_big(quoted, mtu):
    """From a router, about a server's packet."""
    return bytes(IPv6(src="fd00:2::2", dst=SERVICE) /
                 ICMPv6PacketTooBig(mtu=mtu) / Raw(quoted))


def learnt(net, mtu):
    """Servers that know of that MTU on the way to the client."""
    return {ns.name for ns in net.topology.servers()
            if f"mtu {mtu}" in ns.ip(f"-6 route get {UNAWARE} from {SERVICE}")}


network = ktap.Shared(Network)
CASES = []
case = ktap.case_of(network, CASES)


def over(net):
    """Wait until no tombstone helps any more."""
    ktap.wait_for(lambda: not net.sel.service()["open"], "tombstones end")


@case
def pins_outlive_the_tombstone(net):
    net.forget("candidates random fanout 3")
    connections = net.connect()
    over(net)
    still(connections)
    service = net.sel.service()
    equal(service["pinned_now"], MANY, "pins")
    equal(service["stats"]["pinned"], MANY, "pinned")
    equal(service["stats"]["hunted"], 0, "hunted")
    true(service["stats"]["steered"] >= 3 * MANY, "packets were steered")


@case
def a_selector_that_starts_again_hunts(net):
    connections = net.connect()
    net.forget()
    on = net.passed_on()
    still(connections)
    still(connections, b"and again")
    stats = net.stats()
    true(stats["hunted"] >= MANY, "packets were hunted for")
    equal(stats["drop_no_state"], 0, "drops")
    true(net.passed_on() > on, "some had to go on")
    equal((net.sel.service()["pinned_now"], stats["learnt"]), (MANY, MANY),
          "pins, of which servers have told")


@case
def without_a_table(net):
    net.forget(WORDS + " affinity hunt")
    connections = net.connect()
    over(net)
    still(connections)
    equal(net.stats()["pinned"], 0, "pinned")
    true(net.stats()["hunted"] >= MANY, "packets were hunted for")


@case
def servers_come_while_the_selector_starts_again(net):
    """Four of six, and then all: whoever has a connection keeps it."""
    net.forget(present={1, 2, 3, 4})
    connections = net.connect()
    net.forget(present=set(range(1, SERVERS + 1)))
    still(connections)


@case
def servers_go_while_the_selector_starts_again(net):
    """Of those that stay, none loses a connection. s1 has about a half of all,
    being the nearest.
    """
    connections = net.connect()
    net.forget(present={2, 3, 4, 6})
    gone = [c for c in connections if c[1] in ("s1", "s5")]
    true(gone, "somebody had a server that went")
    still([c for c in connections if c not in gone])
    for sock, _ in gone:
        try:
            name = traffic.ask(sock)
        except OSError:
            continue
        raise AssertionError(f"{name} answers for a server that went")


@case
@ktap.large
def who_lost_the_race_and_was_not_told(net):
    """It has a half-open socket of the connection, and is hunted before the
    winner for one half of the flows.
    """
    net.topology.r2.run("nft -f -", input=MUTE)
    try:
        connections = net.connect()
        true(net.topology.server(1).run("ss -Htn state syn-recv"),
             "s1 still waits for some")
        net.forget()
        still(connections)
        # Errors pass it by, too.
        net.forget(WORDS + " affinity hunt")
        # A path MTU only falls.
        for mtu, (sock, name) in zip(range(1300, 1292, -1), connections):
            net.send(too_big(quote(net, sock), mtu))
            ktap.wait_for(lambda m=mtu: learnt(net, m), "somebody learns")
            equal(learnt(net, mtu), {name}, "servers that know")
    finally:
        net.topology.r2.run("nft delete table ip6 mute")
        for ns in net.topology.servers():
            ns.ip("-6 route flush cache")
        net.no_half_open()


@case
def who_is_drained_keeps_its_connections(net):
    connections = net.connect()
    for i in 1, 2:
        net.sel.ip(f"manycast instance set service web sid {sid(i)} weight 0")
    over(net)
    still(connections)
    equal({name for _, name in net.connect()} & {"s1", "s2"}, set(),
          "drained ones that got new connections")
    # Their ranks stay, and so a selector that starts again finds them.
    drain = [f"manycast instance set service web sid {sid(i)} weight 0"
             for i in (1, 2)]
    net.forget()
    for line in drain:
        net.sel.ip(line)
    still(connections, b"hunted")


@case
def the_last_candidate_answers_for_nobody(net):
    """A connection that nobody has: one RST, and no more."""
    on = net.passed_on()
    with net.client:
        raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW,
                            socket.IPPROTO_TCP)
    with raw:
        net.send(craft.segment(UNAWARE, SERVICE, "A", sport=4711, dport=PORT,
                               ack=2000))
        heard = []
        while select.select([raw], [], [], 0.5 * ktap.TIME_FACTOR)[0]:
            heard.append(raw.recv(100))
    equal(len(heard), 1, "answers")
    _, _, seq, _, _, flags = struct.unpack("!HHIIBB", heard[0][:14])
    equal((seq, flags), (2000, 4), "sequence number and flags, a RST's")
    equal(net.passed_on() - on, SERVERS - 1, "servers that passed it on")


@case
def a_full_table_hunts(net):
    net.forget(WORDS + " pins 4")
    connections = net.connect()
    over(net)
    still(connections)
    service = net.sel.service()
    equal(service["pinned_now"], 4, "pins")
    equal(service["stats"]["pin_evicted"], MANY - 4, "evicted")
    true(service["stats"]["hunted"] >= MANY - 4, "packets were hunted for")


@case
@ktap.large
def a_syn_flood_takes_no_pin(net):
    """Handshakes that never complete push out nobody who did."""
    net.forget("candidates random limit 64 rate 0 pins 64")
    connections = net.connect()
    net.send(*(craft.segment(f"2001:db8:e::{i:x}", SERVICE, "S", sport=i,
                             dport=PORT) for i in range(0x1000, 0x1100)))
    # Nor does an ACK that answers no SYN-ACK.
    net.send(*(craft.segment(UNAWARE, SERVICE, "A", sport=i, dport=PORT,
                             ack=i) for i in range(2000, 2100)))
    over(net)
    still(connections)
    equal(net.sel.service()["pinned_now"], MANY, "pins")
    equal(net.stats()["pin_evicted"], 0, "evicted")
    net.no_half_open()


@case
def a_deleted_instance_has_no_pins(net):
    connections = net.connect()
    over(net)
    net.sel.ip(f"manycast instance del service web sid {sid(1)}")
    mine = [c for c in connections if c[1] == "s1"]
    ktap.wait_for(lambda: net.sel.service()["pinned_now"] ==
                  MANY - len(mine), "its pins go")
    still([c for c in connections if c not in mine])
    for sock, _ in mine:
        try:
            traffic.ask(sock)
        except OSError:
            continue
        raise AssertionError("somebody answers for a server that was deleted")


@case
def the_same_port_again(net):
    """A new connection from a port whose last one is pinned elsewhere."""
    for _ in range(6):
        (sock, name), = net.connect(1, 31000)
        time.sleep(0.5)
        equal(traffic.ask(sock), name, "after the tombstone")
        # No TIME-WAIT: it ends with a RST.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
        sock.close()
    equal(net.sel.service()["pinned_now"], 1, "pins")


@case
def the_same_port_while_a_server_knows_of_the_last(net):
    """Servers that are gone for the selector keep their connections, whose
    clients are told so by a RST and connect again from the same port.
    """
    for sock, _ in net.connect(MANY, 32000):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
    # Nobody hears of their end.
    net.sel.ip(f"-6 route replace blackhole {SERVICE}/128")
    for sock in net.socks:
        sock.close()
    net.socks = []
    net.forget()
    connections = net.connect(MANY, 32000)
    net.forget()
    still(connections)


@case
def a_cookie_is_as_good_as_a_socket(net):
    """A server in SYN-cookie mode has nothing but the cookie when the ACK
    comes; here that ACK is hunted for.
    """
    for ns in net.topology.servers():
        ns.sysctl("net.ipv4.tcp_syncookies", 2)
    net.forget(WORDS + " affinity hunt", tombstone=1)
    net.topology.r1.run("tc qdisc replace dev unaware root netem delay 50ms")
    try:
        connections = net.connect(8)
        still(connections)
        true(net.stats()["hunted"] >= 8, "ACKs were hunted for")
        equal(net.stats()["drop_no_state"], 0, "drops")
    finally:
        net.topology.r1.run("tc qdisc replace dev unaware root pfifo")
        for ns in net.topology.servers():
            ns.sysctl("net.ipv4.tcp_syncookies", 1)


@case
def packet_too_big_finds_its_server(net):
    """An error quotes what a server sent, and comes to the selector."""
    (sock, name), *_ = connections = net.connect(4)
    for what, mtu in ("remembered", 1300), ("hunted", 1290):
        if what == "hunted":
            net.forget(WORDS + " affinity hunt")
        quoted = quote(net, sock)
        before = net.stats()["hunted"]
        net.send(too_big(quoted, mtu))
        ktap.wait_for(lambda m=mtu: learnt(net, m), "somebody learns")
        time.sleep(0.1)
        equal(learnt(net, mtu), {name}, f"{what}: servers that know")
        equal(net.stats()["hunted"] > before, what == "hunted", what)
    for ns in net.topology.servers():
        ns.ip("-6 route flush cache")
    still(connections)


@case
def an_error_about_nothing(net):
    """Nobody has sent that, and an echo request is no error: no harm."""
    before = net.sel.stats()["drop_upper_layer"]
    net.send(too_big(craft.segment(SERVICE, UNAWARE, "A", sport=PORT,
                                   dport=4711), 1290))
    ktap.wait_for(lambda: net.stats()["hunted"] == 1, "it was hunted for")
    ping = net.client.run(f"ping -c 1 -W 1 {SERVICE}", check=False)
    true(ping.returncode, "nobody answers a ping")
    equal(net.sel.stats()["drop_upper_layer"] - before, 1, "drops")
    equal(learnt(net, 1290), set(), "servers that know")


@case
def only_hash_can_hunt(net):
    for words in ("candidates random affinity hunt", "affinity hunt "
                  "candidates least"):
        done = net.sel.ip(f"manycast service set web {words}", check=False)
        true("affinity hunt needs candidates hash" in done.stderr,
             f"{words}: {done.stderr}")


if __name__ == "__main__":
    try:
        ktap.run(CASES)
    finally:
        network.remove()
