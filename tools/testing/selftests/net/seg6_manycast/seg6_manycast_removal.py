#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 50
# size: large
"""Whatever goes may go while packets have it: races with SYN-ACKs on hold,
handshakes of a flood, pins and their eviction, hunts, packets at hashers.

Two hashers in front of two selectors, as in lib/front.py. What is taken from
one of them is missing until it is made anew. Nothing is expected of what goes
on meanwhile, but that new connections work afterwards; that nothing is left
shows when the modules are unloaded.
"""

import time

from lib import ktap
from lib.crowd import Crowd
from lib.flood import NOWHERE, Flood, syns
from lib.front import KEY, Network, decap
from lib.klog import Klog
from lib.modules import references
from lib.topology import PREFIX, SERVICE, sid
from lib.traffic import Server, Traffic
from lib.wire import raw_socket

SELECTORS, SERVERS = 2, 3
TALK, SHORT = 7000, 7001     # ports
TALKS = 10 if ktap.SLOW else 20
PAUSE = 1.0 if ktap.SLOW else 0.2
SYNS = 20 if ktap.SLOW else 200     # a second
# Little room, so that all of it is taken; answers are held.
WORDS = (f"candidates hash key {KEY} fanout 3 policy load hold 100 "
         f"limit {SYNS // 10} tombstone 300 pins 3")
WHILE = 0.5     # seconds of traffic before and after something goes


class Net(Network):
    """The network with all that traffic."""

    def __init__(self):
        self.klog = Klog()
        super().__init__(SELECTORS, SERVERS)
        r = self["r"]
        r.ip(f"-6 route add blackhole {NOWHERE}")
        with r, raw_socket("client") as near:
            mac = near.getsockname()[4]
        clients = {name: self[name] for name in ("client", "own")}
        self.crowd = Crowd(clients, {f"s{i}": self[f"s{i}"] for i in
                                     self.server_numbers}, TALK, PAUSE)
        self.servers = [Server(self[f"s{i}"], "::", f"s{i}", SHORT)
                        for i in self.server_numbers]
        self.flood = Flood(self["client"], "r", mac,
                           list(syns(SERVICE, TALK, 2000)), SYNS)
        self.traffic = Traffic(self["client"], SERVICE, SHORT,
                               ktap.TIME_FACTOR)
        self.flood.__enter__()

    def selector(self, i):
        sel, own = self[f"sel{i}"], f"fc00:a:{i:x}::1"
        sel.later(f"manycast service add web sid {own} {WORDS}")
        for s in self.server_numbers:
            sel.later(f"manycast instance add service web sid {sid(s)}")
        for line in selector_routes(i):
            sel.later("route add " + line)

    def talk(self):
        """Connections, which have a life until the next case."""
        for host in "client", "own":
            self.crowd.open(host, SERVICE, TALKS)
        time.sleep(WHILE * ktap.TIME_FACTOR)

    def busy(self):
        """Selector 1 has all that it can have."""
        service = self["sel1"].service()
        return service["open"] and all(service["stats"][name] for name in (
            "stateless", "pin_evicted", "hunted"))

    def tell(self, name, lines):
        """Under traffic, at this host."""
        self.talk()
        ktap.wait_for(self.busy, "handshakes, pins, hunts", 20)
        for line in lines:
            self[name].later(line)
        self[name].flush()
        time.sleep(WHILE * ktap.TIME_FACTOR)

    def changes(self, name, lines):
        """In the end all is as before."""
        self.tell(name, lines)
        self.works()

    def goes(self, name, lines):
        """And then the host altogether."""
        self.tell(name, lines)
        self.kill(name)
        self.start(name)
        self.works()

    def works(self):
        self.traffic.more()
        self.klog.quiet()

    def restore(self):
        self.crowd.hang_up()

    def remove(self):
        self.flood.__exit__()
        for process in self.crowd, self.traffic, *self.servers:
            process.kill()
        self.__exit__()
        ktap.wait_for(lambda: not references(), "no route is left", 30)
        self.klog.quiet()


def selector_routes(i):
    return (f"{decap(i)} encap seg6local action End.DT6 table main dev r",
            f"{SERVICE} encap seg6local action End.MAnycast service web "
            "acl fc00:d::/32 dev r",
            f"fc00:a:{i:x}::1 encap seg6local action End.MAnycast "
            "acl fc00:5::/32 dev r")


net_ = ktap.Shared(Net)
CASES = []
case = ktap.case_of(net_, CASES)


@case
def a_selectors_interface_goes(net):
    net.goes("sel1", ["link set r down", "link del r",
                      "manycast service del web"])


@case
def a_selectors_instances_go(net):
    net.goes("sel1", [f"manycast instance del service web sid {sid(i)}"
                      for i in net.server_numbers])


@case
def a_selectors_routes_and_service_go(net):
    """First its service's, so that its answers come to nobody; and back."""
    sid_, service, own = selector_routes(1)
    net.goes("sel1", [f"route del {service}", "manycast service del web",
                      f"route del {own}", f"route del {sid_}"])
    net.goes("sel1", [f"route del {own}", f"route del {sid_}",
                      f"route del {service}", "manycast service del web"])


@case
def a_selectors_settings_change(net):
    """What is counted against a bound that was lowered, or not any more."""
    words = ("affinity hunt", "affinity pin", "pins 1", "limit 1",
             "candidates random", "candidates hash", "policy rtt hold 0",
             "candidates least", "fanout 1", "fanout 16", "tombstone 1",
             "limit 1000 pins 1000", "candidates all policy load hold 50",
             WORDS)
    net.changes("sel1", ["manycast service set web " + w for w in words] * 4)


@case
def instances_come_and_go(net):
    """With their pins, again and again."""
    lines = [f"manycast instance {verb} service web sid {sid(i)}"
             for i in net.server_numbers for verb in ("del", "add")]
    net.changes("sel1", lines * 10)


@case
def a_hashers_selectors_go(net):
    net.changes("h1", [f"manycast instance {verb} service front "
                       f"sid {decap(i)}" for verb in ("del", "add")
                       for i in net.numbers] * 5)


@case
def a_hashers_table_changes(net):
    net.changes("h1", [f"manycast service set front slots {slots}"
                       for slots in (4099, 65537)] * 5)


@case
def a_hashers_route_and_service_go(net):
    net.goes("h1", [f"route del {PREFIX}", "manycast service del front",
                    "link set r down"])


@case
def a_servers_route_goes(net):
    """Its listeners, records and hunted packets; it comes back at once."""
    route = (f"{sid(1)} encap seg6local action End.MAnycast.S table local "
             f"services {PREFIX} dev r")
    for _ in range(3):
        net.talk()
        net["s1"].later(f"route del {route}")
        net["s1"].flush()
        time.sleep(WHILE * ktap.TIME_FACTOR)
        net["s1"].later(f"route add {route}")
        net["s1"].flush()
    net.works()


@case
def selectors_go_together(net):
    """Each with its namespace, and all that is in it, at once."""
    net.talk()
    ktap.wait_for(net.busy, "handshakes, pins, hunts", 20)
    for i in net.numbers:
        net.kill(f"sel{i}")
    net.klog.quiet()
    for i in net.numbers:
        net.start(f"sel{i}")
    net.works()


if __name__ == "__main__":
    try:
        ktap.run(CASES)
    finally:
        net_.remove()
