# SPDX-License-Identifier: GPL-2.0
"""Run the clients against a way to lead them, and count."""

import numpy as np

from world import (DOWN, DOWN_ROUTER, INSTANCES, LONGEST, LOST, SPAN, WITHDRAWN,
                   Instances, during)

STEPS = SPAN + LONGEST + 1
OFTEN = 10      # seconds; what takes long to count is counted that often


class Run:
    """One way, from the first packet to the last.

    home       the instance that serves each invocation, as it believes
    first      the one that it began with
    series     what is told for each second
    """

    def __init__(self, clients, way):
        self.clients, self.way = clients, way
        self.instances = Instances(clients)
        self.home = np.full(clients.count, LOST, np.int8)
        self.first = self.home.copy()
        self.broken = np.zeros(clients.count, bool)
        self.refused = self.lost = self.packets = 0
        self.octets = []
        self.series = {name: np.zeros(STEPS) for name in (
            "latency", "p99", "busiest", "violations", "entries")}

    def all(self):
        active = np.arange(0)
        for step in range(STEPS):
            active = self._second(step, active)
        return self

    def _second(self, step, active):
        """Returns those who have not ended."""
        homes = self.home[active]
        busy = np.bincount(homes[homes != LOST], minlength=INSTANCES)
        if step == DOWN[1]:
            self.way.restart(DOWN_ROUTER)
        self._measure(step, busy)
        who = np.concatenate((active, self.clients.arriving(step)))
        time = self.clients.time(who, step)
        router = self.clients.routers(who, time)
        up = ~((router == DOWN_ROUTER) & during(DOWN, step))
        self.lost += np.count_nonzero(~up)
        self.packets += len(who)
        self._packets(step, who[up], router[up], time[up], busy)
        return who[time < self.clients.end[who]]

    def _measure(self, step, busy):
        octets = self.instances.metrics(step, busy)
        self.octets.append(octets)
        self.way.update(step, octets)
        there = octets != WITHDRAWN
        load = busy / self.instances.capacity(step)
        self.series["busiest"][step] = 100 * load[there].max()

    def _packets(self, step, who, router, time, busy):
        got = self.way.lead(step, who, router, time)
        known = got != LOST
        self.refused += np.count_nonzero(~known)
        if known.any():
            self._judge(step, who[known], got[known])
            self._latency(step, router[known], got[known], busy)
        if step % OFTEN == 0:
            self.series["entries"][step] = self.way.entries(step)

    def _latency(self, step, router, got, busy):
        took = self.instances.network(step)[router, got] + \
            self.instances.service(step, busy)[got]
        self.series["latency"][step] = took.mean()
        if step % OFTEN == 0:
            self.series["p99"][step] = np.percentile(took, 99)

    def _judge(self, step, who, got):
        """An invocation whose packet comes to another instance is broken; its
        client begins anew, there.
        """
        home = self.home[who]
        fresh = home == LOST
        wrong = ~fresh & (home != got)
        self.first[who[fresh]] = got[fresh]
        self.broken[who[wrong]] = True
        self.home[who] = got
        self.series["violations"][step] = np.count_nonzero(wrong)

    def summary(self):
        full = slice(200, SPAN)         # while as many come as go
        return {
            "invocations": self.clients.count,
            "packets": self.packets,
            "violations": int(self.series["violations"].sum()),
            "broken": int(np.count_nonzero(self.broken)),
            "refused": int(self.refused),
            "lost": int(self.lost),
            "entries": int(self.series["entries"].max()),
            "latency": round(float(self.series["latency"][full].mean()), 1),
            "p99": round(float(self.series["p99"][full][::OFTEN].mean()), 1),
            "busiest": round(float(self.series["busiest"][full].mean()), 1),
        }
