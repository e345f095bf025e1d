#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""usage: connections.py OUT [--short]

The part of connections that runs inside User Mode Linux: how many connections
per second a web server's clients get through, and how fast one of them moves
data, with and without somebody who chooses the server. The ways take turns, so
that what slows the machine down meets them all.
"""

import argparse
import json
import os
import re
import statistics

from balancers import Ipvs, Manycast, Network

SERVERS = 4
ROUNDS, SECONDS, CONNECTIONS = 9, 2, 8
FILE, SIZE = "bulk", 64 << 20


class Direct:
    """One server by its own address: nobody chooses."""

    addresses = ["fd00:5:1::2"]

    def start(self, net):
        """Nothing to set up."""

    def stop(self, net):
        return {}


WAYS = {
    "direct": Direct(),
    "ipvs wlc": Ipvs("wlc"),
    "ipvs mh": Ipvs("mh -b mh-fallback,mh-port"),
    "manycast 1": Manycast("fanout 1"),
    "manycast 2": Manycast("fanout 2"),
    "manycast 3": Manycast("fanout 3"),
}


def connections(net, way):
    """New ones per second, each for one small answer."""
    said = net.client.run(["wrk", "-t", "1", "-c", str(CONNECTIONS),
                           "-d", f"{SECONDS}s", "-H", "Connection: close",
                           f"http://[{way.addresses[0]}]/who"])
    rate = re.search(r"^Requests/sec:\s*([\d.]+)", said, re.M)
    for trouble in ("Socket errors", "Non-2xx"):
        if trouble in said:
            raise SystemExit(f"connections: wrk says\n{said}")
    return float(rate[1])


def curl(net, way, words, what):
    said = net.client.run(["curl", "-gsSf", "-o", "/dev/null", "-m", "120",
                           "-w", f"%{{{what}}}", *words,
                           f"http://[{way.addresses[0]}]/{FILE}"])
    return float(said) * 8 / 1e6


def download(net, way):
    """Mbit/s of one connection."""
    return curl(net, way, [], "speed_download")


def upload(net, way):
    return curl(net, way, ["-T", os.path.join(net.dir, "files", FILE)],
                "speed_upload")


MEASURES = {
    "connections per second": connections,
    "download, Mbit/s": download,
    "upload, Mbit/s": upload,
}


def rounds(net, measure, count):
    """{way: [value of each round]}, every other round backwards."""
    values = {name: [] for name in WAYS}
    for i in range(count):
        for name in list(WAYS)[::-1 if i % 2 else 1]:
            values[name].append(measure(net, WAYS[name]))
    return values


def ratios(values, peer):
    """Of each way to a peer of the same round: min, median and max."""
    return {name: [f(a / b for a, b in zip(mine, values[peer]))
                   for f in (min, statistics.median, max)]
            for name, mine in values.items()}


def show(what, values, peer):
    print(f"{what}, as a ratio to {peer}: min, median, max", flush=True)
    for name, (low, mid, high) in ratios(values, peer).items():
        print(f"  {name:<12} {low:.2f} {mid:.2f} {high:.2f}  "
              f"({statistics.median(values[name]):.0f})", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--short", action="store_true")
    args = parser.parse_args()
    results = {}
    with Network([1] * SERVERS, 0) as net:
        net.file(FILE, SIZE)
        for i in range(1, SERVERS + 1):
            net.nginx(i)
        for way in WAYS.values():
            way.start(net)
            connections(net, way)
        for what, measure in MEASURES.items():
            values = rounds(net, measure, 1 if args.short else ROUNDS)
            for peer in ("direct", "ipvs mh"):
                show(what, values, peer)
            results[what] = values
        counted = {name: way.stop(net) for name, way in WAYS.items()}
    with open(args.out, "w", encoding="ascii") as f:
        json.dump({"kernel": os.uname().release, "servers": SERVERS,
                   "values": results, "counted": counted}, f, indent=1)


if __name__ == "__main__":
    main()
