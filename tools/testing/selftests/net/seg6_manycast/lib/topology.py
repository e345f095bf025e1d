# SPDX-License-Identifier: GPL-2.0
"""The topology of the tests and of the demo:

    client --- edge --.                            .-- s1
                      r1 ------------------- r2 ---+-- s2
    own --------------'|                           :
                      sel                          `-- s12

client   an unmodified host            2001:db8:c::2
edge     its gateway, holds the edge's behaviours, SID fc00:c::1
own      a client that is its own edge 2001:db8:d::2, SID fc00:d::1
r1, r2   transit routers of IOAM namespace 0, node ids 1 and 2; nothing of ours
sel      the selector at 2001:db8:5::80, SID fc00:a::1
s1..     servers with 2001:db8:5::80 on lo, SIDs fc00:5:1::1 and so on
"""

import os
import shutil
import tempfile

from . import netns
from .ktap import TIME_FACTOR, wait_for

SERVICE = "2001:db8:5::80"
PREFIX = "2001:db8:5::/64"
CLIENT = "2001:db8:c::2"
OWN = "2001:db8:d::2"
SEL_SID = "fc00:a::1"
UNAWARE = "2001:db8:e::2"
EDGE_SID = "fc00:c::1"
OWN_SID = "fc00:d::1"


def sid(i):
    """SID of server number i."""
    return f"fc00:5:{i:x}::1"


def listening(ns, port):
    """Is there a TCP listener on any IPv6 address?"""
    with ns, open("/proc/net/tcp6", encoding="ascii") as f:
        return any(line.split()[1].endswith(f":{port:04X}") and
                   line.split()[3] == "0A" for line in f)


