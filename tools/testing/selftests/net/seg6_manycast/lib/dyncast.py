# SPDX-License-Identifier: GPL-2.0
"""Routers with H.Dyncast whose clock the test moves: one alone, with all around
it played by the test, and a network with real servers.

    client --- r --+-- s1
                   `-- s2

client  2001:db8:c::2, 198.51.100.2
r       the router: 2001:db8:d::/58 and 192.0.2.80, ports 8000 to 8063
s1, s2  servers of the whole prefix, SIDs fc00:5:1::1 and so on
"""

import errno
import socket
import struct
import time

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6

from . import ktap, netns
from .ktap import wait_for
from .netns import Netns
from .nl import Genl, name
from .topology import CLIENT, sid
from .wire import GATEWAY, PACKET_OUTGOING, Wire

PREFIX, POSITION = "2001:db8:d::/58", 58
SERVICE4, PORT, CLIENT4 = "192.0.2.80", 8000, "198.51.100.2"
SOURCE = "fc00:b:1::1"
# Long enough that what a slow machine needs for a step does not matter.
PERIOD, GRACE, STRETCH, NUMBERS = 600000, 60000, 32, 64
START = 45 << 16        # the period that a case begins in; its number is 0
ETH_P_IP = 0x0800
UNREACHABLE, NO_ROUTE, NO_ADDRESS = 1, 0, 3


def address(index, host=0x80):
    """The service's address in a period."""
    return f"2001:db8:d:{index % NUMBERS:x}::{host:x}"


def packet(index, layer=None, src=CLIENT, hlim=64):
    """A client's packet of an invocation that began in a period."""
    return IPv6(src=src, dst=address(index), hlim=hlim) / (
        UDP(sport=4000, dport=443) / b"x" if layer is None else layer)


def packet4(index, layer=None, src=CLIENT4, **more):
    more = {"ttl": 64, **more}
    return IP(src=src, dst=SERVICE4, **more) / (
        UDP(sport=4000, dport=PORT + index % NUMBERS) / b"x"
        if layer is None else layer)


class Clock(Genl):
    """The clock of a router's service, by attribute OFFSET."""

    SET, NAME, OFFSET = 2, 1, 32

    def __init__(self, ns, service="web", period=PERIOD):
        super().__init__(ns)
        self.service, self.period = service, period

    def at(self, index, ms=None):
        """Let it be so many milliseconds after a period's beginning."""
        ms = self.period // 2 if ms is None else ms
        offset = index * self.period + ms - time.time_ns() // 1000000
        self.call(self.SET, [(self.NAME, name(self.service)),
                             (self.OFFSET, struct.pack("=q", offset))])


class Wire4(Wire):
    """A wire for IPv4 as well."""

    def __init__(self, *more):
        super().__init__(*more)
        with self.far:
            self.sock4 = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                       socket.htons(ETH_P_IP))
            self.sock4.bind(("wire", ETH_P_IP))
        self.sock4.setblocking(False)

    def exchange4(self, *packets):
        """Send IPv4; returns what has come of it, IPv6 before IPv4."""
        self._read4()
        for p in packets:
            self.sock.send(self.header[:12] + struct.pack("!H", ETH_P_IP) +
                           bytes(p))
        return [IPv6(p) for p in self.answers()] + self._read4()

    def _read4(self):
        got = []
        while True:
            try:
                frame, where = self.sock4.recvfrom(1 << 16)
            except BlockingIOError:
                return got
            if where[2] != PACKET_OUTGOING:
                got.append(IP(frame[14:]))

    def remove(self):
        self.sock4.close()
        super().remove()


