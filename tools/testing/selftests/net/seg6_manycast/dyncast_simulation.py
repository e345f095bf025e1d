#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 40
# size: large
"""The rules of dyncast by simulation: no invocation breaks while everything
around it changes, and each rule is needed for that. Needs no module.
"""

import functools
import os
import sys

from lib import ktap, libdyncast
from lib.ktap import Skip, equal, true

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.abspath(os.path.join(HERE, "../../../dyncast")))
try:
    # pylint: disable=wrong-import-position
    import numpy as np
    import count
    import ways
    import world
except ImportError:
    np = None

COUNT = 20000
CASES = []


def case(function):
    def wrapped():
        if np is None:
            raise Skip("no python3-numpy: tools/setup/packages check "
                       "installs it")
        function()
    wrapped.__name__ = function.__name__
    CASES.append(wrapped)
    return wrapped


@functools.cache
def clients(number=COUNT, seed=1):
    return world.Clients(number, seed)


@functools.cache
def run(name):
    return count.Run(clients(), getattr(ways, name)(clients())).all()


@case
def dyncast_breaks_nothing():
    s = run("Dyncast").summary()
    equal([s["violations"], s["broken"], s["refused"]], [0, 0, 0], "broken")
    true(s["packets"] > 80 * COUNT, f"{s['packets']} packets")
    true(s["lost"] > 0, "a router was down")


@case
def what_is_simulated():
    """Clients of every kind: those for whom the rules are."""
    c = clients()
    length = c.end - c.begin
    true(np.count_nonzero(length == 320000) > COUNT // 100, "the stretch")
    equal(int(length.max()), 320000, "and no more")
    for skew in -500, 500:
        true(np.count_nonzero(c.skew == skew) > COUNT // 100, f"skew {skew}")
    true(np.count_nonzero(c.moved < c.end) > COUNT // 20, "who moves")
    turns = {int(p) // 64 for p in c.begin // 10000}
    true(len(turns) > 3, f"the number wraps: {turns}")


@case
def the_others_break():
    """Or there was nothing to withstand."""
    plain, pins = run("Ecmp").summary(), run("Pins").summary()
    true(plain["broken"] > COUNT / 2, f"ECMP broke {plain['broken']}")
    true(pins["broken"] > COUNT / 20, f"pins broke {pins['broken']}")
    # Without a reason it does not.
    stay = (clients().router == 2) & (clients().moved >= clients().end)
    equal(int(np.count_nonzero(run("Pins").broken[stay])), 0,
          "broken whose router stays")
    true(pins["entries"] > 500, f"{pins['entries']} entries")


@case
def who_begins_takes_the_best():
    """As it was measured last before the period, in time for all routers."""
    done, c = run("Dyncast"), clients()
    index = (c.begin + c.skew) // 10000
    step = (index * 10000 - 3000 - world.START - 1) // 1000
    known = (step >= 0) & (done.first != world.LOST)
    best = np.array([octets.argmin() for octets in done.octets])
    equal(int(np.count_nonzero(done.first[known] != best[step[known]])), 0,
          "who began elsewhere")
    # Nobody who is withdrawn.
    told = (step > world.GONE[0]) & (step < world.GONE[1])
    equal(int(np.count_nonzero(done.first[told] == world.GONE_ONE)), 0,
          "who began at an instance that was withdrawn")
    true(len(set(best)) > 4, "several were the best")


@case
def numbers_are_the_librarys():
    s = libdyncast.Service()
    c = clients()
    numbers = run("Dyncast").way.numbers
    for i in range(0, COUNT, 7):
        time = int(c.begin[i] + c.skew[i])
        equal(int(numbers[i]), s.number(time), f"number at {time}")


@case
def what_is_remembered():
    """Pointers are for periods, pins for clients."""
    few = ways.Dyncast(clients()).pointers.size
    many = ways.Dyncast(clients(10 * COUNT)).pointers.size
    equal([few, many], [3 * 64] * 2, "pointers")


def broken_rules():
    """Each is Dyncast without one of its rules."""
    class Moving(ways.Dyncast):
        """A measurement changes periods that have begun."""

        def update(self, step, octets):
            super().update(step, octets)
            self.pointers[self.pointers != world.LOST] = octets.argmin()

    class Hasty(ways.Dyncast):
        """A router takes what it has heard last."""

        def pointer(self, index):
            return int(self.log[max(self.log)].argmin())

    class Forgetful(ways.Dyncast):
        """A router that starts again does not ask what was."""

        def restart(self, router):
            self.pointers[router] = self.pointer(self.known[router])

    class Exact(ways.Dyncast):
        """Clocks are right."""

        grace = 0

    class Short(ways.Dyncast):
        """A period less."""

        stretch = 31

    class Narrow(ways.Dyncast):
        """Numbers come again within the stretch."""

        bits = 5

    return Moving, Exact, Hasty, Forgetful, Short, Narrow


@case
def each_rule_is_needed():
    some = clients(COUNT // 4)
    for broken in broken_rules()[:2 if ktap.SLOW else None]:
        s = count.Run(some, broken(some)).all().summary()
        true(s["violations"] + s["refused"] > 0,
             f"{broken.__name__} breaks nothing")


@case
def chance_is_the_same():
    """Nothing else is left to it than what clients do."""
    again = world.Clients(COUNT, 1)
    for name, values in vars(clients()).items():
        true(np.array_equal(values, getattr(again, name)), name)
    true(not np.array_equal(again.end, clients(COUNT, 2).end), "another seed")


if __name__ == "__main__":
    ktap.run(CASES)
