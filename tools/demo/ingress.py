# SPDX-License-Identifier: GPL-2.0
"""A Dyncast service with two routers that clients may enter by, for the demo.

      west -- west-gate --- r1 ---.     .-- s1
                       \   /       \   /
                         x          net --- s2
                       /   \       /   \
      east -- east-gate --- r2 ---'     '-- s3

Gates lead the service's prefix to either router, all else to net. Routers have
H.Dyncast with the same configuration, but r2's clock is ahead of r1's. All
hosts are one machine, so that a clock that is wrong is made with an offset.
"""

import ipaddress
import itertools
import json
import random
import shutil
import subprocess
import tempfile
import time

from load import Connection, Load
from sites import start_nginx

from lib import libdyncast, netns
from lib.topology import sid

PREFIX, POSITION, BITS = "2001:db8:d::/60", 60, 4
SERVICE = ipaddress.ip_address("2001:db8:d::80")
PERIOD, STRETCH, GRACE = 2000, 8, 600       # ms, periods, ms
# By how many ms clocks are off. Of any two they differ by less than the grace.
ROUTERS = {"r1": 0, "r2": 300}
CLIENTS = {"west": 200, "east": -200}
SERVERS = "s1", "s2", "s3"
LIFE = 4, STRETCH * PERIOD / 1000 - 1       # seconds, of an invocation


def clock(off):
    """What a client with such a clock knows of the service."""
    return libdyncast.Service(POSITION, bits=BITS, period=PERIOD,
                              stretch=STRETCH, offset=off)


def now():
    """The period that it is on r1, and how many ms of it are over."""
    return divmod(libdyncast.now(), PERIOD)


class Invocations(Load):
    """Connections to the address that is current when they begin. Those that
    stay are invocations of several connections, all to one address.
    """

    def __init__(self, *more):
        super().__init__(*more)
        self.clocks = {name: clock(off) for name, off in CLIENTS.items()}

    def _address(self, ns):
        found = self.clocks[ns.name].address(SERVICE, libdyncast.now())
        return str(ipaddress.ip_address(found))

    async def _again(self, connection):
        if random.random() < 0.7:
            await connection.ask()
            return
        other = Connection(connection.ns, connection.address)
        other.server = connection.server
        try:
            await self._first(other)
        finally:
            other.close()


