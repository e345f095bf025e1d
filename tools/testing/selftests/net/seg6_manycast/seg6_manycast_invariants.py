#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 60
# size: large
"""What always holds, whatever the network does (design section 3).

Real sockets in the whole topology, many at once, of both kinds of clients;
the server speaks first. A client never sees a RST, talks to the one server
that its connection began with, and no other server keeps a socket for it.
"""

import collections
import errno
import socket
import struct
import subprocess
import time

from lib import ktap
from lib.banner import Client, Loop, Server
from lib.ktap import equal, true
from lib.topology import SERVICE, Topology

SERVERS = 4
PORT, NOBODY = 7000, 7001
# Who is asked must not depend on who was silent in an earlier case.
SERVICE_WORDS = "candidates random fanout 3 tombstone 4000 fails 0"
EACH = 25 if ktap.SLOW else 100     # connections of each kind of client
SYN_RECEIVED = "03"
TIME_WAIT = "06"
COUNT_RST = """
table ip6 seen {
    chain input {
        type filter hook input priority 0;
        tcp flags & rst == rst counter
    }
}
"""

LOSE_ACKS = """
table ip6 lost {
    chain forward {
        type filter hook forward priority 0;
        ip6 nexthdr 41 drop
    }
}
"""


class Network:
    """The topology, a server on each of its servers, and the clients."""

    def __init__(self):
        self.topology = t = Topology(servers=SERVERS, nginx=False,
                                     service=SERVICE_WORDS)
        self.loop = Loop()
        self.servers = {f"s{i}": Server(self.loop, t.server(i), f"s{i}",
                                        SERVICE, PORT)
                        for i in range(1, SERVERS + 1)}
        for ns in t.client, t.own:
            ns.run("nft -f -", input=COUNT_RST)
        self.clients, self.stormy, self.changed = [], False, False

    def rsts(self):
        """How many RSTs each client has received."""
        seen = {}
        for ns in self.topology.client, self.topology.own:
            text = ns.run("nft list ruleset")
            seen[ns.name] = int(text.split("counter packets ")[1].split()[0])
        return seen

    def connect(self, host, port=PORT, **more):
        client = Client(self.loop, self.topology.hosts[host], SERVICE, port,
                        **more)
        self.clients.append(client)
        return client

    def until(self, condition, what, timeout=10):
        true(self.loop.run(condition, timeout * ktap.TIME_FACTOR),
             f"timed out: {what}")

    def waiting(self, clients=None):
        """Who has a socket that waits for the ACK of one of these clients."""
        mine = clients and {c.local for c in clients}
        return [(name, peer) for name in self.servers
                for peer in half_open(self.topology.hosts[name])
                if mine is None or peer in mine]

    def open(self):
        return self.topology.sel.service()["open"]

    def stats(self):
        return self.topology.sel.service()["stats"]

    def passed_on(self):
        return self.topology.sel.stats()["passed_on"]

    def set(self, words):
        """Change the service for the rest of a case."""
        self.topology.sel.ip("manycast service set web " + words)
        self.changed = True

    def restore(self):
        """After a case: all hang up, servers listen, links work."""
        self.calm()
        for client in self.clients:
            client.close()
        self.clients = []
        for server in self.servers.values():
            server.hang_up()
            server.accepted.clear()
            server.reset.clear()
            server.listen()
        if self.changed:
            self.topology.sel.ip("manycast service set web " + SERVICE_WORDS)
        self.changed = False

    def netem(self, words):
        """words(a, b) of the link from host a to host b, or None."""
        self.stormy = True
        for name, ns in self.topology.hosts.items():
            lines = []
            for peer in peers(name):
                how = words(name, peer)
                lines.append(f"qdisc replace dev {peer} root netem limit "
                             f"100000 {how}" if how else
                             f"qdisc replace dev {peer} root pfifo")
            subprocess.run(["tc", "-n", ns.name, "-batch", "-"], check=True,
                           input="\n".join(lines), text=True)

    def calm(self):
        if self.stormy:
            self.netem(lambda a, b: None)
        self.stormy = False

    def cut(self, name):
        """Nothing reaches this server, nor comes from it."""
        self.stormy = True
        for ns, dev in ((self.topology.r2, name),
                        (self.topology.hosts[name], "r2")):
            ns.run(f"tc qdisc replace dev {dev} root netem loss 100%")

    def remove(self):
        self.topology.remove()


