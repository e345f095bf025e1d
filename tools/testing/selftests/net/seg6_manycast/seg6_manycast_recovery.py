#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 60
# size: large
"""Connections that talk all the time outlive selectors that die, start again
with nothing, and come; and those who come and go beside them, their own server
excepted. The same with IPVS instead of selectors, for comparison.

Two hashers in front of three selectors, as in lib/front.py.
"""

import collections
import os
import random
import time

from lib import ktap
from lib.crowd import Crowd
from lib.front import KEY, Network, decap
from lib.ktap import equal, true
from lib.topology import SERVICE, sid

SELECTORS = 3
# Servers at first, then, and in the end.
FIRST, MOST, LAST = (12, 15, 11) if ktap.SLOW else (24, 30, 22)
STEPS_UP, STEPS_DOWN = 3, 4
PORT = 7000
# Connections of clients without an edge, and of one that is its own.
UNAWARE, AWARE = (40, 10) if ktap.SLOW else (120, 30)
MORE = 8 if ktap.SLOW else 30       # in each step
PAUSE = 0.4                         # seconds between what each says
SEED = 5
IPVS_ADDRESS = "2001:db8:5::90"


class Manycast:
    """Selectors, all configured the same."""

    address = SERVICE
    words = f"candidates hash fanout 3 affinity pin key {KEY}"

    def start(self, net, i):
        sel, own = net[f"sel{i}"], f"fc00:a:{i:x}::1"
        sel.later(f"manycast service add web sid {own} {self.words}")
        self.change(net, i, net.present, ())
        sel.later(f"route add {SERVICE} encap seg6local action End.MAnycast "
                  "service web acl fc00:d::/32 dev r")
        sel.later(f"route add {own} encap seg6local action End.MAnycast "
                  "acl fc00:5::/32 dev r")

    @staticmethod
    def change(net, i, come, go):
        for verb, servers in ("add", come), ("del", go):
            for s in sorted(servers):
                net[f"sel{i}"].later(f"manycast instance {verb} service web "
                                     f"sid {sid(s)}")


class Ipvs:
    """Directors that know nothing of one another's connections, and take up
    those that they do not know where the table says.
    """

    address = IPVS_ADDRESS
    at = f"-t [{IPVS_ADDRESS}]:{PORT}"
    sysctls = {"sloppy_tcp": 1, "expire_nodest_conn": 1}

    def start(self, net, i):
        director = net[f"sel{i}"]
        for key, value in self.sysctls.items():
            director.sysctl(f"net.ipv4.vs.{key}", value)
        director.later(f"route add local {IPVS_ADDRESS} dev lo table main")
        self._tell(director, [f"-A {self.at} -s mh -b mh-port,mh-fallback"])
        self.change(net, i, net.present, ())

    @staticmethod
    def _tell(director, lines):
        director.run("ipvsadm -R", input="\n".join(lines) + "\n")

    def change(self, net, i, come, go):
        real = {s: f"-r [{net.address(f's{s}')}]:{PORT}" for s in {*come, *go}}
        self._tell(net[f"sel{i}"],
                   [f"-a {self.at} {real[s]} -i -w 1" for s in sorted(come)] +
                   [f"-d {self.at} {real[s]}" for s in sorted(go)])

    @staticmethod
    def prepare(net):
        """Servers that take what comes through IPVS' tunnels."""
        for i in net.server_numbers:
            s = net[f"s{i}"]
            s.later(f"addr add {IPVS_ADDRESS}/128 dev lo nodad")
            s.later("link add ipvs type ip6tnl mode ip6ip6 "
                    f"local {net.address(f's{i}')} remote ::")
            s.later("link set ipvs up")
            s.flush()


class Cluster(Network):
    """The network, with connections through it.

    kind      what is at the selectors' place
    present   numbers of the servers that selectors know
    """

    def __init__(self):
        self.kind, self.present = Manycast(), set(range(1, FIRST + 1))
        super().__init__(SELECTORS, MOST)
        self.crowd = Crowd(
            {name: self[name] for name in ("client", "own")},
            {f"s{i}": self[f"s{i}"] for i in self.server_numbers}, PORT, PAUSE)

    def selector(self, i):
        sel = self[f"sel{i}"]
        sel.later(f"route add {decap(i)} encap seg6local action End.DT6 "
                  "table main dev r")
        self.kind.start(self, i)

    def become(self, kind):
        """All start again as that, with the first servers."""
        self.kind, self.present = kind, set(range(1, FIRST + 1))
        for i in self.numbers:
            self.kill(f"sel{i}")
            self.start(f"sel{i}")

    def change(self, selectors, come=(), go=()):
        """Servers come and go, at these selectors one after the other."""
        self.present = self.present - set(go) | set(come)
        for i in selectors:
            self.kind.change(self, i, come, go)
            self[f"sel{i}"].flush()

    def hashers(self, verb, i):
        """add or del: send flows to selector number i, or do not."""
        for h in "h1", "h2":
            self[h].ip(f"manycast instance {verb} service front "
                       f"sid {decap(i)}")

    def connect(self):
        """Connections of both kinds; each has a server and talks."""
        self.crowd.open("client", SERVICE, UNAWARE)
        self.crowd.open("own", SERVICE, AWARE)
        equal(self.crowd.broken(), [], "connections that do not work")

    def intact(self):
        """Each is still answered, and only by whom it began with."""
        equal(self.crowd.broken(), [], "connections that are broken")

    def hunted(self, i):
        return self[f"sel{i}"].service()["stats"]["hunted"]

    def pins(self, i):
        return self[f"sel{i}"].service()["pinned_now"]

    def restore(self):
        self.crowd.hang_up()

    def remove(self):
        self.crowd.kill()
        self.__exit__()


