# SPDX-License-Identifier: GPL-2.0
"""A selector alone: the test is every client, edge and server around it."""

import functools
import itertools

from . import ktap
from .handshake import (NUMBER, Attempt, server_nodes, trace_of,
                        trace_with)
from .ktap import equal
from .netns import Netns
from .topology import EDGE_SID, SEL_SID, sid
from .wire import GATEWAY, Wire, innermost

MINUTE = 60000


class Selector:
    """The host under test; each case gets a service of its own."""

    def __init__(self):
        self.ns = Netns("sel")
        self.wire = Wire(self.ns, "r1", "fd00:3::2/64", "fd00:3::1")
        self.ns.later(f"route add default via {GATEWAY} dev r1")
        self.ns.later(f"route add {SEL_SID}/128 encap seg6local "
                      "action End.MAnycast acl fc00::/16 dev r1")
        self.ns.flush()
        self.wire.ready()
        self.ports = itertools.count(1024)
        self.numbers = itertools.count(1)
        self.before = None
        self.leaving, self.routeless = [], []

    def show(self):
        return self.ns.ip_json("-s manycast show")

    def remove(self):
        self.wire.remove()
        self.ns.remove()


class Service:
    """A service with servers 1..instances, gone after its case.

    weights   of instances, by number
    Settings are those of `ip manycast service add`. As no timer is to
    disturb a slow test, times are a minute unless given, and what is given
    is longer on a slow machine.
    """

    def __init__(self, sel, instances=3, weights=None, **settings):
        self.sel, self.wire = sel, sel.wire
        number = next(sel.numbers)
        self.name, self.address = f"t{number}", f"2001:db8:5::{number:x}"
        words = {"candidates": "all", **settings}
        for name in "hold", "timeout", "tombstone":
            words[name] = round(settings[name] * ktap.TIME_FACTOR) \
                if name in settings else MINUTE
        for name in sel.routeless:
            self.later("service del", name)
        sel.routeless, sel.leaving = sel.leaving, []
        self.later("service add", self.name, "sid", SEL_SID,
                   *itertools.chain(*words.items()))
        for i in range(1, instances + 1):
            self.later("instance add service", self.name, "sid", sid(i),
                       "weight", (weights or {}).get(i, 1))
        sel.ns.later(f"route add {self.address}/128 encap seg6local "
                     f"action End.MAnycast service {self.name} dev r1")
        # The only link leads back, too, so redirects are sent here.
        sel.ns.later(f"neigh add {self.address} lladdr {sel.wire.mine} "
                     "dev r1")
        sel.ns.flush()
        self.before, sel.before = sel.before or sel.show()["stats"], None

    def later(self, *words):
        self.sel.ns.later("manycast " + " ".join(map(str, words)))

    def set(self, i, *words):
        self.later("instance set service", self.name, "sid", sid(i), *words)
        self.sel.ns.flush()

    def weigh(self, i, weight):
        self.set(i, "weight", weight)

    def stats(self):
        return self.sel.ns.service(self.name)["stats"]

    def states(self):
        """The state of each server, in the order of their numbers."""
        return [x["state"] for x in self.sel.ns.instances(self.name)]

    def remove(self):
        """Together with what the next case adds: each `ip` takes its time.

        The service a case later, as packets may hold the route for a while.
        """
        self.sel.ns.later(f"route del {self.address}/128 dev r1")
        self.sel.leaving.append(self.name)

    restore = remove

    def attempt(self, edge=EDGE_SID, **more):
        more.setdefault("port", next(self.sel.ports))
        return Play(self.wire, edge=edge, service=self.address, **more)

    def open(self):
        """Handshakes and tombstones."""
        return self.sel.ns.service(self.name)["open"]

    def quiet(self):
        ktap.wait_for(lambda: not self.open(), "nothing is open")

    def expect(self, open=None, host=None, instances=None, **stats):
        """Check counters since the case began; those not named are zero.

        open       handshakes and tombstones
        host       of the namespace
        instances  by number, if these matter
        """
        look = self.sel.show()
        mine, = [s for s in look["services"] if s["name"] == self.name]
        equal(counted(mine["stats"]), stats, "counters of the service")
        equal(counted(look["stats"], self.before), host or {},
              "counters of the host")
        self.sel.before = look["stats"]
        if open is not None:
            equal(mine["open"], open, "open")
        for i, want in (instances or {}).items():
            got, = [x for x in mine["instances"] if x["sid"] == sid(i)]
            equal(counted(got["stats"]), want, f"counters of s{i}")


class Play(Attempt):
    """An attempt, with its servers played by us.

    What the selector sends is told in short words, sorted.
    """

    def __init__(self, wire, **more):
        super().__init__(**more)
        self.wire = wire
        self.asked = {}

    def _mine(self, packet):
        """Not of an earlier case, whose timers have run out by now."""
        inner = innermost(packet)
        return self.service in (inner.src, inner.dst)

    def send(self, *packets):
        return sorted(self._told(p) for p in self.wire.exchange(*packets)
                      if self._mine(p))

    def wait(self):
        """What comes next, when a timer has run out."""
        while True:
            packet = self.wire.wait()
            if self._mine(packet):
                return self._told(packet)

    def _told(self, packet):
        told = self.tell(packet)
        if told.startswith("SYN to"):
            self.asked[NUMBER[packet.dst]] = packet
        return told

    def connect(self, **more):
        return self.send(self.syn(**more))

    def answer(self, i, residence=0, load=None):
        """Packet 3 of server i; without a load there is no telemetry."""
        trace = None
        if load is not None:
            trace = trace_with(trace_of(self.asked[i]),
                               server_nodes(i, residence, load))
        return self.from_server(i, self.synack(i), trace=trace)

    def accept(self, i, **telemetry):
        return self.send(self.answer(i, **telemetry))

    def refuse(self, i):
        return self.send(self.from_server(i, self.reset()))


def counted(stats, before=None):
    """Those counters that have changed."""
    before = before or {}
    return {name: value - before.get(name, 0)
            for name, value in stats.items() if value != before.get(name, 0)}


the_selector = ktap.Shared(Selector)


def case(**words):
    """Make a function of a service a case: words are for Service."""
    def wrap(function):
        @functools.wraps(function)
        def run():
            service = Service(the_selector(), **words)
            try:
                function(service)
            finally:
                service.remove()
        run.is_case = True
        return run
    return wrap


def run(cases):
    try:
        ktap.run(cases)
    finally:
        the_selector.remove()


