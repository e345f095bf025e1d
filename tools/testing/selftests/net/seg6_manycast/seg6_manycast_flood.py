#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 40
# size: large
"""SYNs of hosts that do not exist, at ten times what a selector has room for:
who is connected does not notice, and who connects gets in.
"""

import glob
import time

from lib import ktap, netns, selector
from lib.crowd import Crowd
from lib.flood import NOWHERE, Flood, syns
from lib.ktap import equal, true
from lib.topology import SERVICE, Topology
from lib.wire import raw_socket

SERVERS, FANOUT = 3, 3
PORT = 7000
# Handshakes at once, each for a second, and replicated SYNs a second.
LIMIT = 10 if ktap.SLOW else 30
TIMES = 10
# `timeout` matters less than `tombstone`, as the servers answer.
WORDS = (f"candidates hash fanout {FANOUT} limit {LIMIT} rate {LIMIT} "
         "timeout 1000 tombstone 1000")
CLIENTS = "unaware", "client", "own"
EACH = 5 if ktap.SLOW else 15       # connections of each before the flood
SECONDS = 6
PAUSE = 1.2 if ktap.SLOW else 0.4   # between what each of them says
ONES = 3        # new ones of each kind at a time
GAP = 0.5 if ktap.SLOW else 0.1     # between these
LOST = 0.01     # of the lines, sent again for other reasons
SYN_AGAIN = 0.9     # seconds: before that no SYN is sent again


class Network:
    """The topology, connections through it, and a host that floods it."""

    def __init__(self):
        self.topology = t = Topology(SERVERS, service=WORDS, nginx=False,
                                     prefix="flood-")
        self.sel = t.sel
        t.add_unaware()
        self.flooder = t.hosts["flooder"] = netns.Netns("flooder")
        netns.link(self.flooder, t.r1, name_a="r1", name_b="flooder")
        t.r1.later(f"route add blackhole {NOWHERE}")
        for ns in self.flooder, t.r1:
            ns.flush()
        with t.r1, raw_socket("flooder") as near:
            self.mac = near.getsockname()[4]
        self.packets = list(syns(SERVICE, PORT, 4096))
        self.crowd = Crowd({name: t.hosts[name] for name in CLIENTS},
                           {f"s{i}": t.server(i)
                            for i in range(1, SERVERS + 1)}, PORT, PAUSE)

    def flood(self):
        return Flood(self.flooder, "r1", self.mac, self.packets,
                     TIMES * LIMIT)

    def heard(self):
        """Lines that came back to those who are connected before a flood."""
        return sum(t.heard for t in self.crowd.look()[:EACH * len(CLIENTS)])

    def sent_again(self):
        """Segments that clients have sent again, SYNs excepted."""
        count = 0
        for name in CLIENTS:
            ns = self.topology.hosts[name]
            with ns:
                count += counter("snmp", "Tcp", "RetransSegs") - \
                    counter("netstat", "TcpExt", "TCPSynRetrans")
        return count

    def packets_of_selector(self):
        """Received and sent."""
        with self.sel, open("/proc/net/dev", encoding="ascii") as f:
            for line in f:
                name, _, columns = line.partition(":")
                if name.strip() == "r1":
                    columns = columns.split()
                    return int(columns[1]), int(columns[9])
        raise AssertionError("the selector has no link")

    def restore(self):
        self.crowd.hang_up()

    def remove(self):
        self.crowd.kill()
        self.topology.remove()


def counter(file, kind, name):
    """Of the namespace that we are in."""
    with open("/proc/net/" + file, encoding="ascii") as f:
        lines = [line.split() for line in f if line.startswith(kind + ":")]
    return int(dict(zip(*lines))[name])


network = ktap.Shared(Network)
CASES = []
case = ktap.case_of(network, CASES)


def connect(net):
    for host in CLIENTS:
        net.crowd.open(host, SERVICE, EACH)
    equal(net.crowd.broken(), [], "connections that do not work")


def come(net, seconds):
    """New clients of both kinds. Returns the most handshakes that were
    open.
    """
    most, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for host in "unaware", "client":
            net.crowd.open(host, SERVICE, ONES)
        most = max(most, net.sel.service()["open"])
        time.sleep(GAP)
    return most