cluster = ktap.Shared(Cluster)
CASES = []
case = ktap.case_of(cluster, CASES)


@case
def a_selector_dies_and_the_hashers_know(net):
    net.connect()
    true(net.pins(1), "selector 1 has flows")
    before = net.hunted(2) + net.hunted(3)
    net.hashers("del", 1)
    net.kill("sel1")
    net.intact()
    true(net.hunted(2) + net.hunted(3) > before, "others hunt for its flows")
    net.start("sel1")
    net.hashers("add", 1)
    net.intact()
    true(net.hunted(1), "it hunts for its flows")


@case
def a_selector_dies_and_the_hashers_do_not_know(net):
    """What is sent there meanwhile is lost, and has to be sent again."""
    net.connect()
    net.kill("sel2")
    time.sleep(1.5)
    before = [t.heard for t in net.crowd.look()]
    time.sleep(PAUSE * 2 * ktap.TIME_FACTOR)
    stuck = sum(t.heard == heard for t, heard in
                zip(net.crowd.look(), before))
    true(stuck > UNAWARE // 10, f"some are not answered: {stuck}")
    net.hashers("del", 2)
    net.intact()
    net.start("sel2")
    net.hashers("add", 2)
    net.intact()


@case
def all_selectors_start_again(net):
    net.connect()
    for i in net.numbers:
        net.kill(f"sel{i}")
        net.start(f"sel{i}")
    net.intact()
    for i in net.numbers:
        true(net.hunted(i), f"selector {i} hunts")


@case
def a_selector_comes(net):
    """Flows of the others move to it."""
    net.hashers("del", 3)
    net.connect()
    before = net.hunted(3)
    net.hashers("add", 3)
    net.intact()
    true(net.hunted(3) > before, "some flows are the new one's")


@case
def a_hasher_dies(net):
    net.connect()
    before = [net.hunted(i) for i in net.numbers]
    for left in ("h1",), ("h2",), ("h1", "h2"):
        net.ways(*left)
        net.intact()
    equal([net.hunted(i) for i in net.numbers], before, "hunted")


def parts(things, count):
    """As evenly as may be."""
    return [things[i::count] for i in range(count)]


def plan(rnd):
    """What comes and what goes in each step, and whose turn it is to die."""
    numbers = list(range(FIRST + 1, MOST + 1))
    rnd.shuffle(numbers)
    steps = [(part, []) for part in parts(numbers, STEPS_UP)]
    gone = rnd.sample(range(1, MOST + 1), MOST - LAST)
    steps += [([], part) for part in parts(gone, STEPS_DOWN)]
    return [(*step, rnd.randint(1, SELECTORS)) for step in steps]


def churn(net, kind):
    """Returns those that broke though their server stayed, those whose server
    left, and how many there were. A selector dies and comes back in each step,
    and while it is away servers come or go. All clients need the selectors.
    """
    net.become(kind)
    net.crowd.open("client", kind.address, UNAWARE + AWARE)
    equal(net.crowd.broken(), [], "connections that do not work")
    gone = set()
    for come, go, dying in plan(random.Random(SEED)):
        net.kill(f"sel{dying}")
        net.change([i for i in net.numbers if i != dying], come, go)
        gone |= {f"s{i}" for i in go}
        net.hashers("del", dying)
        net.crowd.open("client", kind.address, MORE)
        time.sleep(PAUSE * ktap.TIME_FACTOR)
        net.start(f"sel{dying}")
        net.hashers("add", dying)
        time.sleep(PAUSE * ktap.TIME_FACTOR)
    equal(len(net.present), LAST, "servers in the end")
    broken = net.crowd.broken()
    return ([t for t in broken if t.server not in gone],
            [t for t in broken if t.server in gone], len(net.crowd.look()))


def tell(name, broken, left, count):
    print(f"# {name}, {FIRST} -> {MOST} -> {LAST} servers: {len(broken)} of "
          f"{count} connections broken, and {len(left)} whose server left")
    for error, number in collections.Counter(t.error for t in broken).items():
        print(f"#   {number}: {error or 'no answer'}")


@case
def servers_and_selectors_come_and_go(net):
    broken, left, count = churn(net, Manycast())
    tell("M-Anycast", broken, left, count)
    equal(broken, [], "connections that broke though their server stayed")
    true(left, "some have lost their server")


@case
def ipvs_mh_beside_it(net):
    """That the same makes other connections break shows that it could."""
    if not os.path.exists("/proc/net/ip_vs"):
        raise ktap.Skip("this kernel has no IPVS")
    Ipvs.prepare(net)
    broken, left, count = churn(net, Ipvs())
    tell("IPVS mh", broken, left, count)
    true(broken, "some break")


if __name__ == "__main__":
    try:
        ktap.run(CASES)
    finally:
        cluster.remove()
