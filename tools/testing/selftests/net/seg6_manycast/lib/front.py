# SPDX-License-Identifier: GPL-2.0
"""Hashers in front of several selectors: one alone, and a whole network.

    client --.     .-- h1     .-- sel1 --.
              r ---+-- h2  ---+-- sel2 --+-- s1, s2     (all links at r)
    own ----'

client  an unaware host           2001:db8:c::2
own     a client that is its own edge  2001:db8:d::2, SID fc00:d::1
h1, h2  hashers, SIDs fc00:b:1::1 and so on; r sends flows to both
sel1..  selectors, SIDs fc00:a:1::1 and, for hashers, fc00:a:1::d6
s1, s2  servers with 2001:db8:5::80 on lo, SIDs fc00:5:1::1 and so on
"""

import re
import shutil
import tempfile

from . import netns
from .ktap import equal
from .netns import Netns
from .topology import CLIENT, OWN, OWN_SID, PREFIX, SERVICE, sid
from .wire import GATEWAY, Wire

# More might not find room in a socket's buffer.
AT_ONCE = 50
# Of SIDs.
BLOCKS = {"h": "b", "sel": "a", "s": "5"}
KEY = "000102030405060708090a0b0c0d0e0f"


def kind(name):
    """sel2 is a sel, and number 2 of them; the client is number 0."""
    word, number = re.fullmatch(r"(\D+)(\d*)", name).groups()
    return word, int(number or 0)


def decap(i):
    """SID of selector number i for hashers."""
    return f"fc00:a:{i:x}::d6"


def source(i):
    """SID of hasher number i."""
    return f"fc00:b:{i:x}::1"


def front(ns, i, selectors, words=f"key {KEY}"):
    """Make ns hasher number i of these selectors, in this order."""
    ns.later(f"manycast service add front sid {source(i)} {words}")
    for s, more in selectors:
        ns.later(f"manycast instance add service front sid {decap(s)} {more}")


class Lone:
    """A hasher, with all around it played by the test."""

    def __init__(self, i, selectors, words=f"key {KEY}"):
        self.number = i
        self.ns = Netns(f"hasher{i}")
        self.wire = Wire(self.ns, "r", "fd00:9::2/64", "fd00:9::1")
        # ICMPv6 errors as often as they are due.
        self.ns.sysctl("net.ipv6.icmp.ratemask", "\n")
        self.ns.later(f"route add default via {GATEWAY} dev r")
        front(self.ns, i, selectors, words)
        self.ns.later(f"route add {PREFIX} encap seg6local "
                      f"action H.MAnycast.Hash service front via {GATEWAY} "
                      "dev r")
        self.ns.flush()
        self.wire.ready()

    def send(self, *packets):
        return self.wire.exchange(*packets)

    def to(self, *packets):
        """Where each of them goes. They come out in the order of going in."""
        found = []
        for at in range(0, len(packets), AT_ONCE):
            sent = packets[at:at + AT_ONCE]
            got = self.send(*sent)
            equal(len(got), len(sent), "packets")
            found += [packet.dst for packet in got]
        return found

    def weigh(self, i, weight):
        self.ns.ip(f"manycast instance set service front sid {decap(i)} "
                   f"weight {weight}")

    def hashed(self):
        """How many packets each selector got, by its SID."""
        return {x["sid"]: x["stats"]["hashed"]
                for x in self.ns.instances("front")}

    def remove(self):
        self.wire.remove()
        self.ns.remove()