@case
def connections_go_on_and_others_come(net):
    connect(net)
    heard = net.heard()
    time.sleep(SECONDS)
    calm = net.heard() - heard
    again = net.sent_again()
    before = net.sel.service()["stats"]
    with net.flood() as flood:
        ktap.wait_for(lambda: net.sel.service()["open"] == LIMIT, "full")
        start, sent, heard = time.monotonic(), flood.sent, net.heard()
        most = come(net, SECONDS)
        seconds = time.monotonic() - start
        flooded = (net.heard() - heard) * SECONDS / seconds
        rate = (flood.sent - sent) / seconds
        net.crowd.broken(10)
    again = net.sent_again() - again
    talks = net.crowd.look()
    old, new = talks[:EACH * len(CLIENTS)], talks[EACH * len(CLIENTS):]
    good = [t for t in new if t.server and not t.error]
    late = sum(t.greeted > SYN_AGAIN for t in good)
    after = net.sel.service()["stats"]
    stateless = after["stateless"] - before["stateless"]
    print(f"# {rate:.0f} SYNs a second, room for {LIMIT}: {flooded:.0f} lines "
          f"echoed, without it {calm}; {again} sent again; {len(good)} of "
          f"{len(new)} got in, {late} by another SYN; {stateless} stateless")
    true(rate > 0.9 * TIMES * LIMIT, f"the flood is one: {rate}")
    equal(most, LIMIT, "handshakes")
    equal([t for t in old if t.error], [], "connections that broke")
    true(flooded > 0.9 * calm, f"goodput: {flooded} of {calm}")
    true(again < LOST * (calm + flooded), f"segments sent again: {again}")
    true(len(good) >= 0.95 * len(new), f"{len(good)} of {len(new)} got in")
    true(stateless > LIMIT, f"most without state: {stateless}")
    equal(after["drop_full"], before["drop_full"], "dropped")


@case
def nothing_is_multiplied(net):
    """What arrives goes on once, but for the copies that `rate` lets pass."""
    start, (received, sent) = time.monotonic(), net.packets_of_selector()
    with net.flood():
        time.sleep(SECONDS / 2)
    time.sleep(1)
    seconds = time.monotonic() - start
    received, sent = (b - a for a, b in zip(
        (received, sent), net.packets_of_selector()))
    most = received + (FANOUT - 1) * LIMIT * (seconds + 0.1)
    print(f"# {received} packets received, {sent} sent, {most:.0f} allowed")
    true(sent <= most, f"{sent} packets sent for {received}")


def slab():
    """Octets in use in all caches. To shrink a cache also takes away what KASAN
    keeps of freed objects.
    """
    for path in glob.glob("/sys/kernel/slab/*/shrink"):
        with open(path, "w", encoding="ascii") as f:
            f.write("1")
    with open("/proc/slabinfo", encoding="ascii") as f:
        return sum(int(active) * int(size) for _, active, _, size, *_ in
                   (line.split() for line in f.readlines()[2:]))


COUNT = 1500 if ktap.SLOW else 3000
RATE = 100


def send(service, seed):
    """Returns how many packets came of a flood, and how long it took."""
    start, wire, out = time.monotonic(), service.wire, 0
    packets = list(syns(service.address, PORT, COUNT, seed))
    for at in range(0, COUNT, 100):
        wire.send(*packets[at:at + 100])
        out += sum(1 for _ in wire.answers())
    return out, time.monotonic() - start


@selector.case(instances=8, candidates="hash", fanout=FANOUT, limit=50,
               rate=RATE)
def memory_is_bounded(s):
    """What a first flood leaves is all that a second one finds room for."""
    send(s, 1)
    equal(s.open(), 50, "handshakes")
    before = slab()
    out, seconds = send(s, 2)
    grown = slab() - before
    print(f"# {grown} octets more after {COUNT} SYNs, {out} packets sent")
    true(grown < 100 * COUNT, f"memory: {grown} octets")
    equal(s.open(), 50, "handshakes")
    true(COUNT <= out <= COUNT + (FANOUT - 1) * RATE * (seconds + 0.1),
         f"{out} packets sent")


CASES.append(memory_is_bounded)


if __name__ == "__main__":
    try:
        selector.run(CASES)
    finally:
        network.remove()
