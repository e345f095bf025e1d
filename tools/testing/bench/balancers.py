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


class Manycast:
    """A service with these settings.

    equal   the same weight for all
    agents  whether the servers tell of their busy workers
    """

    def __init__(self, words, equal=False, agents=False):
        self.words, self.equal, self.agents = words, equal, agents

    def start(self, net):
        self.name = f"run{net.number()}"
        self.address = f"2001:db8:5::1:{net.runs:x}"
        sel = net.sel
        sel.later(f"manycast service add {self.name} sid {SEL_SID} "
                  + self.words)
        sel.later(f"route add {self.address}/128 encap seg6local "
                  f"action End.MAnycast service {self.name} dev r1")
        for i, weight in enumerate(net.weights, 1):
            sel.later(f"manycast instance add service {self.name} "
                      f"sid {sid(i)} weight {1 if self.equal else weight}")
        sel.flush()

    def stop(self, net):
        """Returns what was counted."""
        counted = net.sel.service(self.name)["stats"]
        won = [i["stats"]["won"] for i in net.sel.instances(self.name)]
        net.sel.later(f"route del {self.address}/128")
        net.sel.flush()
        net.sel.ip(f"manycast service del {self.name}")
        return {"service": counted, "won": won}


class Ipvs:
    """A scheduler of IPVS."""

    agents = False

    def __init__(self, scheduler, equal=False):
        self.scheduler, self.equal = scheduler, equal

    def start(self, net):
        self.address = f"2001:db8:6::1:{net.number():x}"
        at = f"-t [{self.address}]:80"
        lines = [f"-A {at} -s {self.scheduler}"]
        for i, weight in enumerate(net.weights, 1):
            lines.append(f"-a {at} -r [fd00:5:{i:x}::2]:80 -i "
                         f"-w {1 if self.equal else weight}")
        net.sel.run("ipvsadm -R", input="\n".join(lines) + "\n")

    def stop(self, net):
        net.sel.run(f"ipvsadm -D -t [{self.address}]:80")
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
        self.address = None
        self.told = None

    def __call__(self, server):
        one = 1000 / (server.backlog + 1)
        load = round(one * (server.workers / 2 +
                            (server.busy == server.workers)))
        if self.address and load != self.told:
            self.told = load
            self.genl.call(self.LISTENER_SET, [
                (self.ADDR, nl.addr(self.address)), (self.PORT, nl.u16(80)),
                (self.LOAD, nl.u32(load))])

    def begin(self, address, server):
        self.address, self.told = address, None
        self(server)