class Network:
    """All of it; use as a context manager.

    decap_action  what selectors have for hashers
    """

    def __init__(self, selectors=2, servers=2,
                 decap_action="End.DT6 table main"):
        self.decap_action = decap_action
        self.dir = tempfile.mkdtemp(prefix="manycast-")
        self.capture = None
        self.numbers = range(1, selectors + 1)
        self.server_numbers = range(1, servers + 1)
        names = ["client", "own", "r", "h1", "h2",
                 *(f"sel{i}" for i in self.numbers),
                 *(f"s{i}" for i in self.server_numbers)]
        self.hosts = dict(zip(names, netns.create(names)))
        self._links()
        for i in (1, 2):
            self._hasher(i)
        for i in self.numbers:
            self.selector(i)
        for i in self.server_numbers:
            self._server(i)
        self._own()
        for host in self.hosts.values():
            host.flush()
        self.ways("h1", "h2")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        netns.remove(self.hosts.values())
        shutil.rmtree(self.dir)

    def __getitem__(self, name):
        return self.hosts[name]

    def _links(self):
        r = self.hosts["r"]
        r.sysctl("net.ipv6.fib_multipath_hash_policy", 1)
        self._link(*(name for name in self.hosts if name != "r"))
        r.later(f"route add {OWN_SID} via {OWN}")
        # Nobody is told that a selector is not there.
        r.later("route add blackhole fc00::/16")

    def _link(self, *names):
        """Links to r, and the routes over them."""
        r = self.hosts["r"]
        nets = {name: self.address(name)[:-1] for name in names}
        netns.links([(self.hosts[name], r, f"{net}2/64", f"{net}1/64", "r",
                      name) for name, net in nets.items()])
        for name, net in nets.items():
            self.hosts[name].later(f"route add default via {net}1")
            word, number = kind(name)
            if number:
                r.later(f"route add fc00:{BLOCKS[word]}:{number:x}::/48 "
                        f"via {net}2")

    def address(self, name):
        return {"client": CLIENT, "own": OWN}.get(
            name, f"fd00:{list(self.hosts).index(name)}::2")

    def ways(self, *hashers):
        """Let r send what is for the service to these hashers."""
        self.hosts["r"].ip(f"-6 route replace {PREFIX} " + " ".join(
            f"nexthop via {self.address(name)} dev {name}"
            for name in hashers))

    def _hasher(self, i):
        order = self.numbers if i == 1 else reversed(self.numbers)
        h = self.hosts[f"h{i}"]
        front(h, i, [(s, "") for s in order])
        h.later(f"route add {PREFIX} encap seg6local "
                "action H.MAnycast.Hash service front dev r")
        h.later(f"route add {source(i)} encap seg6local action End.MAnycast "
                "dev r")

    def selector(self, i):
        """Let it be one. Flush it."""
        sel, own = self.hosts[f"sel{i}"], f"fc00:a:{i:x}::1"
        sel.later(f"manycast service add web sid {own} tombstone 60000")
        for s in self.server_numbers:
            sel.later(f"manycast instance add service web sid {sid(s)}")
        sel.later(f"route add {decap(i)} encap seg6local "
                  f"action {self.decap_action} dev r")
        sel.later(f"route add {SERVICE} encap seg6local action End.MAnycast "
                  "service web acl fc00:d::/32 dev r")
        sel.later(f"route add {own} encap seg6local action End.MAnycast "
                  "acl fc00:5::/32 dev r")

    def kill(self, name):
        """This host is gone at once, and with it all it knew."""
        self.hosts["r"].ip(f"link del {name}", check=False)
        self.hosts[name].remove()

    def start(self, name):
        """A hasher or a selector is here again."""
        self.hosts[name], = netns.create([name])
        self._link(name)
        word, number = kind(name)
        make = {"h": self._hasher, "sel": self.selector}[word]
        make(number)
        for host in name, "r":
            self.hosts[host].flush()
        if word == "h":
            self.ways("h1", "h2")

    def _server(self, i):
        s = self.hosts[f"s{i}"]
        s.later(f"addr add {SERVICE}/128 dev lo nodad")
        s.later(f"route add {sid(i)} encap seg6local action End.MAnycast.S "
                f"table local services {PREFIX} dev r")

    def _own(self):
        own = self.hosts["own"]
        own.later(f"route add {PREFIX} encap seg6local action H.MAnycast "
                  f"sid {OWN_SID} servers fc00:5::/32 via {OWN[:-1]}1 dev r")
        own.later(f"route add {OWN_SID} encap seg6local "
                  "action End.MAnycast.C acl fc00:a::/32 dev r")