def sockets(ns):
    """A host's: local end, peer and state of each, as /proc writes them."""
    with ns, open("/proc/net/tcp6", encoding="ascii") as f:
        return [line.split()[1:4] for line in f][1:]


def half_open(ns):
    """Peers, address and port, of a host's sockets in SYN-RECEIVED."""
    return [address(peer) for _, peer, state in sockets(ns)
            if state == SYN_RECEIVED]


def has_port(ns, port):
    """A host has a socket with this local port, not counting TIME-WAIT."""
    return any(address(local)[1] == port for local, _, state in sockets(ns)
               if state != TIME_WAIT)


def address(text):
    """What /proc writes: words of 32 bits in the host's order."""
    words, port = text.split(":")
    packed = struct.pack("=4I", *struct.unpack(">4I", bytes.fromhex(words)))
    return socket.inet_ntop(socket.AF_INET6, packed), int(port, 16)


LINKS = [("client", "edge"), ("edge", "r1"), ("own", "r1"), ("sel", "r1"),
         ("r1", "r2")] + [(f"s{i}", "r2") for i in range(1, SERVERS + 1)]


def peers(name):
    """Whom a host has a link to."""
    return [b if a == name else a for a, b in LINKS if name in (a, b)]


network = ktap.Shared(Network)
CASES = []
case = ktap.case_of(network, CASES)


# Many connections at once.

def check(net, clients):
    """All are through, and each has one server, of the same name always."""
    equal([c for c in clients if c.error], [], "connections that failed")
    equal([c for c in clients if not c.done], [], "connections not through")
    for c in clients:
        equal(c.lines, [f"{c.name} {n}" for n in (1, 2, 3)], "answers")
        true(c.local in net.servers[c.name].accepted, f"{c} by {c.name}")
    for server in net.servers.values():
        equal([c for c in clients if c.local in server.reset], [],
              f"connections of {server.name} that were reset")
    by = collections.Counter(p for s in net.servers.values()
                             for p in s.accepted)
    equal([p for p, n in by.items() if n > 1], [], "accepted more than once")
    used = {c.name for c in clients}
    true(len(used) > 1, f"more than one server is used: {used}")


def converse(net, seconds):
    """Begin many at once, and let the storm be over after a while."""
    clients = [net.connect(host, talk=3) for _ in range(EACH)
               for host in ("client", "own")]
    net.loop.run(lambda: all(c.done or c.error for c in clients), seconds)
    print(f"# {sum(bool(c.done) for c in clients)} of {len(clients)} through "
          f"after {seconds} seconds of it")
    net.calm()
    net.loop.run(lambda: all(c.done or c.error for c in clients), 60)
    return clients


@case
def a_calm_network(net):
    """Losers' sockets are gone at once: the first timer of a SYN-ACK would
    take a second.
    """
    before = net.rsts()
    net.netem(lambda a, b: f"delay {2 * int(b[1])}ms" if a == "r2" and
              b[0] == "s" else None)
    clients = [net.connect(host, talk=3) for _ in range(EACH)
               for host in ("client", "own")]
    net.until(lambda: all(c.name or c.error for c in clients), "all greeted")
    start = time.monotonic()
    net.until(lambda: not net.waiting(clients), "losers are gone", 0.9)
    print(f"# losers gone after {(time.monotonic() - start) * 1000:.0f} ms")
    net.until(lambda: all(c.done or c.error for c in clients), "all through")
    check(net, clients)
    for c in clients:
        c.finish()
    net.until(lambda: all(c.ended for c in clients), "all end in good order")
    equal(net.rsts(), before, "RSTs at the clients")


