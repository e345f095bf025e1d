# SPDX-License-Identifier: GPL-2.0
"""Who sends a connection to which of the servers, and the network for that.

M-Anycast's service addresses are 2001:db8:5::/64, those of IPVS in tunnel mode
2001:db8:6::/64. Both have their place in `sel`, and both answer directly. Every
run has an address of its own, so that nothing of the one before it counts.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../selftests/net/seg6_manycast"))

# pylint: disable=wrong-import-position
from lib import nl  # noqa: E402
from lib.topology import PREFIX, SEL_SID, Topology, sid  # noqa: E402

IPVS_PREFIX = "2001:db8:6::/64"


class Network(Topology):
    """The topology of the tests with room for both.

    weights   of the servers, as an expert would set them
    delay_ms  on the way to each server, the same for all
    """

    def __init__(self, weights, delay_ms):
        self.weights = weights
        super().__init__(servers=len(weights), nginx=False,
                         delays=[delay_ms] * len(weights) if delay_ms else ())
        self.runs = 0
        self.client.sysctl("net.ipv4.ip_local_port_range", "1024 65535")
        self.r1.later(f"route add {IPVS_PREFIX} via fd00:3::2")
        self.sel.later(f"route add local {IPVS_PREFIX} dev lo")
        for i, s in enumerate(self.servers(), 1):
            for prefix in (PREFIX, IPVS_PREFIX):
                s.later(f"route add local {prefix} dev lo")
            s.later("link add ipvs type ip6tnl mode ip6ip6 "
                    f"local fd00:5:{i:x}::2 remote ::")
            s.later("link set ipvs up")
        for host in (self.r1, self.sel, *self.servers()):
            host.flush()

    def number(self):
        self.runs += 1
        return self.runs


class Balancer:
    """Clients go to its addresses in turns: each is a selector of its own, that
    knows nothing of the others, as when routing shares clients out among them.

    equal      the same weight for all servers
    agents     whether the servers tell of their busy workers
    backlog    of the servers, per unit of weight, if not the usual one
    """

    prefix = "2001:db8:5"

    def __init__(self, words, selectors=1, equal=False, agents=False,
                 backlog=None):
        self.words, self.selectors, self.equal = words, selectors, equal
        self.agents, self.backlog = agents, backlog
        self.addresses = []

    def start(self, net):
        self.addresses = [f"{self.prefix}::1:{net.number():x}"
                          for _ in range(self.selectors)]
        weights = [1] * len(net.weights) if self.equal else net.weights
        for address in self.addresses:
            self.add(net.sel, address, weights)

    def stop(self, net):
        """Returns what was counted, by address."""
        return {a: self.remove(net.sel, a) for a in self.addresses}


class Manycast(Balancer):
    """A service with these settings."""

    def add(self, sel, address, weights):
        name = address.rpartition(":")[2]
        sel.later(f"manycast service add {name} sid {SEL_SID} {self.words}")
        sel.later(f"route add {address}/128 encap seg6local "
                  f"action End.MAnycast service {name} dev r1")
        for i, weight in enumerate(weights, 1):
            sel.later(f"manycast instance add service {name} "
                      f"sid {sid(i)} weight {weight}")
        sel.flush()

    @staticmethod
    def remove(sel, address):
        name = address.rpartition(":")[2]
        counted = {"service": sel.service(name)["stats"],
                   "won": [i["stats"]["won"] for i in sel.instances(name)]}
        sel.later(f"route del {address}/128")
        sel.later(f"manycast service del {name}")
        sel.flush()
        return counted


class Ipvs(Balancer):
    """A scheduler of IPVS, in tunnel mode."""

    prefix = "2001:db8:6"

    def add(self, sel, address, weights):
        at = f"-t [{address}]:80"
        lines = [f"-A {at} -s {self.words}"]
        for i, weight in enumerate(weights, 1):
            lines.append(f"-a {at} -r [fd00:5:{i:x}::2]:80 -i -w {weight}")
        sel.run("ipvsadm -R", input="\n".join(lines) + "\n")

    @staticmethod
    def remove(sel, address):
        sel.run(f"ipvsadm -D -t [{address}]:80")
        return {}


class Agent:
    """Tells the module how loaded a server is, besides its accept queue.

    What counts is how long the next request will take: its own service, which
    is longer on a slow server, and its wait, when no worker is free. One more
    in the accept queue makes the wait longer by as much as a worker takes for
    its share; the kernel reports that part, so the agent uses its measure. Half
    of the service time is enough to prefer the fast while both have workers.
    """

    LISTENER_SET = 9
    ADDR, PORT, LOAD = 1, 2, 3

    def __init__(self, ns):
        self.genl = nl.Genl(ns)
        self.addresses = []
        self.told = None

    def __call__(self, server):
        one = 1000 / (server.backlog + 1)
        load = round(one * (server.workers / 2 +
                            (server.busy == server.workers)))
        if load == self.told:
            return
        self.told = load
        for address in self.addresses:
            self.genl.call(self.LISTENER_SET, [
                (self.ADDR, nl.addr(address)), (self.PORT, nl.u16(80)),
                (self.LOAD, nl.u32(load))])

    def begin(self, addresses, server):
        self.addresses, self.told = addresses, None
        self(server)
