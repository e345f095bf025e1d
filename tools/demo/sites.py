# SPDX-License-Identifier: GPL-2.0
"""Two sites that offer one service, for the topologies of the demo.

      client -- edge --.     .-- hasher
                        \\   /
              unaware --- r ---- sel1, sel2, sel3
                        / | \\
          the other site  |   `- s1 .. s4
                          `- (all links of a site are at its r)

Routers, hashers and selectors run BIRD and speak BGP. A hasher announces the
service's prefix, a selector its SIDs; tools/announce has them do so only while
they can serve. Whoever is lost loses its network namespace, with all that it
knew, and comes back as one that is new. sel3 and s4 come later, if at all.
"""

import os
import shutil
import sys
import tempfile

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(TOP, "tools/testing/selftests/net",
                                "seg6_manycast"))

# pylint: disable=wrong-import-position
from lib import bird, netns  # noqa: E402
from lib.ktap import wait_for  # noqa: E402
from lib.topology import PREFIX, SERVICE, listening  # noqa: E402

SITES = "west", "east"
SELECTORS, SERVERS = ("sel1", "sel2", "sel3"), ("s1", "s2", "s3", "s4")
LATER = "sel3", "s4"
# With their numbers in addresses, all at the site's router.
ROLES = {role: number for number, role in enumerate(
    ("hasher", *SELECTORS, *SERVERS, "edge", "unaware"), 1)}
SPEAKERS = "hasher", *SELECTORS
WAY = 10        # ms between the sites
FANOUT = 2
KEY = "000102030405060708090a0b0c0d0e0f"


def block(role, site):
    """The number of a host within the addresses of its kind."""
    return f"{site.number}{role[-1]}"


class Site:
    """One of them. Hosts are known by their roles."""

    def __init__(self, name, directory, service=""):
        self.name, self.dir, self.service = name, directory, service
        self.number = SITES.index(name) + 1
        self.hosts, self.birds = {}, {}
        # What every selector of the site knows, in the order of coming.
        self.servers, self.front = [], []
        self.extra = []

    def __getitem__(self, role):
        return self.hosts[role]

    def net(self, role):
        """The prefix of a link, up to the host's own part."""
        if role == "unaware":
            return f"2001:db8:{self.number}e::"
        return f"fd00:{self.number}:{ROLES[role]:x}::"

    def locator(self, role):
        """What the SIDs of a host begin with."""
        kind = {"h": "b", "e": "c"}.get(role[0]) or \
            ("a" if role in SELECTORS else "5")
        number = block(role, self) if role[-1].isdigit() else self.number
        return f"fc00:{kind}:{number}::"

    def sid(self, role):
        return self.locator(role) + "1"

    def clients(self):
        return [self["client"], self["unaware"]]

    # Hosts come.

    def routers(self, peer):
        """r, with the addresses of all that may ever be there."""
        self.hosts["r"] = r = netns.Netns(f"{self.name}-r")
        r.sysctl("net.ipv6.fib_multipath_hash_policy", 1)
        routes = [(self.locator(role) + "/48", self.net(role) + "2")
                  for role in (*SERVERS, "edge")]
        routes.append((f"2001:db8:{self.number}c::/64",
                       self.net("edge") + "2"))
        everything = "import all; export all;"
        own = 65000 + 100 * self.number
        talks = [bird.neighbour(role, self.net(role) + "2", own + ROLES[role],
                                everything, own) for role in SPEAKERS]
        talks.append(bird.neighbour("other", f"fd00::{peer}", 65000 + 100 *
                                    peer, everything, own))
        self.birds["r"] = bird.Bird(r, self.dir, bird.router(
            100 * self.number, talks, routes))

    def add(self, role):
        """A host that knows nothing but its own configuration."""
        self.hosts[role] = ns = netns.Netns(f"{self.name}-{role}")
        net = self.net(role)
        netns.link(ns, self["r"], net + "2/64", net + "1/64", "r", role)
        ns.later(f"route add default via {net}1")
        self["r"].flush()
        if role in SELECTORS:
            self._selector(role)
        elif role in SERVERS:
            self._server(role)
        elif role in ("hasher", "edge"):
            getattr(self, "_" + role)(ns)
        ns.flush()
        if role in SPEAKERS:
            self._speak(role)

    def lose(self, role):
        """Its link is cut, so that no farewell comes, and it is gone."""
        self["r"].ip(f"link del {role}")
        self.hosts.pop(role).remove()

    def _selector(self, role):
        sel, sid = self[role], self.sid(role)
        sel.later(f"manycast service add web sid {sid} fanout {FANOUT} "
                  f"candidates hash key {KEY} {self.service}")
        for server in self.servers:
            sel.later(f"manycast instance add service web "
                      f"sid {self.sid(server)}")
        for words in self.extra:
            sel.later(f"manycast instance add service web {words}")
        sel.later(f"route add {self.locator(role)}d6 encap seg6local "
                  "action End.DT6 table main dev r")
        sel.later(f"route add {SERVICE} encap seg6local action End.MAnycast "
                  "service web acl fc00:c::/32 dev r")
        sel.later(f"route add {self.locator(role)}f encap seg6local action "
                  "End.MAnycast service web acl fc00:a::/32 dev r")
        sel.later(f"route add {sid} encap seg6local action End.MAnycast "
                  "acl fc00::/16 dev r")

    def _hasher(self, ns):
        ns.later(f"manycast service add front sid {self.sid('hasher')} "
                 f"key {KEY}")
        for role in self.front:
            self._join(ns, role)
        ns.later(f"route add {PREFIX} encap seg6local action H.MAnycast.Hash "
                 "service front dev r")

    def _join(self, ns, role):
        """A hasher's selector; seg6-manycast-follow gives it its weight."""
        ns.later("manycast instance add service front "
                 f"sid {self.locator(role)}d6 weight 0")

    def _edge(self, ns):
        self.hosts["client"] = client = netns.Netns(f"{self.name}-client")
        net = f"2001:db8:{self.number}c::"
        netns.link(client, ns, net + "2/64", net + "1/64", "edge", "client")
        client.later(f"route add default via {net}1")
        client.flush()
        ns.later(f"route add {PREFIX} encap seg6local action H.MAnycast "
                 f"sid {self.sid('edge')} servers fc00:5::/32 "
                 f"via {self.net('edge')}1 dev r")
        ns.later(f"route add {self.sid('edge')} encap seg6local "
                 "action End.MAnycast.C acl fc00:a::/32 dev r")

    def _server(self, role):
        ns = self[role]
        ns.later(f"addr add {SERVICE}/128 dev lo nodad")
        ns.later(f"route add {self.sid(role)} encap seg6local action "
                 f"End.MAnycast.S table local services {PREFIX} dev r")
        ns.flush()
        start_nginx(ns, self.dir)

    def _speak(self, role):
        ns, own = self[role], 65000 + 100 * self.number
        served = PREFIX if role == "hasher" else self.locator(role) + "d6/128"
        daemon = self.birds[role] = bird.Bird(ns, self.dir, bird.node(
            10 * self.number + ROLES[role], service=served,
            locator=self.locator(role) + "/48", self_as=own + ROLES[role],
            peer=self.net(role) + "1", peer_as=own))
        daemon.start()
        bird.announce(daemon, SERVICE)
        if role == "hasher":
            bird.Hook(daemon, "follow", "front")

    # The configuration changes.

    def on_selectors(self, words):
        """Run it on each selector that is there."""
        for role in SELECTORS:
            if role in self.hosts:
                self[role].ip(words)

    def add_server(self, role):
        self.add(role)
        self.servers.append(role)
        self.on_selectors("manycast instance add service web "
                          f"sid {self.sid(role)}")

    def add_selector(self, role):
        self.add(role)
        self.front.append(role)
        self._join(self["hasher"], role)
        self["hasher"].flush()

    def drain(self, role):
        self.on_selectors("manycast instance set service web "
                          f"sid {self.sid(role)} weight 0")

    def remove_server(self, role):
        self.servers.remove(role)
        self.on_selectors("manycast instance del service web "
                          f"sid {self.sid(role)}")
        self.lose(role)

    # What is so.

    def connections(self, role):
        """How many are established at a server."""
        with self[role], open("/proc/net/tcp6", encoding="ascii") as f:
            return sum(line.split()[3] == "01" for line in f)

    def selector_in_use(self, role):
        return any(x["sid"] == self.locator(role) + "d6" and x["weight"]
                   for x in self["hasher"].instances("front"))

    def counters(self, role):
        return self[role].service()["stats"]


