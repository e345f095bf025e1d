# SPDX-License-Identifier: GPL-2.0
"""How routers may lead packets to instances: by the routes of the moment, by
what they remember of each flow, or by the number in the address.

Each has update(), with what has been measured, at the begin of a second;
lead(), which says where packets go; restart() of a router; and entries(), how
much it remembers.
"""

import numpy as np

import world
from world import INSTANCES, LOST, ROUTERS, SECOND, START

ABOUT = 8       # metrics that differ by less are as good as equal


class Ecmp:
    """Anycast: a packet goes to one of those that are best by now."""

    def __init__(self, clients):
        self.clients = clients
        self.before = self.latest = np.zeros(INSTANCES, int)

    def update(self, step, octets):
        del step
        self.before, self.latest = self.latest, octets

    def restart(self, router):
        """Routes come back by themselves."""

    @staticmethod
    def _choose(octets, mark):
        near = np.flatnonzero(octets < octets.min() + ABOUT)
        return near[(mark * np.uint64(len(near)) >> np.uint64(32)).astype(int)]

    def best(self, step, who, router, time):
        mark = self.clients.hash[who]
        heard = time - START - step * SECOND >= world.ROUTER_DELAY[router]
        return np.where(heard, self._choose(self.latest, mark),
                        self._choose(self.before, mark))

    lead = best

    def entries(self, step):
        del step
        return ROUTERS * INSTANCES


class Pins(Ecmp):
    """A flow goes where its first packet went, as long as a router knows."""

    IDLE = 60       # seconds after which a flow is forgotten

    def __init__(self, clients):
        super().__init__(clients)
        self.pins = np.full((ROUTERS, clients.count), LOST, np.int8)
        self.seen = np.zeros((ROUTERS, clients.count), np.int16)

    def restart(self, router):
        self.pins[router] = LOST

    def lead(self, step, who, router, time):
        old = self.pins[router, who]
        idle = step - self.seen[router, who] > self.IDLE
        found = np.where((old == LOST) | idle,
                         self.best(step, who, router, time), old)
        self.pins[router, who] = found
        self.seen[router, who] = step
        return found

    def entries(self, step):
        return int(np.count_nonzero((self.pins != LOST) &
                                    (self.seen >= step - self.IDLE)))


class Dyncast:
    """The number in the address says to which pointer; a pointer is set before
    its period begins and never changes.
    """

    period, bits, stretch, grace = 10000, 6, 32, 1000
    # What is measured counts from the next period on that is this far away:
    # every router has heard of it before its clock is there.
    lead_time = 3000

    def __init__(self, clients):
        self.numbers = self._index(clients.begin + clients.skew) % self.size
        # The last measurement that counts from a period on.
        self.log = {0: np.zeros(INSTANCES, int)}
        self.pointers = np.full((ROUTERS, self.size), LOST)
        self.known = [self._index(START) - self.size] * ROUTERS

    @property
    def size(self):
        return 1 << self.bits

    def _index(self, time):
        return time // self.period

    def update(self, step, octets):
        now = START + step * SECOND
        self.log[self._index(now + self.lead_time) + 1] = octets
        for router in range(ROUTERS):
            self.advance(router, now)

    def advance(self, router, now):
        """The pointers of periods that may be asked for in this second."""
        clock = now + SECOND + world.ROUTER_SKEW[router]
        newest = self._index(clock + self.grace)
        for index in range(self.known[router] + 1, newest + 1):
            self.pointers[router, index % self.size] = self.pointer(index)
        self.known[router] = newest

    def pointer(self, index):
        """The best by the last measurement that counts by then."""
        return int(self.log[max(i for i in self.log if i <= index)].argmin())

    def restart(self, router):
        """It is told again what it was told."""
        self.pointers[router] = LOST
        self.known[router] -= self.size - 1

    def accepted(self, clock, number):
        """Whether the number is of a period that counts by this clock."""
        newest = self._index(clock + self.grace)
        oldest = self._index(clock - self.grace) - self.stretch
        return newest - (newest - number) % self.size >= oldest

    def lead(self, step, who, router, time):
        del step
        number = self.numbers[who]
        clock = time + world.ROUTER_SKEW[router]
        return np.where(self.accepted(clock, number),
                        self.pointers[router, number], LOST)

    def entries(self, step):
        del step
        return ROUTERS * self.size


class Finer(Dyncast):
    """Shorter periods, and the same stretch: more numbers."""

    period, bits, stretch = 2000, 8, 160
