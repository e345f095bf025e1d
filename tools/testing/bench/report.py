# SPDX-License-Identifier: GPL-2.0
"""Results into ratios, and ratios into lines, a table and pictures."""

import json
import os
import subprocess
from statistics import median

CYCLES, NS = 0, 1


def per_packet(result, label, unit):
    """What one packet costs, in each round, without making and freeing it."""
    runs = result["runs"][label]
    return [(median(burst[unit] for burst in path) -
             median(burst[unit] for burst in free)) / result["burst"]
            for free, path in zip(runs["free"], runs["path"])]


def total(result, factors, unit):
    """A sum of runs, in each round."""
    columns = [[factor * cost for cost in per_packet(result, label, unit)]
               for label, factor in factors.items()]
    return [sum(row) for row in zip(*columns)]


class Ratio:
    """What was measured, beside what; and the goal, or None."""

    more = False  # is better

    def __init__(self, measured, beside, title, goal, bound, **_):
        self.title, self.goal, self.bound = title, goal, bound
        self.measured, self.beside = median(measured), median(beside)
        ratios = [m / b if b else float("inf")
                  for m, b in zip(measured, beside)]
        self.median, self.min, self.max = \
            median(ratios), min(ratios), max(ratios)

    def met(self):
        if self.goal is None:
            return True
        return self.median >= self.goal if self.more else \
            self.median <= self.goal

    def bounded(self):
        """Not much worse than when the bound was set."""
        return self.bound is None or self.median <= self.bound

    def verdict(self):
        if self.goal is None:
            return ""
        return f"{self.goal:.2f} {'met' if self.met() else 'MISSED'}"

    def line(self):
        return (f"{self.title:<56} {self.measured:>8.0f} {self.beside:>8.0f} "
                f"{self.median:>6.3f} ({self.min:.3f}..{self.max:.3f}) "
                f"{self.verdict()}").rstrip()

    def row(self):
        """For JSON."""
        return {**vars(self), "met": self.met()}


HEAD = (f"{'':<56} {'measured':>8} {'beside':>8} {'ratio':>6} (min..max) "
        "goal")


def ratios(result, goals, unit):
    return [Ratio(**{**goal, "measured": total(result, goal["measured"], unit),
                     "beside": total(result, goal["beside"], unit)})
            for goal in goals]


def sweep_ratios(results, goals, unit):
    """The last step beside the first."""
    return [Ratio(**{**goal,
                     "measured": total(results[-1], goal["measured"], unit),
                     "beside": total(results[0], goal["beside"], unit)})
            for goal in goals]


def memory_ratios(memory):
    octets = {label: size for label, (size, _) in memory.items()}
    peer = [octets["IPVS"]]

    def row(title, size, goal=None):
        return Ratio([size], peer, title, goal, goal)

    return [
        row("octets of a handshake, beside an IPVS connection",
            octets["handshake"], 1.0),
        row("octets of the tombstone that it becomes", octets["tombstone"],
            1.0),
        row("both, as if they were there at once",
            octets["handshake"] + octets["tombstone"]),
        row("octets of an established connection at the selector",
            octets["established"], 0.0)]


def speed(children, burst):
    """Packets in a millisecond, of all processors."""
    return sum(1e6 * burst / median(bursts) for bursts in children)


def processor_ratios(result):
    """How much faster two are than one: more is better."""
    found = []
    for label, rounds in result["at_once"].items():
        ratio = Ratio([speed(c, result["burst"]) for c in rounds["all"]],
                      [speed(c, result["burst"]) for c in rounds["one"]],
                      f"{label}: two processors beside one", None, None)
        ratio.goal, ratio.more = 1.8, True
        found.append(ratio)
    return found


def save(path, what):
    with open(path, "w") as f:
        json.dump(what, f, indent=1)
        f.write("\n")


def picture(path, name, results, unit, unit_name):
    """What a packet costs as something grows."""
    labels = list(results[0]["runs"])
    data = path + ".data"
    with open(data, "w") as f:
        for label in labels:
            f.write(f'"{label}"\n')
            for result in results:
                cost = median(per_packet(result, label, unit))
                f.write(f"{result['x']} {cost}\n")
            f.write("\n\n")
    curves = ", ".join(
        f'"{data}" index {i} using 1:2 with linespoints title '
        f'"{label}" noenhanced' for i, label in enumerate(labels))
    subprocess.run(["gnuplot"], check=True, text=True, input=f"""
set terminal svg size 720,420 background "white"
set output "{path}.svg"
set logscale x
set yrange [0:*]
set grid
set key outside
set xlabel "{name}"
set ylabel "{unit_name} for a packet"
plot {curves}
""")
    os.remove(data)
