#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""usage: response_report.py RESULTS [--short]

Print tables of what response.py measured, draw a picture of each kind of
demand beside RESULTS, and fail if the counts do not add up. --short: also fail
if the choice is not worth what it should be.
"""

import json
import os
import subprocess
import sys

import theory

HERE = os.path.dirname(os.path.abspath(__file__))
DRAWN = ("random", "wrr", "wlc", "sed", "rtt 2", "rtt 3", "load 2", "load 3",
         "told 3")


def exact(load, setting):
    """Mean, p95 and p99 in ms that random choice comes to in the end, for
    exponential service times.
    """
    workers, rates = setting["workers"], setting["rates"]
    seconds = [theory.mean(workers, rates, load / 100),
               *(theory.percentile(p, workers, rates, load / 100)
                 for p in (95, 99))]
    return [1000 * s + setting["network_ms"] for s in seconds]


class Results:
    """The records of all runs, found by balancer, demand and load."""

    def __init__(self, path):
        self.path = path
        with open(path, encoding="ascii") as f:
            told = json.load(f)
        self.runs, self.setting = told["runs"], told["setting"]
        self.by = {(r["balancer"], r["demand"], r["load"]): r
                   for r in self.runs}
        self.balancers = list(dict.fromkeys(r["balancer"] for r in self.runs))
        self.demands = list(dict.fromkeys(r["demand"] for r in self.runs))
        self.loads = sorted({r["load"] for r in self.runs})

    def table(self, demand, load):
        if not any((name, demand, load) in self.by
                   for name in self.balancers):
            return
        print(f"\n{demand} service times, {load} % of capacity; ms")
        print(f"{'':14} {'mean':>7} {'p95':>7} {'p99':>7} {'of random':>9} "
              f"{'Jain':>6}")
        base = self.random_p99(demand, load)
        if demand == "exponential":
            print("{:14} {:7.0f} {:7.0f} {:7.0f} {:9.2f}".format(
                "random, exact", *exact(load, self.setting), 1))
        for name in self.balancers:
            r = self.by.get((name, demand, load))
            if r:
                share = f"{r['p99'] / base:.2f}" if base else ""
                print(f"{name:14} {r['mean']:7.0f} {r['p95']:7.0f} "
                      f"{r['p99']:7.0f} {share:>9} {r['jain']:6.3f}")

    def random_p99(self, demand, load):
        """In the end if that is known, else as measured, or None."""
        if demand == "exponential":
            return exact(load, self.setting)[2]
        found = self.by.get(("random", demand, load))
        return found and found["p99"]

    def draw(self, demand):
        stem = f"{os.path.splitext(self.path)[0]}-{demand}"
        with open(stem + ".tsv", "w", encoding="ascii") as f:
            known = demand == "exponential"
            if known:
                f.write("random, exact\n")
                for load in self.loads:
                    f.write("\t".join(map(str, (
                        "random, exact", load, *exact(load, self.setting),
                        1))) + "\n")
                f.write("\n\n")
            for name in DRAWN:
                rows = [self.by[name, demand, load] for load in self.loads
                        if (name, demand, load) in self.by]
                if not rows:
                    continue
                f.write(f"{name}\n")
                for r in rows:
                    f.write("\t".join(str(x) for x in (
                        name, r["load"], r["mean"], r["p95"], r["p99"],
                        r["jain"])) + "\n")
                f.write("\n\n")
        top = f"{demand} service times".capitalize()
        # One load makes no picture.
        if len(self.loads) < 2:
            return
        subprocess.run(["gnuplot", "-e",
                        f"in='{stem}.tsv'; out='{stem}.svg'; top='{top}'; "
                        f"colours={1 if known else 2}",
                        os.path.join(HERE, "response.gp")], check=True)


def count_problems(results):
    """Whoever came was answered, once, and by the one who won."""
    for r in results.runs:
        name = "{balancer}, {demand}, {load} %".format(**r)
        if r["failed"]:
            yield f"{name}: {r['failed']} were not answered"
        if sum(r["served"]) != r["answered"]:
            yield f"{name}: {sum(r['served'])} served, not {r['answered']}"
        won = [c["won"] for c in r["counted"].values() if c]
        if won and [sum(n) for n in zip(*won)] != r["served"]:
            yield f"{name}: won {won}, served {r['served']}"


def goal_problems(results):
    """p99 at 90 %: half of random's at most."""
    for name in ("load 3", "told 3"):
        mine = results.by[name, "exponential", 90]["p99"]
        base = results.random_p99("exponential", 90)
        if mine > base / 2:
            yield f"{name}: p99 is {mine / base:.2f} of random's"


def main():
    results = Results(sys.argv[1])
    short = "--short" in sys.argv[2:]
    for demand in results.demands:
        for load in results.loads:
            results.table(demand, load)
        if not short:
            results.draw(demand)
    problems = list(count_problems(results))
    if short:
        problems += goal_problems(results)
    for problem in problems:
        print(f"response: {problem}", file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