class Router:
    """The host under test. Each case begins with a new service."""

    def __init__(self, host="dyn1"):
        self.ns = ns = Netns(host)
        self.wire = Wire4(ns, "r", "fd00:9::2/64", "fd00:9::1")
        # ICMP errors as often as they are due.
        ns.sysctl("net.ipv6.icmp.ratemask", "\n")
        ns.sysctl("net.ipv4.icmp_ratemask", 0)
        ns.sysctl("net.ipv4.icmp_msgs_per_sec", 100000)
        ns.sysctl("net.ipv4.icmp_msgs_burst", 100000)
        ns.sysctl("net.ipv4.ip_forward", 1)
        ns.sysctl("net.ipv4.conf.all.rp_filter", 0)
        ns.sysctl("net.ipv4.conf.r.rp_filter", 0)
        ns.later(f"route add default via {GATEWAY} dev r")
        ns.later("addr add 203.0.113.2/24 dev r")
        ns.later(f"neigh replace 203.0.113.1 lladdr {self.wire.mine} dev r "
                 "nud permanent")
        ns.later("route add 0.0.0.0/0 via 203.0.113.1 dev r")
        ns.later(f"route add {SOURCE} encap seg6local action End.MAnycast "
                 "dev r")
        ns.flush()
        self.wire.ready()
        self.clock = self.before = None

    def service(self, instances=(1, 2, 3), words="", routes=True):
        """A service whose instances are the better the larger their number."""
        self.ns.later(f"manycast service add web sid {SOURCE} "
                      f"period {PERIOD} grace {GRACE} {words}")
        self.ns.flush()
        self.clock = Clock(self.ns)
        self.clock.at(START)
        for i in instances:
            self.ns.later(f"manycast instance add service web sid {sid(i)} "
                          f"metric {10 * i}")
        if routes:
            self.routes()
        self.ns.flush()
        self.before = self.stats()

    def routes(self):
        self.ns.later(f"route add {PREFIX} encap seg6local action H.Dyncast "
                      f"service web position {POSITION} dev r")
        self.ns.later(f"route add {SERVICE4} encap seg6local "
                      f"action H.Dyncast service web port {PORT} dev r")

    def restore(self):
        """End of a case."""
        self.ns.ip(f"-6 route del {PREFIX}", check=False)
        self.ns.ip(f"-4 route del {SERVICE4}", check=False)
        wait_for(lambda: not self.ns.ip("manycast service del web",
                                        check=False).returncode or
                 not self.ns.ip("manycast service show"),
                 "the service is deleted")
        # Path MTUs that the case has taught.
        self.ns.ip("-6 route flush cache")

    def at(self, index, ms=None):
        self.clock.at(index, ms)

    def set(self, i, words):
        self.ns.ip(f"manycast instance set service web sid {sid(i)} {words}")

    def rate(self, *metrics):
        """Metrics of instances 1, 2 and so on for the next period."""
        for i, metric in enumerate(metrics, 1):
            self.ns.later(f"manycast instance set service web sid {sid(i)} "
                          f"metric {metric}")
        self.ns.flush()

    def send(self, *packets):
        return self.wire.exchange(*packets)

    def to(self, *packets):
        """Where they go: a SID, or type and code of the answer."""
        return [p.dst if p.nh != 58 else (p.payload.type, p.payload.code)
                for p in self.send(*packets)]

    def who(self, index):
        where, = self.to(packet(index))
        return where

    def stats(self):
        return self.ns.service()["stats"]

    def counted(self):
        """Counters that have changed since the last look."""
        now, before = self.stats(), self.before
        self.before = now
        return {key: now[key] - before[key] for key in now
                if now[key] != before[key]}

    def periods(self):
        """The SID of each period that there is, by index."""
        return {p["index"]: p.get("sid") for p in
                self.ns.ip_json("manycast period show service web")}

    def remove(self):
        self.wire.remove()
        self.ns.remove()


class Network:
    """With real servers, which may have any decapsulating behaviour."""

    def __init__(self, servers=("End.DT6 table local",) * 2):
        names = ["client", "r", *(f"s{i}" for i in
                                  range(1, len(servers) + 1))]
        self.hosts = dict(zip(names, netns.create(names)))
        r, client = self.hosts["r"], self.hosts["client"]
        netns.links([(self.hosts[n], r, f"{self._net(n)}2/64",
                      f"{self._net(n)}1/64", "r", n)
                     for n in names if n != "r"])
        for n in names:
            self.hosts[n].sysctl("net.ipv4.ip_forward", 1)
            if n != "r":
                self.hosts[n].later(f"route add default via {self._net(n)}1")
        client.later(f"addr add {CLIENT4}/24 dev r")
        client.later("route add 0.0.0.0/0 via 198.51.100.1")
        r.later("addr add 198.51.100.1/24 dev client")
        for i, action in enumerate(servers, 1):
            self._server(i, action)
        # To decapsulate IPv4 takes another behaviour, hence another SID.
        self.sids = {"web": sid, "web4": sid4}
        for name_, sid_of in self.sids.items():
            r.later(f"manycast service add {name_} sid {SOURCE} "
                    f"period {PERIOD} grace {GRACE}")
            for i in range(1, len(servers) + 1):
                r.later(f"manycast instance add service {name_} "
                        f"sid {sid_of(i)}")
        r.later(f"route add {PREFIX} encap seg6local action H.Dyncast "
                f"service web position {POSITION} dev s1")
        r.later(f"route add {SERVICE4} encap seg6local action H.Dyncast "
                f"service web4 port {PORT} dev s1")
        for host in self.hosts.values():
            host.flush()
        self.clocks = [Clock(r, name_) for name_ in self.sids]

    @staticmethod
    def _net(host):
        return {"client": CLIENT[:-1]}.get(host, f"fd00:{host[1:]}::")

    def _server(self, i, action):
        """The whole prefix is local, and what it sends goes out bare."""
        s = self.hosts[f"s{i}"]
        s.later(f"route add local {PREFIX} dev lo")
        s.later(f"route add local {SERVICE4} dev lo")
        s.later(f"addr add 203.0.113.{i}/32 dev lo")
        s.later(f"route add 0.0.0.0/0 via inet6 {self._net(f's{i}')}1 dev r")
        s.later(f"route add {sid(i)} encap seg6local action {action} dev r")
        s.later(f"route add {sid4(i)} encap seg6local "
                "action End.DX4 nh4 0.0.0.0 dev r")
        self.hosts["r"].later(f"route add fc00:5:{i:x}::/48 "
                              f"via {self._net(f's{i}')}2")

    def at(self, index, best):
        """Let it be this period, with this server as the best one."""
        r = self.hosts["r"]
        for service, sid_of in self.sids.items():
            for i in range(1, len(self.hosts) - 1):
                r.later(f"manycast instance set service {service} "
                        f"sid {sid_of(i)} metric {200 if i == best else 10}")
        r.flush()
        for clock in self.clocks:
            clock.at(index)

    def __getitem__(self, host):
        return self.hosts[host]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        netns.remove(self.hosts.values())


def sid4(i):
    """SID of server number i for IPv4."""
    return f"fc00:5:{i:x}::4"


def unreachable(function):
    """The error that a sender on this host gets."""
    try:
        function()
    except OSError as e:
        return errno.errorcode[e.errno]
    return None


SOME = 8 if ktap.SLOW else 64