class Topology:
    """Makes all of it; use as a context manager.

    servers   how many
    service   words for `ip manycast service add web`, beside the SID
    nginx     start a web server on each
    delays    ms of netem delay on the way from r2 to server i
    stock     numbers of servers that get nothing of ours
    """

    def __init__(self, servers=3, service="", nginx=True, delays=(),
                 stock=(), prefix=""):
        self.count = servers
        self.dir = tempfile.mkdtemp(prefix="manycast-")
        self.prefix = prefix
        self.hosts = {}
        self._add_hosts("client", "edge", "own", "r1", "r2", "sel",
                        *(f"s{i}" for i in range(1, servers + 1)))
        self._links()
        self._routers()
        self._selector(service)
        self._edges()
        for i in range(1, servers + 1):
            if i not in stock:
                self._server(i)
        for ns in self.hosts.values():
            ns.flush()
        if nginx:
            for i in range(1, servers + 1):
                self.nginx(i)
        if delays:
            self.r2.run("tc -batch -", input="\n".join(
                self._netem(i, ms) for i, ms in enumerate(delays, 1)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def __getattr__(self, name):
        try:
            return self.__dict__["hosts"][name]
        except KeyError:
            raise AttributeError(name) from None

    def _add_hosts(self, *names):
        made = netns.create([self.prefix + name for name in names])
        self.hosts.update(zip(names, made))

    def add_unaware(self):
        """One more host at r1, with no edge: a client at UNAWARE."""
        self._add_hosts("unaware")
        netns.link(self.unaware, self.r1, UNAWARE + "/64",
                   "2001:db8:e::1/64", "r1", "unaware")
        self.unaware.later("route add default via 2001:db8:e::1")
        self.unaware.flush()
        self.r1.flush()
        return self.unaware

    def server(self, i):
        return self.hosts[f"s{i}"]

    def servers(self):
        return [self.server(i) for i in range(1, self.count + 1)]

    def _links(self):
        pairs = [
            ("client", "edge", CLIENT + "/64", "2001:db8:c::1/64"),
            ("edge", "r1", "fd00:1::2/64", "fd00:1::1/64"),
            ("own", "r1", OWN + "/64", "2001:db8:d::1/64"),
            ("sel", "r1", "fd00:3::2/64", "fd00:3::1/64"),
            ("r1", "r2", "fd00:2::1/64", "fd00:2::2/64"),
            *((f"s{i}", "r2", f"fd00:5:{i:x}::2/64", f"fd00:5:{i:x}::1/64")
              for i in range(1, self.count + 1))]
        netns.links([(self.hosts[a], self.hosts[b], addr_a, addr_b, b, a)
                     for a, b, addr_a, addr_b in pairs])

    def _routers(self):
        r1, r2 = self.r1, self.r2
        r1.later("route add 2001:db8:c::/64 via fd00:1::2")
        r1.later("route add fc00:c::/32 via fd00:1::2")
        r1.later(f"route add {OWN_SID}/128 via {OWN}")
        r1.later(f"route add {PREFIX} via fd00:3::2")
        r1.later(f"route add {SEL_SID}/128 via fd00:3::2")
        r1.later("route add fc00:5::/32 via fd00:2::2")
        r1.later("route add fd00:5::/32 via fd00:2::2")
        r2.later("route add default via fd00:2::1")
        for i in range(1, self.count + 1):
            r2.later(f"route add fc00:5:{i:x}::/48 via fd00:5:{i:x}::2")
        for number, router in enumerate((r1, r2), 1):
            router.sysctl("net.ipv6.ioam6_id", number)
            router.later("ioam namespace add 0")
            devs = ["edge", "own", "sel", "r2"] if number == 1 else \
                ["r1", *(f"s{i}" for i in range(1, self.count + 1))]
            for k, dev in enumerate(devs, 1):
                router.sysctl(f"net.ipv6.conf.{dev}.ioam6_enabled", 1)
                router.sysctl(f"net.ipv6.conf.{dev}.ioam6_id", k)
        for name, via in (("client", "2001:db8:c::1"), ("edge", "fd00:1::1"),
                          ("own", "2001:db8:d::1"), ("sel", "fd00:3::1")):
            self.hosts[name].later(f"route add default via {via}")

    def _selector(self, words):
        sel = self.sel
        sel.sysctl("net.ipv6.ioam6_id", 10)
        sel.later(f"manycast service add web sid {SEL_SID} {words}")
        sel.later(f"route add {SERVICE}/128 encap seg6local "
               "action End.MAnycast service web dev r1")
        sel.later(f"route add {SEL_SID}/128 encap seg6local "
               "action End.MAnycast acl fc00::/16 dev r1")
        for i in range(1, self.count + 1):
            sel.later(f"manycast instance add service web sid {sid(i)}")

    def _edges(self):
        for ns, own_sid, via in ((self.edge, EDGE_SID, "fd00:1::1"),
                                 (self.own, OWN_SID, "2001:db8:d::1")):
            ns.later(f"route add {PREFIX} encap seg6local action H.MAnycast "
                  f"sid {own_sid} servers fc00:5::/32 via {via} dev r1")
            ns.later(f"route add {own_sid}/128 encap seg6local "
                  "action End.MAnycast.C acl fc00:a::/32 dev r1")

    def _server(self, i):
        s = self.server(i)
        s.sysctl("net.ipv6.ioam6_id", 100 + i)
        s.later(f"addr add {SERVICE}/128 dev lo nodad")
        s.later(f"route add default via fd00:5:{i:x}::1")
        s.later(f"route add {sid(i)}/128 encap seg6local "
             f"action End.MAnycast.S table local services {PREFIX} dev r2")

    def nginx(self, i, port=80):
        """An nginx that serves files/ of our directory; /who is its name.

        Every response has it in the header Instance, too.
        """
        files = os.path.join(self.dir, "files")
        os.makedirs(files, exist_ok=True)
        conf = os.path.join(self.dir, f"nginx-{i}-{port}.conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(f"""
daemon off; master_process off; error_log stderr crit;
pid {self.dir}/nginx-{i}-{port}.pid;
events {{ worker_connections 512; }}
http {{
    access_log off; sendfile on;
    client_body_temp_path {self.dir}/t; proxy_temp_path {self.dir}/t;
    fastcgi_temp_path {self.dir}/t; uwsgi_temp_path {self.dir}/t;
    scgi_temp_path {self.dir}/t;
    server {{
        listen [::]:{port};
        add_header Instance s{i};
        location = /who {{ return 200 "s{i}\\n"; }}
        client_max_body_size 0;
        location / {{ root {files}; dav_methods PUT; }}
    }}
}}""")
        s = self.server(i)
        s.start(["nginx", "-c", conf])
        wait_for(lambda: listening(s, port), f"nginx on s{i}")

    def file(self, name, size):
        """A file of random bytes that every server has."""
        path = os.path.join(self.dir, "files", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(os.urandom(size))
        return path

    @staticmethod
    def _netem(i, ms, more=""):
        return (f"qdisc replace dev s{i} root netem delay {ms}ms "
                f"limit 10000 {more}")

    def delay(self, i, ms, more=""):
        """Delay what goes to server i."""
        self.r2.run("tc " + self._netem(i, ms, more))

    def curl(self, host="client", path="/who", timeout=10, check=True,
             more=()):
        """Fetch from the service; returns what came."""
        done = self.hosts[host].run(
            ["curl", "-gsS", "--noproxy", "*",
             "-m", str(timeout * TIME_FACTOR), *more,
             f"http://[{SERVICE}]{path}"], check=False)
        if check and done.returncode:
            raise AssertionError(f"curl from {host}: {done.stderr}")
        return done.stdout.strip()

    def remove(self):
        netns.remove(self.hosts.values())
        shutil.rmtree(self.dir)
