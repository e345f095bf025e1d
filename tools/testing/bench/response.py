#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""usage: response.py OUT [--short | --only REGEX]

The part of response that runs inside User Mode Linux with time travel: twelve
servers, a third of them half as fast as the rest, and clients that come at
random. Writes one record per run into OUT, as JSON, and tells how far it is.
"""

import argparse
import json
import os
import random
import re
import resource

from balancers import Agent, Ipvs, Manycast, Network
from farm import Run, Server
from loop import Loop

SERVERS, WORKERS = 12, 4
SPEEDS = [0.5 if i % 3 == 2 else 1.0 for i in range(SERVERS)]
WEIGHTS = [int(2 * speed) for speed in SPEEDS]
BACKLOG = 32            # per unit of weight
OPEN_FILES = 1 << 16    # servers that are not up to it have many waiting
SERVICE = 0.1           # seconds on average, on a fast server
DELAY_MS = 4            # on the way to a server
CAPACITY = WORKERS * sum(SPEEDS) / SERVICE      # requests per second
SEED = 4

# Percent of capacity, and how many connections. 90 comes first.
LOADS = {90: 16000, 50: 4000, 60: 4000, 70: 4000, 80: 8000, 95: 24000}
WARM_UP = 3             # the first of so many parts does not count
DEMANDS = ("exponential", "bimodal")
# For who reads the results. Both the SYN and the request take DELAY_MS.
SETTING = {"seed": SEED, "workers": WORKERS, "network_ms": 2 * DELAY_MS,
           "rates": [speed / SERVICE for speed in SPEEDS]}
LONG = 0.005            # bimodal: so many ...
LONG_SECONDS = 5.0      # ... take so long, the others all the same time

BALANCERS = {
    "random": Manycast("fanout 1"),
    "wrr": Ipvs("wrr"),
    "wlc": Ipvs("wlc"),
    "sed": Ipvs("sed"),
    "rtt 2": Manycast("fanout 2"),
    "rtt 3": Manycast("fanout 3"),
    "load 2": Manycast("policy load fanout 2"),
    "load 3": Manycast("policy load fanout 3"),
    "told 3": Manycast("policy load fanout 3", agents=True),
}
# Only at 90 %.
VARIANTS = {
    "told 2": Manycast("policy load fanout 2", agents=True),
    "told all": Manycast("policy load candidates all", agents=True),
    "weighted 3": Manycast("policy weighted fanout 3 coef 1 1 1000",
                           agents=True),
    "rtt 3, short": Manycast("fanout 3", backlog=2),
    "wrr, equal": Ipvs("wrr", equal=True),
    "wlc, equal": Ipvs("wlc", equal=True),
    "sed, equal": Ipvs("sed", equal=True),
    "load 3, equal": Manycast("policy load fanout 3", equal=True),
    "told 3, equal": Manycast("policy load fanout 3", equal=True,
                              agents=True),
    "wlc, four": Ipvs("wlc", selectors=4),
    "sed, four": Ipvs("sed", selectors=4),
    "load 3, four": Manycast("policy load fanout 3", selectors=4),
    "told 3, four": Manycast("policy load fanout 3", selectors=4,
                             agents=True),
}
ALL = BALANCERS | VARIANTS


def demand(kind, rnd):
    """Seconds of work on a fast server, SERVICE on average."""
    if kind == "exponential":
        return rnd.expovariate(1 / SERVICE)
    short = (SERVICE - LONG * LONG_SECONDS) / (1 - LONG)
    return LONG_SECONDS if rnd.random() < LONG else short


def arrivals(kind, load, count):
    """The same for every balancer: (time, demand)."""
    rnd = random.Random(f"{SEED} {kind} {load}")
    now = 0.0
    for _ in range(count):
        now += rnd.expovariate(CAPACITY * load / 100)
        yield now, demand(kind, rnd)


def percentile(ordered, p):
    return ordered[min(len(ordered) - 1, int(p / 100 * len(ordered)))]


def jain(values):
    return sum(values) ** 2 / (len(values) * sum(v * v for v in values))


class Bench:
    """The network, the servers on it, and one run after the other."""

    def __init__(self, net):
        self.net, self.loop = net, Loop()
        self.used, self.until = [], 0.0
        self.servers = [
            Server(self.loop, ns, WORKERS, speed)
            for ns, speed in zip(net.servers(), SPEEDS)]
        for server, ns in zip(self.servers, net.servers()):
            server.tell = Agent(ns)

    def measure(self, name, kind, load, count):
        balancer = ALL[name]
        balancer.start(self.net)
        for server, weight in zip(self.servers, WEIGHTS):
            server.reset((balancer.backlog or BACKLOG) * weight - 1)
            server.tell.begin(balancer.addresses if balancer.agents else [],
                              server)
        with self.net.client:
            run = Run(self.loop, balancer.addresses,
                      arrivals(kind, load, count), self.note_use)
            self.loop.run(run.done)
        return self.record(name, kind, load, run) | \
            {"counted": balancer.stop(self.net)}

    def note_use(self):
        """What was worked until the last client came; then it gets quiet."""
        self.used = [s.seconds for s in self.servers]
        self.until = self.loop.now

    def record(self, name, kind, load, run):
        seconds = self.until - run.origin
        used = [u / seconds / WORKERS for u in self.used]
        times = sorted(run.times[len(run.times) // WARM_UP:])
        return {
            "balancer": name, "demand": kind, "load": load,
            "answered": len(run.times), "failed": run.failed,
            "served": [s.served for s in self.servers],
            "mean": 1000 * sum(times) / len(times),
            **{f"p{p}": 1000 * percentile(times, p) for p in (50, 95, 99)},
            "utilisation": used, "jain": jain(used), "seconds": seconds,
        }


def pick(args):
    """(balancer, demand, load, connections), the short ones of CI or all."""
    if args.short:
        return [(name, "exponential", 90, 2000)
                for name in ("random", "sed", "rtt 2", "load 3", "told 3")]
    everything = [(name, kind, load, args.count or count)
                  for load, count in LOADS.items() for kind in DEMANDS
                  for name in (ALL if load == 90 else BALANCERS)]
    return [run for run in everything
            if re.search(args.only, f"{run[1]} {run[2]} {run[0]}")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--count", type=int)
    args = parser.parse_args()
    runs, records = pick(args), []
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    with Network(WEIGHTS, DELAY_MS) as net:
        bench = Bench(net)
        for i, run in enumerate(runs, 1):
            records.append(bench.measure(*run))
            print("{}/{}: {demand} {load} % {balancer}: mean {mean:.0f} "
                  "p95 {p95:.0f} p99 {p99:.0f} ms, Jain {jain:.3f}, "
                  "{failed} failed".format(i, len(runs), **records[-1]),
                  flush=True)
            with open(args.out + ".part", "w", encoding="ascii") as f:
                json.dump({"kernel": os.uname().release, "setting": SETTING,
                           "runs": records}, f, indent=1)
    os.rename(args.out + ".part", args.out)


if __name__ == "__main__":
    main()
