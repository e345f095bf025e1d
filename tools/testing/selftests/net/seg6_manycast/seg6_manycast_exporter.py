#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 30
# size: large
"""What is counted is exported, and Prometheus answers each panel of the
dashboard. More ROUNDS give the picture of the dashboard more to show.
"""

import collections
import itertools
import math
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time

from lib import ktap
from lib.ktap import equal, true, wait_for
from lib.monitoring import (EXPORTER, TOOLS, Watched, dashboard, needed,
                            parse)
# Which lib.monitoring knows the place of.
import metrics

ROUNDS = int(os.environ.get("ROUNDS", "3"))
WINDOW = "90s" if ktap.SLOW else "30s"
CASES = []
watched = ktap.Shared(Watched)


def case(function):
    CASES.append(function)
    return function


def counters(shown):
    """All counters that ip has told, however they are nested."""
    services = shown["services"]
    instances = [i for s in services for i in s["instances"]]
    return [x["stats"] for x in
            (*services, *instances, *shown["listeners"], shown)]


@case
def every_counter_is_there():
    """Once, and with its value."""
    net = watched()
    net.traffic(1)

    def unchanged():
        """Both, with no last segment and no timer between them."""
        told, samples = counters(net.shown()), parse(net.export())
        return told == counters(net.shown()) and (told, samples)
    told, samples = wait_for(unchanged, "nothing is counted meanwhile", 10)
    got = [value for (name, _), value in samples.items()
           if name.endswith("_total")]
    equal(collections.Counter(got),
          collections.Counter(float(v) for x in told for v in x.values()),
          "values of counters")
    true(any(got), "some are not zero")


@case
def no_key_is_misspelt():
    """What we have a name for is what ip has."""
    shown = watched().shown()
    service = shown["services"][0]
    for known, stats in ((metrics.SERVICE, service["stats"]),
                         (metrics.INSTANCE, service["instances"][0]["stats"]),
                         (metrics.HOST, shown["stats"])):
        equal(sorted(set(known) - set(stats)), [], "keys that ip has not")
    listener, = watched().s1.ip_json("-s manycast show")["listeners"]
    equal(sorted(set(metrics.LISTENER) - set(listener["stats"])), [],
          "keys that ip has not")


@case
def units_are_base_units():
    net = watched()
    net.traffic(1)
    instance = next(i for i in net.sel.instances() if "rtt" in i)
    samples = parse(net.export())
    labels = tuple(sorted((f'service="{instance["service"]}"',
                           f'sid="{instance["sid"]}"')))
    equal(samples["seg6_manycast_instance_round_trip_seconds", labels],
          instance["rtt"] / 1e6, "seconds")
    samples = parse(net.export(host="s1"))
    address = ('address="2001:db8:5::80"', 'port="80"')
    equal(samples["seg6_manycast_listener_load_ratio", address], 0.1, "ratio")


def histogram(samples, service, sid):
    """What an instance has: buckets by their bound, the sum and the count."""
    labels = f'service="{service}"', f'sid="{sid}"'
    name = "seg6_manycast_instance_rtt_seconds"
    bounds = {}
    for (sample, words), value in samples.items():
        if sample == name + "_bucket" and set(labels) < set(words):
            bound, = set(words) - set(labels)
            bounds[float(bound[len('le="'):-1])] = value
    return (bounds, samples[name + "_sum", labels],
            samples[name + "_count", labels])


@case
def round_trips_are_a_histogram():
    """Of powers of two, by the buckets that ip tells and where they end."""
    net = watched()
    net.traffic(1)
    samples = parse(net.export())
    told = [i for s in net.shown()["services"] for i in s["instances"]]
    true(sum("rtt_histogram" in i for i in told) > 0, "some have answered")
    for i in told:
        bounds, total, count = histogram(samples, i["service"], i["sid"])
        equal(sorted(bounds), [2 ** n / 1e6 for n in range(3, 24)] + [math.inf],
              "bounds")
        equal((bounds[math.inf], count, total),
              (i.get("rtt_count", 0),) * 2 + (i.get("rtt_sum", 0) / 1e6,),
              "all of them")
        for bound, value in bounds.items():
            equal(value, sum(b["count"] for b in i.get("rtt_histogram", ())
                             if b.get("to", math.inf) / 1e6 <= bound),
                  f"those of {bound} seconds")


