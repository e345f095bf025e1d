#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""usage: connections.py ROUNDS

The part of connections that runs inside User Mode Linux: a web server's clients
make connections and move data, with and without somebody who chooses the
server. The ways take turns. What is measured is told in lines of JSON, one
before and one after, since only the host knows what it costs.
"""

import json
import os
import re
import sys

from balancers import Ipvs, Manycast, Network

SERVERS = 4
SECONDS, CONNECTIONS = 2, 8
FILE, SIZE = "bulk", 16 << 20


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
    """How many new ones, each for one small answer."""
    said = net.client.run(["wrk", "-t", "1", "-c", str(CONNECTIONS),
                           "-d", f"{SECONDS}s", "-H", "Connection: close",
                           f"http://[{way.addresses[0]}]/who"])
    for trouble in ("Socket errors", "Non-2xx"):
        if trouble in said:
            raise SystemExit(f"connections: wrk says\n{said}")
    return int(re.search(r"(\d+) requests in", said)[1])


def curl(net, way, words):
    """One transfer; how many MiB."""
    net.client.run(["curl", "-gsSf", "-o", "/dev/null", "-m", "120", *words,
                    f"http://[{way.addresses[0]}]/{FILE}"])
    return SIZE >> 20


def download(net, way):
    return curl(net, way, [])


def upload(net, way):
    return curl(net, way, ["-T", os.path.join(net.dir, "files", FILE)])


MEASURES = {"connection": connections, "download": download, "upload": upload}


def say(**message):
    print(json.dumps(message), flush=True)


def rounds(net, what, count):
    """Every other round backwards."""
    for i in range(count):
        for name in list(WAYS)[::-1 if i % 2 else 1]:
            say(begin=name)
            say(way=name, what=what, amount=MEASURES[what](net, WAYS[name]))


def main():
    with Network([1] * SERVERS, 0) as net:
        net.file(FILE, SIZE)
        for i in range(1, SERVERS + 1):
            net.nginx(i)
        for way in WAYS.values():
            way.start(net)
            connections(net, way)
        for what in MEASURES:
            rounds(net, what, int(sys.argv[1]))
        for way in WAYS.values():
            way.stop(net)


if __name__ == "__main__":
    main()