def nginx(name, base):
    """It answers with its name, the argument, and which connection it is."""
    return f"""
daemon off; master_process off; error_log stderr crit; pid {base}.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_timeout 1h; keepalive_requests 1000000000;
    client_body_temp_path {base}; proxy_temp_path {base};
    fastcgi_temp_path {base}; uwsgi_temp_path {base}; scgi_temp_path {base};
    server {{
        listen [::]:80 backlog=511;
        location / {{ return 200 "{name} $args $connection\\n"; }}
    }}
}}"""


def start_nginx(ns, directory):
    conf = os.path.join(directory, f"nginx-{ns.name}")
    with open(conf + ".conf", "w", encoding="ascii") as f:
        f.write(nginx(ns.name, conf))
    ns.start(["nginx", "-c", conf + ".conf"])
    wait_for(lambda: listening(ns, 80), f"nginx on {ns.name}")


class Sites:
    """Both, and the way between them; use as a context manager.

    prepare   is called with both sites before any host is there
    service   words for the selectors' service
    """

    def __init__(self, service="", prepare=lambda *_: None):
        self.dir = tempfile.mkdtemp(prefix="manycast-")
        self.west, self.east = self.all = [
            Site(name, self.dir, service) for name in SITES]
        prepare(self.west, self.east)
        for site in self.all:
            site.routers(3 - site.number)
            site.servers = [r for r in SERVERS if r not in LATER]
            site.front = [r for r in SELECTORS if r not in LATER]
        self._between()
        for site in self.all:
            site.birds["r"].start()
            for role in ROLES:
                if role not in LATER:
                    site.add(role)
        self.ready()

    def _between(self):
        west, east = self.west["r"], self.east["r"]
        netns.link(west, east, "fd00::1/64", "fd00::2/64", "east", "west")
        for ns, dev in (west, "east"), (east, "west"):
            ns.flush()
            ns.run(f"tc qdisc add dev {dev} root netem delay {WAY / 2}ms "
                   "limit 10000")

    def ready(self):
        """Hashers use the selectors, and routers know of both hashers."""
        for site in self.all:
            for role in site.front:
                wait_for(lambda s=site, r=role: s.selector_in_use(r),
                         f"{site.name} uses {role}", 30)
            wait_for(lambda s=site: "dev hasher" in s["r"].ip(
                f"-6 route show {PREFIX}"), f"{site.name} is announced", 30)

    def clients(self):
        return [ns for site in self.all for ns in site.clients()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        netns.remove(ns for site in self.all for ns in site.hosts.values())
        shutil.rmtree(self.dir)
