#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 60
# size: large
"""BIRD announces the service while a selector can serve it, and no longer.

    client --.     .-- sel1 --.
              r ---+-- sel2 --+-- s1, s2, s3       (all links at r)
    own ----'

r speaks BGP with both selectors, which announce the service address and their
own SIDs. client has no edge, own is its own. Connections are long, and their
packets are counted: nobody may have to send anything twice.
"""

import shutil
import signal
import tempfile
import time

from lib import bird, ktap, netns, traffic
from lib.front import KEY
from lib.ktap import equal, true, wait_for
from lib.modules import MODULES, load, unload, with_modules
from lib.topology import CLIENT, OWN, OWN_SID, PREFIX, SERVICE, sid

SERVERS = range(1, 4)
SELECTORS = 1, 2
MANY = 4 if ktap.SLOW else 12
GRACE = 1.5     # seconds
ANCHOR = "2001:db8:5::/56"


class Network:
    """All of it, with BIRD everywhere and a hook on each selector."""

    def __init__(self):
        bird.needed()
        self.dir = tempfile.mkdtemp(prefix="manycast-")
        names = ["client", "own", *(f"sel{i}" for i in SELECTORS),
                 *(f"s{i}" for i in SERVERS)]
        self.hosts = dict(zip([*names, "r"], netns.create([*names, "r"])))
        self._links(names)
        self.add()
        self.servers = [traffic.Server(self[f"s{i}"], "::", f"s{i}")
                        for i in SERVERS]
        self.birds = {name: bird.Bird(self[name], self.dir, config)
                      for name, config in self._configurations()}
        self.hooks, self.socks = {}, []
        for daemon in self.birds.values():
            daemon.start()
        for i in SELECTORS:
            self.hook(i)
        self.ways(*SELECTORS)

    def __getitem__(self, name):
        return self.hosts[name]

    def _links(self, names):
        r = self["r"]
        r.sysctl("net.ipv6.fib_multipath_hash_policy", 1)
        self.nets = {name: f"fd00:{number}::"
                     for number, name in enumerate(names, 1)}
        self.nets.update(client=CLIENT[:-1], own=OWN[:-1])
        netns.links([(self[name], r, f"{net}2/64", f"{net}1/64", "r", name)
                     for name, net in self.nets.items()])
        for name, net in self.nets.items():
            self[name].later(f"route add default via {net}1")
        r.later(f"route add {OWN_SID} via {OWN}")
        for i in SERVERS:
            r.later(f"route add fc00:5:{i}::/48 via {self.nets[f's{i}']}2")
            self[f"s{i}"].later(f"addr add {SERVICE}/128 dev lo nodad")
        r.flush()

    def _configurations(self):
        yield "r", bird.router(100, [bird.neighbour(
            f"sel{i}", self.nets[f"sel{i}"] + "2", 65000 + i,
            "import all; export all;") for i in SELECTORS])
        for i in SELECTORS:
            yield f"sel{i}", bird.node(
                i, service=f"{SERVICE}/128", locator=f"fc00:a:{i}::/48",
                self_as=65000 + i, peer=self.nets[f"sel{i}"] + "1",
                peer_as=65000)

    def add(self):
        """All that needs the modules."""
        for i in SELECTORS:
            self.selector(i)
        for i in SERVERS:
            self[f"s{i}"].later(f"route add {sid(i)} encap seg6local action "
                                f"End.MAnycast.S services {PREFIX} dev r")
        own = self["own"]
        own.later(f"route add {PREFIX} encap seg6local action H.MAnycast "
                  f"sid {OWN_SID} servers fc00:5::/32 via {OWN[:-1]}1 dev r")
        own.later(f"route add {OWN_SID} encap seg6local "
                  "action End.MAnycast.C acl fc00:a::/32 dev r")
        for host in self.hosts.values():
            host.flush()

    def delete(self):
        for name, *routes in (
                ("own", PREFIX, OWN_SID), ("sel1", "fc00:a:1::1"),
                ("sel2", "fc00:a:2::1"), *((f"s{i}", sid(i)) for i in SERVERS)):
            for route in routes:
                self[name].later(f"route del {route}")
            self[name].flush()

    def selector(self, i, weight=1):
        """Queue all that a selector needs."""
        sel, own = self[f"sel{i}"], f"fc00:a:{i}::1"
        sel.later(f"manycast service add web sid {own} fanout 2 "
                  f"candidates hash key {KEY}")
        for s in SERVERS:
            sel.later("manycast instance add service web "
                      f"sid {sid(s)} weight {weight}")
        self.route(i)
        sel.later(f"route add {own} encap seg6local action End.MAnycast "
                  "acl fc00::/16 dev r")

    def route(self, i, verb="add"):
        self[f"sel{i}"].later(f"route {verb} {SERVICE}" + (
            " encap seg6local action End.MAnycast service web dev r"
            if verb == "add" else ""))

    def tell(self, i, words, servers=SERVERS):
        """Change these instances of a selector."""
        for s in servers:
            self[f"sel{i}"].later("manycast instance set service web "
                                  f"sid {sid(s)} {words}")
        self[f"sel{i}"].flush()

    def empty(self, i):
        """Nothing but the locator is left on a selector."""
        self.route(i, "del")
        self[f"sel{i}"].later("manycast service del web")
        self[f"sel{i}"].flush()

    def hook(self, i, *options):
        if i in self.hooks:
            self.hooks[i].stop()
        self.hooks[i] = bird.announce(self.birds[f"sel{i}"], SERVICE, "--grace",
                                      str(GRACE), "--settle", "0.2", *options)
        return self.hooks[i]

    def found(self):
        """The selectors that r has a way to."""
        routes = self["r"].ip_json(f"-6 route show {SERVICE}")
        hops = [hop.get("dev") for route in routes
                for hop in route.get("nexthops", [route])]
        return {i for i in SELECTORS if f"sel{i}" in hops}

    def ways(self, *selectors):
        wait_for(lambda: self.found() == set(selectors),
                 f"r has ways to {selectors}", 20)

    def connect(self, name, count=MANY):
        found = []
        for _ in range(count):
            sock = traffic.connect(self[name], SERVICE)
            self.socks.append(sock)
            found.append((sock, traffic.ask(sock)))
        return found

    def again(self):
        """Segments that hosts have sent twice."""
        total = 0
        for name in ("client", "own", *(f"s{i}" for i in SERVERS)):
            with self[name], open("/proc/net/snmp", encoding="ascii") as f:
                names, values = (line.split() for line in f
                                 if line.startswith("Tcp:"))
            total += int(values[names.index("RetransSegs")])
        return total

    def restore(self):
        for sock in self.socks:
            sock.close()
        self.socks = []
        for i in SELECTORS:
            self[f"sel{i}"].queue = []
            if not self[f"sel{i}"].ip_json("manycast service show"):
                self[f"sel{i}"].ip(f"-6 route del fc00:a:{i}::1", check=False)
                self.selector(i)
                self[f"sel{i}"].flush()
            self.tell(i, "weight 1 tier 0 state up")
            if self.hooks[i].process.poll() is not None:
                self.hook(i)
        self.ways(*SELECTORS)

    def remove(self):
        for server in self.servers:
            server.kill()
        netns.remove(self.hosts.values())
        shutil.rmtree(self.dir)