class Ingress:
    """All of it; use as a context manager."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="dyncast-")
        gates = [name + "-gate" for name in CLIENTS]
        names = [*CLIENTS, *gates, *ROUTERS, "net", *SERVERS]
        self.hosts = dict(zip(names, netns.create(names)))
        # By host and neighbour.
        self.addresses, self.count = {}, itertools.count(1)
        for number, (client, gate) in enumerate(zip(CLIENTS, gates), 1):
            self._client(client, gate, f"2001:db8:c{number}::")
        for number, (router, off) in enumerate(ROUTERS.items(), 1):
            self._router(router, f"fc00:b:{number}::", off)
        for server in SERVERS:
            self._server(server)
        for host in self.hosts.values():
            host.flush()
        for client, router in zip(CLIENTS, ROUTERS):
            self.enter(client, router)
        for server in SERVERS:
            start_nginx(self[server], self.dir)

    def __getitem__(self, name):
        return self.hosts[name]

    def _link(self, a, b):
        net = f"fd00:0:{next(self.count):x}::"
        netns.link(self[a], self[b], net + "1/64", net + "2/64")
        self.addresses[a, b], self.addresses[b, a] = net + "1", net + "2"

    def _via(self, host, neighbour):
        return f"via {self.addresses[neighbour, host]}"

    def _default(self, host):
        self._link(host, "net")
        self[host].later(f"route add default {self._via(host, 'net')}")

    def _client(self, client, gate, net):
        netns.link(self[client], self[gate], net + "2/64", net + "1/64")
        self[client].later(f"route add default via {net}1")
        for router in ROUTERS:
            self._link(gate, router)
        self._default(gate)
        self["net"].later(f"route add {net}/64 {self._via('net', gate)}")

    def _router(self, router, locator, off):
        self._default(router)
        ns, own = self[router], locator + "1"
        self["net"].later(f"route add {locator}/48 "
                          f"{self._via('net', router)}")
        ns.later(f"manycast service add web sid {own} period {PERIOD} "
                 f"bits {BITS} stretch {STRETCH} grace {GRACE} offset {off}")
        for i in range(1, len(SERVERS) + 1):
            ns.later(f"manycast instance add service web sid {sid(i)}")
        ns.later(f"route add {own} encap seg6local action End.MAnycast "
                 "dev net")
        ns.later(f"route add {PREFIX} encap seg6local action H.Dyncast "
                 f"service web position {POSITION} dev net")

    def _server(self, server):
        self._default(server)
        ns, own = self[server], sid(int(server[1:]))
        ns.later(f"route add local {PREFIX} dev lo")
        ns.later(f"route add {own} encap seg6local action End.DT6 "
                 "table local dev net")
        self["net"].later(f"route add {own} {self._via('net', server)}")

    # What is done to it.

    def enter(self, client, router):
        """From now on, what a client sends comes to this router."""
        gate = client + "-gate"
        self[gate].ip(f"-6 route replace {PREFIX} {self._via(gate, router)}")

    def change(self, router, server, what, check=True):
        """What a router knows of an instance."""
        return self[router].ip("manycast instance set service web sid "
                               f"{sid(int(server[1:]))} {what}", check)

    def tell(self, server, what):
        for router in ROUTERS:
            self.change(router, server, what)

    def rate(self, metrics, index):
        """Both routers, about the metrics of a period to come; returns what
        they tell: the server of each period, and how many packets they have
        sent to instances. One process each, as there is little time.
        """
        lines = [f"manycast instance set service web sid {sid(int(server[1:]))}"
                 f" metric {metric} from {index}"
                 for server, metric in metrics.items()]
        lines += ["manycast period show service web",
                  "manycast instance show service web"]
        return {router: self._ask(router, lines) for router in ROUTERS}

    def _ask(self, router, lines):
        done = subprocess.run(
            ["ip", "-n", router, "-j", "-s", "-batch", "-"], check=True,
            input="\n".join(lines), stdout=subprocess.PIPE, text=True)
        periods, instances = map(json.loads, done.stdout.splitlines())
        of = {sid(int(server[1:])): server for server in SERVERS}
        return ({p["index"]: of.get(p.get("sid"), "-") for p in periods},
                sum(x["stats"]["dyncast"] for x in instances))

    def between_choices(self):
        """Wait until every router has chosen the instance of this period and
        none that of the next: what they are told now, both will go by. That is
        needed for what does not say from which period on it counts.
        """
        while now()[1] > PERIOD / 10:
            time.sleep(0.02)

    def cut(self, server):
        """Nothing reaches it any more, and nobody is told."""
        self["net"].run(f"tc qdisc add dev {server} root netem loss 100%")

    def mend(self, server):
        self["net"].run(f"tc qdisc del dev {server} root")

    # What is so.

    def counters(self, router):
        return self[router].service()["stats"]

    def fetch(self, client, off):
        """As one would in a shell, with a clock that is so many ms off; returns
        the server, or what curl says.
        """
        address = libdyncast.current(f"{SERVICE}/{POSITION}", "-b", BITS,
                                     "-t", PERIOD, "-o", off)
        done = self[client].run(["curl", "-gsS", "--noproxy", "*", "-m", "5",
                                 f"http://[{address}]/"], check=False)
        return done.stderr.strip() or done.stdout.split()[0]

    def clients(self):
        return [self[name] for name in CLIENTS]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        netns.remove(self.hosts.values())
        shutil.rmtree(self.dir)
