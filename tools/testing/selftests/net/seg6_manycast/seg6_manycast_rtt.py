#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 15
"""Round-trip times: the selector counts them all in a histogram, and ip tells
the median and the 99th percentile of those that there were, or are meanwhile.
"""

import json
import subprocess
import time

from lib.ktap import equal, true
from lib.selector import case, run
from lib.topology import sid


def instances(s, shown):
    """Those of the service, of all that ip shows."""
    mine, = [x for x in shown["services"] if x["name"] == s.name]
    return mine["instances"]


def told(s, options=""):
    return instances(s, s.sel.ns.ip_json(options + " manycast show"))


def line(s, words=""):
    """What it says below the instance, in a line."""
    text = s.sel.ns.ip("manycast show " + words)
    return text.partition(f"\ninstance service {s.name} ")[2].splitlines()[1]


def timed(s, pauses):
    """Handshakes that server 1 answers after so many seconds. In microseconds,
    what each round trip took at least, and at most.
    """
    took = []
    for pause in pauses:
        a = s.attempt()
        begin = time.monotonic()
        a.connect()
        sent = time.monotonic()
        time.sleep(pause)
        back = time.monotonic()
        a.accept(1)
        took.append((1e6 * (back - sent) - 1,
                     1e6 * (time.monotonic() - begin)))
    return took


def expect(s, took, median, p99):
    """Those two are the times of these ranks, to an eighth."""
    instance, = told(s, "-s")
    least, most = map(sorted, zip(*took))
    equal(instance["rtt_count"], len(took), "how many")
    for key, n in ("rtt_median", median), ("rtt_p99", p99):
        true(0.88 * least[n - 1] <= instance[key] <= 1.13 * most[n - 1],
             f"{key} {instance[key]} of {least[n - 1]} to {most[n - 1]}")
    true(sum(least) <= instance["rtt_sum"] <= sum(most), "their sum")
    return instance


@case(instances=1)
def percentiles(s):
    """Of 21, the median is the first of those that take longer, and the other
    one the longest. Of 101, it is the one before.
    """
    true(" median " not in line(s), "nothing is measured yet")
    took = timed(s, [0.4] + [0.1, 0] * 10)
    expect(s, took, 11, 21)
    took += timed(s, [0] * 80)
    instance = expect(s, took, 51, 100)
    text = "median {rtt_median}us p99 {rtt_p99}us of 101 "
    true(text.format(**instance) in line(s), line(s))
    same, = s.sel.ns.instances(s.name)
    equal({key: same[key] for key in same if key.startswith("rtt")},
          {key: instance[key] for key in instance if key.startswith("rtt")},
          "what instance show tells")


@case(instances=1)
def buckets(s):
    """Each that has some, and where the times are."""
    took = timed(s, [0, 0.1])
    true("rtt_histogram" not in told(s)[0], "only with -s")
    found = told(s, "-s")[0]["rtt_histogram"]
    equal([b["count"] for b in found], [1, 1], "counts")
    for bucket, (low, high) in zip(found, took, strict=True):
        true(bucket["from"] <= high and low < bucket["to"],
             f"{bucket} of {low} to {high}")
        true(bucket["to"] <= 1.25 * bucket["from"], f"{bucket} is narrow")


@case(instances=3, policy="load")
def losers(s):
    """Who answers and does not win has a round trip, too; who refuses has not.
    """
    a = s.attempt()
    a.connect()
    a.accept(1, load=10)
    a.accept(2, load=20)
    a.refuse(3)
    equal([(i["stats"]["won"], i.get("rtt_count")) for i in told(s, "-s")],
          [(1, 1), (0, 1), (0, None)], "wins, and round trips")


def interval(s):
    """A second of it, by a process that runs."""
    return subprocess.Popen(
        ["ip", "-n", s.sel.ns.name, "-j", "manycast", "show", "interval", "1"],
        stdout=subprocess.PIPE, text=True)


@case(instances=1)
def meanwhile(s):
    """Those that come between two reads, and none that came before."""
    timed(s, [0] * 5)
    begun = 0
    with interval(s) as show:
        while show.poll() is None:
            timed(s, [0])
            begun += 1
        instance, = instances(s, json.load(show.stdout))
    true(0 < instance["rtt_count"] <= begun, f"{instance} of {begun}")
    true(f" of {5 + begun} " in line(s), line(s))
    true(" median " not in line(s, "interval 1"), "nothing comes")


@case(instances=1)
def anew(s):
    """What an instance of the same sid had before is not taken off."""
    timed(s, [0] * 5)
    with interval(s) as show:
        time.sleep(0.5)
        s.later("instance del service", s.name, "sid", sid(1))
        s.later("instance add service", s.name, "sid", sid(1))
        s.sel.ns.flush()
        timed(s, [0])
        instance, = instances(s, json.load(show.stdout))
    true(instance.get("rtt_count", 0) <= 1, f"{instance}")
    equal(told(s)[0]["rtt_count"], 1, "since it is there")


if __name__ == "__main__":
    run([percentiles, buckets, losers, meanwhile, anew])