def make():
    bird.needed()
    return Network()


network = ktap.Shared(make)
CASES = []


def case(function):
    return ktap.case_of(network, CASES)(function)


def still(connections):
    """Each is at its server."""
    for sock, name in connections:
        equal(traffic.ask(sock), name, "answers")


@case
def what_is_missing_is_named(net):
    """The address has no route to it before all is there; and then the first
    connection needs no second SYN.
    """
    net.hooks[2].stop()
    sel, hook = net["sel1"], net.hooks[1]
    net.empty(1)
    hook.last("no route with End.MAnycast")
    net.ways()
    sel.ip("-6 route del fc00:a:1::1")
    net.selector(1, weight=0)
    sel.flush()
    hook.last("no instance of web serves")
    net.route(1, "del")
    sel.flush()
    hook.last("no route with End.MAnycast")
    net.tell(1, "weight 1")
    time.sleep(1)
    equal(net.found(), set(), "ways without a route at the selector")
    before = net.again()
    net.route(1)
    sel.flush()
    hook.last("announced")
    net.ways(1)
    for name in "client", "own":
        net.connect(name, 1)
    equal(net.again() - before, 0, "sent twice")


@case
def one_that_serves_is_enough(net):
    net.tell(1, "weight 0", servers=(1, 2))
    time.sleep(0.5)
    equal(net.found(), {1, 2}, "ways with one of three")
    net.tell(1, "weight 0")
    net.ways(2)
    net.tell(1, "weight 1", servers=(2,))
    net.ways(1, 2)


@case
def who_is_dead_does_not_count(net):
    net.tell(1, "state down")
    net.ways(2)
    net.tell(1, "state up", servers=(3,))
    net.ways(1, 2)
    # Nobody asks suspects any more, and so they get another try.
    hook = net.hook(1, "--retry", "2")
    try:
        hook.last("announced")
        net.tell(1, "state suspect")
        net.ways(2)
        net.ways(1, 2)
        true("tries suspects\n" in hook.text(), "it says so")
        equal({x["state"] for x in net["sel1"].instances()}, {"up"}, "states")
    finally:
        net.hook(1)