def storm(net, seconds, words):
    before = net.rsts()
    net.netem(words)
    clients = converse(net, seconds)
    check(net, clients)
    equal(net.rsts(), before, "RSTs at the clients")


@case
def duplicates_and_reordering(net):
    storm(net, 20, lambda a, b: "delay 10ms 8ms reorder 30% duplicate 20%")


@case
def some_is_lost_everywhere(net):
    storm(net, 5, lambda a, b: "delay 4ms 3ms loss 10% duplicate 5%")


@case
def some_is_lost_here_and_there(net):
    """At the selector, and at two of the servers."""
    def words(a, b):
        if "sel" in (a, b) or {"s1", "s2"} & {a, b}:
            return "delay 3ms 2ms loss 30%"
        return "delay 3ms 2ms loss 2% reorder 20% duplicate 10%"
    storm(net, 5, words)


# Servers that fail.

@case
def all_refuse(net):
    before = net.rsts()
    for host in "client", "own":
        c = net.connect(host, NOBODY)
        net.until(lambda c=c: c.error, f"{host} hears of it")
        equal(c.error, errno.ECONNREFUSED, f"the error of {host}")
    equal({name: n - before[name] for name, n in net.rsts().items()},
          {"client": 1, "own": 1}, "RSTs at the clients")


@case
def some_refuse_and_the_one_who_would_accept_is_silent(net):
    """No RST: the SYN is repeated, and finds it reachable again."""
    before = net.rsts()
    net.set("candidates all")
    net.cut("s4")
    for name in "s1", "s2", "s3":
        net.servers[name].stop()
    was = net.stats()["refused"]
    c = net.connect("client")
    net.until(lambda: net.stats()["refused"] - was >= 3, "others refuse")
    equal((c.connected, c.error), (False, None), "the client still waits")
    net.calm()
    net.until(lambda: c.name, "the SYN again")
    equal(c.name, "s4", "who accepts")
    equal(net.rsts(), before, "RSTs at the clients")


@case
def none_is_there(net):
    """The handshake is forgotten; a SYN repeated later begins another."""
    for name in net.servers:
        net.cut(name)
    was = net.stats()["timeout"]
    clients = [net.connect(host) for host in ("client", "own")]
    net.until(lambda: net.stats()["timeout"] - was >= 2, "forgotten")
    equal([(c.connected, c.error) for c in clients], [(False, None)] * 2,
          "the clients still wait")
    net.calm()
    net.until(lambda: all(c.name for c in clients), "the SYN again")


def lose_the_ack(net, host):
    """A client that is connected to a server that does not know it yet."""
    net.topology.r2.run("nft -f -", input=LOSE_ACKS)
    c = net.connect(host)
    net.until(lambda: c.connected, "the SYN-ACK")
    net.until(lambda: len(net.waiting([c])) == 1, "losers are reset")
    (winner, _), = net.waiting([c])
    return c, winner


def acks_again(net):
    net.topology.r2.run("nft delete table ip6 lost")


@case
def a_synack_again_after_the_tombstone(net):
    """The ACK is lost, so the winner repeats its SYN-ACK, which the selector
    does not know any more. The server speaks first: nothing else would help.
    """
    before, was = net.rsts(), net.passed_on()
    net.set("tombstone 100")
    c, winner = lose_the_ack(net, "client")
    net.until(lambda: net.passed_on() > was, "the SYN-ACK is passed on")
    acks_again(net)
    net.until(lambda: c.name, "the SYN-ACK again, and an ACK for it")
    equal(c.name, winner, "the server")
    equal(net.rsts(), before, "RSTs at the clients")


