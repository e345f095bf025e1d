# SPDX-License-Identifier: GPL-2.0
"""A service, its clients and what happens to both, second by second. Times are
in milliseconds; a client sends a packet each second, and the last one when its
invocation ends.
"""

import numpy as np

SECOND = 1000
START = 1_700_000_003_000       # within a period
SPAN = 2000                     # seconds in which invocations begin
LONGEST = 320                   # seconds: the stretch
MEAN = 100                      # seconds, before LONGEST cuts
ROUTERS, INSTANCES = 3, 8
# What a router's clock is ahead of the right time, and when it hears of what
# has been measured.
ROUTER_SKEW = np.array([500, -500, 0])
ROUTER_DELAY = np.array([100, 250, 400])
CLIENT_SKEW = 500
# What happens, from second to second, and to whom.
SLOW, SLOW_ONE = (300, 600), 1          # it does half of its work
FAR, FAR_ONE = (700, 900), 3            # the way to it is 60 ms longer
DOWN, DOWN_ROUTER = (1000, 1002), 1     # it starts again, with no memory
CUT, CUT_ROUTER, OTHER = (1200, 1400), 0, 1     # its clients take another
GONE, GONE_ONE = (1500, 1700), 5        # no more invocations, please
EVENTS = {"slow": SLOW, "far": FAR, "restart": DOWN, "cut": CUT,
          "withdrawn": GONE}
WITHDRAWN = 255
LOST = -1


def during(times, step):
    return times[0] <= step < times[1]


class Clients:
    """One invocation each, in the order in which they begin."""

    def __init__(self, count, seed):
        chance = np.random.default_rng(seed)
        self.count = count
        self.begin = START + np.sort(
            chance.integers(0, SPAN * SECOND, count))
        self.first_step = (self.begin - START) // SECOND
        length = np.minimum(chance.exponential(MEAN, count).astype(int) + 1,
                            LONGEST)
        # Some need all that there is.
        length[chance.random(count) < 0.02] = LONGEST
        self.end = self.begin + length * SECOND
        # The clocks of some are as wrong as may be.
        self.skew = np.clip(chance.integers(-600, 601, count), -CLIENT_SKEW,
                            CLIENT_SKEW)
        self.hash = chance.integers(0, 1 << 32, count, dtype=np.uint64)
        self.router = chance.integers(0, ROUTERS, count)
        self._move(chance, length)

    def _move(self, chance, length):
        """One in ten changes its router once."""
        self.moved = self.begin + chance.integers(
            0, length * SECOND * 10, self.count)
        self.next = (self.router + chance.integers(
            1, ROUTERS, self.count)) % ROUTERS

    def arriving(self, step):
        """Those who begin in this second, as a range."""
        return np.arange(*np.searchsorted(self.first_step, (step, step + 1)))

    def time(self, who, step):
        """When their packets of this second are sent."""
        return self.begin[who] + (step - self.first_step[who]) * SECOND

    def routers(self, who, time):
        """Where these packets come to."""
        router = np.where(time < self.moved[who], self.router[who],
                          self.next[who])
        second = (time - START) // SECOND
        cut = (router == CUT_ROUTER) & (second >= CUT[0]) & (second < CUT[1])
        return np.where(cut, OTHER, router)


class Instances:
    """How fast they are, and how far away."""

    def __init__(self, clients):
        active = clients.count * MEAN / SPAN
        # All together 70 % busy when the service is in full swing.
        self.normal = np.full(INSTANCES, active / INSTANCES / 0.7)
        chance = np.random.default_rng(7)
        self.ways = chance.uniform(5, 40, (ROUTERS, INSTANCES))

    def capacity(self, step):
        capacity = self.normal.copy()
        if during(SLOW, step):
            capacity[SLOW_ONE] /= 2
        return capacity

    def network(self, step):
        """Milliseconds, from each router."""
        ways = self.ways.copy()
        if during(FAR, step):
            ways[:, FAR_ONE] += 60
        return ways

    def service(self, step, busy):
        """Milliseconds that each takes to answer, by how many it serves."""
        load = busy / self.capacity(step)
        return 10 / (1 - np.minimum(load, 0.9)) + 400 * np.maximum(
            load - 0.9, 0)

    def metrics(self, step, busy):
        """One octet for each, the same for every router: half of the
        milliseconds.
        """
        time = self.service(step, busy) + self.network(step).mean(axis=0)
        octets = np.minimum(time / 2, WITHDRAWN - 1).astype(int)
        if during(GONE, step):
            octets[GONE_ONE] = WITHDRAWN
        return octets