@case
def periods_are_counted():
    """All that there are, by who has them."""
    net = watched()
    samples = parse(net.export())
    there = net.sel.ip_json("manycast period show service dyn")
    got = sum(value for (name, _), value in samples.items()
              if name == "seg6_manycast_periods")
    true(abs(got - len(there)) <= 1, f"{got} periods of {len(there)}")


@case
def promtool_has_nothing_to_say():
    """About names, types and helps."""
    needed("promtool")
    for host in "sel", "s1":
        done = subprocess.run(["promtool", "check", "metrics"], text=True,
                              input=watched().export(host=host), check=False,
                              capture_output=True)
        equal((done.returncode, done.stdout + done.stderr), (0, ""), host)


def parse_influx(text):
    """The samples of lines of its protocol, named as parse() does."""
    word = r"[\w.:+-]+"
    line = re.compile(rf"seg6_manycast((?:,{word}={word})*) "
                      rf"({word}=[\d.e-]+i?(?:,{word}=[\d.e-]+i?)*) \d{{19}}")
    for each in text.splitlines():
        found = line.fullmatch(each)
        true(found, f"a line of the line protocol: {each}")
        tags = [re.sub("=(.*)", r'="\1"', tag)
                for tag in found[1][1:].split(",")]
        for field in found[2].split(","):
            name, value = field.split("=")
            yield ((metrics.PREFIX + name, tuple(sorted(tags))),
                   float(value.rstrip("i")))


@case
def influx_has_the_same():
    """What Prometheus has, once."""
    net = watched()
    samples = parse(net.export())
    got = list(parse_influx(net.export("--influx")))
    equal(len(dict(got)), len(got), "different samples")
    # An instance without periods is not there, and a second may have passed.
    equal([key for key in {*samples} ^ {*dict(got)}
           if not key[0].endswith("_periods")], [], "only one of them has")
    up = "seg6_manycast_up", ("",)
    equal(dict(got)[up], samples[up], "a value")


@case
def a_file_is_replaced_as_a_whole():
    """Another user may read it, and nothing else is left there."""
    net = watched()
    folder = tempfile.mkdtemp(prefix="manycast-")
    path = os.path.join(folder, "m.prom")
    try:
        files = []
        for _ in range(2):
            net.export("--output", path)
            files.append(open(path, encoding="ascii"))
        first, second = (os.fstat(f.fileno()) for f in files)
        true(first.st_ino != second.st_ino, "another file")
        equal(stat.S_IMODE(second.st_mode), 0o644, "its mode")
        true(all(f.read().endswith("\n") for f in files), "whole files")
        equal(os.listdir(folder), ["m.prom"], "files")
    finally:
        shutil.rmtree(folder)


@case
def no_capability_is_needed():
    """The unit leaves it none that matters, and it does not tell keys."""
    net = watched()
    net.sel.ip(f"manycast service set web key {'5a' * 16}")
    for words in ["setpriv", "--bounding-set", "-all"], []:
        text = net.sel.run([*words, EXPORTER])
        true("\nseg6_manycast_up 1\n" in text, "the module answers")
        true('state="up"} 1' in text, "instances are told about")
        true("5a5a" not in text, "the key is not told")


@case
def without_an_answer():
    """An ip that refuses, as it does without the module."""
    folder = tempfile.mkdtemp(prefix="manycast-")
    try:
        with open(f"{folder}/ip", "w", encoding="ascii") as f:
            f.write("#!/bin/sh\necho 'Error: not loaded' >&2; exit 1\n")
        os.chmod(f"{folder}/ip", 0o755)
        done = subprocess.run([EXPORTER], text=True,
                              env={**os.environ, "PATH": folder},
                              capture_output=True, check=False)
        equal(done.returncode, 0, "exit status")
        equal(parse(done.stdout), {("seg6_manycast_up", ("",)): 0}, "samples")
        equal(done.stderr, "Error: not loaded\n", "what ip has said")
    finally:
        shutil.rmtree(folder)