@case
def other_sites_count_if_they_may(net):
    net.tell(1, "tier 1")
    time.sleep(0.5)
    equal(net.found(), {1, 2}, "ways with an instance of tier 1")
    net.hook(1, "--local-only").last("no instance of web serves")
    try:
        net.ways(2)
        net.tell(1, "tier 0", servers=(2,))
        net.ways(1, 2)
    finally:
        net.hook(1)


@case
def a_planned_stop_loses_nothing(net):
    """Of connections that are there, and of those that come meanwhile."""
    # BIRD deletes a route before it adds another in its place.
    net["r"].ip(f"-6 route add {ANCHOR} via {net.nets['sel2']}2")
    connections = net.connect("client") + net.connect("own")
    news = [traffic.Traffic(net[name], SERVICE) for name in ("client", "own")]
    before = net.again()
    hook = net.hooks[1]
    try:
        for new in news:
            new.more(5)
        hook.signal()
        net.ways(2)
        true(hook.process.poll() is None, "it waits for the grace")
        equal(hook.process.wait(10), 0, "exit status")
        net.empty(1)
        net["sel1"].ip("-6 route del fc00:a:1::1")
        for new in news:
            new.more(5)
        still(connections)
    finally:
        net["r"].ip(f"-6 route del {ANCHOR}")
        results = [result for new in news for result in new.stop()]
    equal([r for r in results if r.startswith("failed")], [], "failures")
    equal(net.again() - before, 0, "sent twice")


@case
def bird_starts_again(net):
    """It does not know what it had been told. Nor does it when it reads its
    configuration again.
    """
    daemon = net.birds["sel1"]
    daemon.kill()
    net.ways(2)
    daemon.start()
    net.ways(1, 2)
    daemon.birdc("configure")
    net.ways(1, 2)
    daemon.kill()
    net.tell(1, "weight 0")
    net.hooks[1].last("BIRD at")
    daemon.start()
    net.hooks[1].last("no instance")
    equal(net.found(), {2}, "ways")


@case
def events_that_are_lost(net):
    """More than a socket's buffer can hold: the last one counts."""
    sel, hook = net["sel1"], net.hooks[1]
    hook.signal(signal.SIGSTOP)
    try:
        for hold in range(500):
            sel.later(f"manycast service set web hold {hold}")
        net.tell(1, "weight 0")
        with sel, open("/proc/net/netlink", encoding="ascii") as f:
            lost = [int(line.split()[8]) for line in f.readlines()[1:]]
        true(any(lost), "some are lost")
    finally:
        hook.signal(signal.SIGCONT)
    net.ways(2)
    net.tell(1, "weight 1")
    net.ways(1, 2)


@case
def a_hasher_uses_who_is_announced(net):
    """By a host route, here of the service. To a SID of sel1 there is a way,
    but a wider one, which does not depend on anything.
    """
    r, wide = net["r"], "fc00:a:1::1"

    def weights():
        return {x["sid"]: x["weight"] for x in r.instances("front")}

    r.later("manycast service add front sid fc00:b::1")
    for instance in SERVICE, wide:
        r.later(f"manycast instance add service front sid {instance} weight 2")
    r.flush()
    follow = bird.Hook(net.birds["r"], "follow", "--weight", "3", "front")
    try:
        wait_for(lambda: weights() == {SERVICE: 3, wide: 0}, "it looks", 10)
        net.tell(1, "weight 0")
        net.ways(2)
        equal(weights()[SERVICE], 3, "weight with one way left")
        net.tell(2, "weight 0")
        wait_for(lambda: not weights()[SERVICE], "no way, no weight", 10)
        net.tell(2, "weight 1")
        wait_for(lambda: weights()[SERVICE] == 3, "a way again", 10)
    finally:
        follow.process.kill()
        r.ip("manycast service del front")


@case
def the_module_comes_again(net):
    """Nobody hears its events who listened to the last one's."""
    @with_modules
    def reload():
        for i in SELECTORS:
            net.empty(i)
        net.delete()
        net.ways()
        unload(*MODULES)
        load()
        net.add()
        net.ways(*SELECTORS)
    reload()
    net.tell(1, "weight 0")
    net.ways(2)


def main():
    try:
        ktap.run(CASES)
    finally:
        network.remove()


if __name__ == "__main__":
    main()