@case
def the_winner_dies_before_the_ack(net):
    """It has forgotten everything when it is back. That ends this connection,
    as it would anywhere, but not the next.
    """
    c, winner = lose_the_ack(net, "own")
    net.cut(winner)
    net.servers[winner].stop()
    acks_again(net)
    after = net.connect("own")
    net.until(lambda: after.name, "another server is there")
    true(after.name != winner, "it is another")
    net.servers[winner].listen()
    net.calm()
    c.say("hello")
    net.until(lambda: c.error, "the server knows nothing of it")
    equal(c.error, errno.ECONNRESET, "the client's error")
    after.say("hello")
    net.until(lambda: after.lines, "the other connection is well")


@case
def syncookies(net):
    """Servers keep nothing until the ACK."""
    before = net.rsts()
    for name in net.servers:
        net.topology.hosts[name].sysctl("net.ipv4.tcp_syncookies", 2)
    clients = [net.connect(host, talk=3) for _ in range(20)
               for host in ("client", "own")]
    net.until(lambda: all(c.done or c.error for c in clients), "all through")
    for name in net.servers:
        net.topology.hosts[name].sysctl("net.ipv4.tcp_syncookies", 1)
    check(net, clients)
    equal(net.rsts(), before, "RSTs at the clients")


# The same 4-tuple again.

@case
def the_same_port_after_the_server_has_closed(net):
    """The server is in TIME-WAIT, the selector has a tombstone."""
    before = net.rsts()
    for host, port in ("client", 30001), ("own", 30002):
        for _ in range(4):
            c = net.connect(host, talk=1, local=port)
            net.until(lambda c=c: c.done or c.error, "through")
            equal(c.error, None, "error")
            net.servers[c.name].hang_up()
            net.until(lambda c=c: c.ended, "the server's FIN")
            # Until its own FIN is acknowledged the port is not free.
            net.until(lambda h=host, p=port:
                      not has_port(net.topology.hosts[h], p), "it has closed")
    equal(net.rsts(), before, "RSTs at the clients")


@case
def the_same_port_after_the_client_has_aborted(net):
    before = net.rsts()
    for host, port in ("client", 30003), ("own", 30004):
        for _ in range(4):
            c = net.connect(host, talk=1, local=port)
            net.until(lambda c=c: c.done or c.error, "through")
            equal(c.error, None, "error")
            c.abort()
    equal(net.rsts(), before, "RSTs at the clients")


@case
def the_same_port_while_the_first_still_connects(net):
    """The client gives up and begins again before anybody has answered. Not
    at once: a server would refuse an ISN in the window of the first.
    """
    net.netem(lambda a, b: "delay 100ms" if a == "r2" else None)
    for host, port in ("client", 30005), ("own", 30006):
        net.connect(host, local=port).abort()
        time.sleep(0.05)
        c = net.connect(host, talk=1, local=port)
        net.until(lambda c=c: c.done or c.error, "through")
        equal(c.error, None, "error")


@case
def an_unaware_client(net):
    """r1 itself: its SYN is bare, and the tombstone steers what follows."""
    was = net.stats()["steered"]
    clients = [net.connect("r1", talk=3) for _ in range(10)]
    net.until(lambda: all(c.done or c.error for c in clients), "all through")
    check(net, clients)
    equal([c for c in clients if c.error], [], "connections that failed")
    true(net.stats()["steered"] - was >= 40, "ACKs and lines were steered")
    net.until(lambda: not net.waiting(clients), "losers are gone", 0.9)


@case
def nothing_is_left(net):
    """Everybody has hung up: no half-open socket, no handshake. What a storm
    has left ends with the next repetition of a SYN-ACK.
    """
    net.until(lambda: not net.waiting(), "no socket waits", 30)
    net.until(lambda: not net.open(), "nothing is open")


if __name__ == "__main__":
    try:
        ktap.run(CASES)
    finally:
        network.remove()