@case
def the_dashboard_fits_together():
    """No number twice, no panel on another one, no unknown variable."""
    board = dashboard.load()
    ids = [panel["id"] for panel in board["panels"]]
    equal(len(set(ids)), len(ids), "different ids")
    taken = collections.Counter()
    for panel in board["panels"]:
        x, y, w, h = (panel["gridPos"][key] for key in "xywh")
        true(x + w <= 24, f"panel {panel['id']} is not too wide")
        taken.update(itertools.product(range(x, x + w), range(y, y + h)))
    equal(max(taken.values()), 1, "panels in one place")
    names = {v["name"] for v in board["templating"]["list"]}
    for panel in dashboard.panels(board):
        equal(panel["datasource"]["uid"], "${datasource}", "data source")
        used = {name for target in panel["targets"]
                for name in re.findall(r"\$(\w+)", target["expr"])}
        equal(used - names - {"__rate_interval"}, set(), "unknown variables")


def missing(net, panels):
    """What has no data yet: each query has a series, and each panel one that is
    not all zero.
    """
    for panel in panels:
        found = []
        for target in panel["targets"]:
            series = net.now(dashboard.expression(target, WINDOW))
            if not series:
                yield f"{panel['title']} {target['refId']}"
            found += [value for _, value in series]
        if not any(value and math.isfinite(value) for value in found):
            yield panel["title"]


@case
def prometheus_answers_every_panel():
    net = watched().scraped()
    panels = dashboard.panels(dashboard.load())
    numbers = itertools.count()

    def turn():
        net.traffic(next(numbers))
        net.write()
    for number in range(ROUNDS):
        if number == ROUNDS // 3:
            net.delay(1, 20)
        if number == 2 * ROUNDS // 3:
            net.servers[1].kill()
        turn()

    def answered():
        turn()
        left[:] = missing(net, panels)
        return not left
    left = []
    try:
        wait_for(answered, "data of every panel", 30)
    except AssertionError as e:
        raise AssertionError(f"no data of {left}") from e
    equal({labels["instance"]: value for labels, value in
           net.now("seg6_manycast_up")}, {"sel": 1, "s1": 1, "edge": 1},
          "hosts")
    equal([labels["instance"] for labels, value in
           net.now("node_textfile_scrape_error") if value], [],
          "files that node_exporter could not read")


@case
def prometheus_finds_quantiles():
    """The medians that ip tells, to a power of two."""
    net = watched().scraped()
    net.write()
    told = [i for i in net.sel.instances() if "rtt_median" in i]
    true(told, "some have answered")
    buckets = "seg6_manycast_instance_rtt_seconds_bucket"

    def scraped():
        found = {labels["sid"]: value for labels, value in net.now(
            f'{buckets}{{service="web",le="+Inf"}}')}
        return all(found.get(i["sid"]) == i["rtt_count"] for i in told)
    wait_for(scraped, "the last round trip is there", 10)
    medians = {labels["sid"]: value for labels, value in net.now(
        f'histogram_quantile(0.5, {buckets}{{service="web"}})')}
    for i in told:
        true(0.5 < medians[i["sid"]] / (i["rtt_median"] / 1e6) < 2,
             f"{medians[i['sid']]} for {i}")


@case
def a_picture_is_drawn():
    """Which the documentation shows; left with what else tests leave."""
    net = watched().scraped()
    needed("gnuplot")
    out = os.path.join(os.environ.get("ARTIFACTS", net.dir), "dashboard.svg")
    net.sel.run([f"{TOOLS}/draw", "--window", "15s", "--seconds",
                 str(time.monotonic() - net.began), out])
    with open(out, encoding="utf-8") as f:
        text = f.read()
    for panel in dashboard.panels(dashboard.load()):
        if panel["type"] == "timeseries":
            true(panel["title"] in text, f"{panel['title']} is there")
    true(len(text) < 200000, f"{len(text)} octets")


def main():
    try:
        ktap.run(CASES)
    finally:
        watched.remove()


if __name__ == "__main__":
    main()
