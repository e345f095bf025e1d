#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 25
"""Nothing has to wait for the traffic to stop: configuration changes under
connections and loses none, namespaces and modules go while packets flow.
"""

from lib import ktap, netns, nl
from lib.klog import Klog
from lib.modules import (MODULES, ROUNDS, command, load, loaded, references,
                         unload, with_modules)
from lib.nl import addr, name, u32
from lib.topology import EDGE_SID, OWN_SID, PREFIX, SEL_SID, SERVICE
from lib.topology import Topology, sid
from lib.traffic import Server, Traffic, ask, connect, hear

SERVICE_SET, INSTANCE_ADD, INSTANCE_SET, INSTANCE_DEL = 2, 5, 6, 7
NAME, POLICY, CANDIDATES, FANOUT, HOLD, IOAM_NODES = 1, 3, 4, 5, 7, 13
I_SERVICE, I_SID, WEIGHT = 1, 2, 5


class Net(Topology):
    """The topology with servers that are forked, and traffic through it."""

    def __init__(self, servers=3, clients=("client", "own"), timeout=10):
        super().__init__(servers, nginx=False)
        self.klog = Klog()
        self.servers_ = {i: Server(self.server(i), SERVICE, f"s{i}")
                         for i in range(1, servers + 1)}
        self.traffic = {c: Traffic(self.hosts[c], SERVICE, timeout=timeout)
                        for c in clients}

    def more(self, count=1):
        for traffic in self.traffic.values():
            traffic.more(count)

    def unharmed(self):
        """No connection has failed since the last look."""
        failures = [f for t in self.traffic.values() for f in t.failures()]
        self.forget()
        ktap.equal(failures, [], "connections that failed")

    def forget(self):
        for traffic in self.traffic.values():
            traffic.results().clear()

    def batch(self, host, lines):
        self.hosts[host].queue = list(lines)
        self.hosts[host].flush()

    def remove(self):
        for process in (*self.traffic.values(), *self.servers_.values()):
            process.kill()
        super().remove()
        self.klog.quiet()

    def delete(self, host):
        """This namespace now, whatever runs in it."""
        for processes in (self.traffic, self.servers_):
            for key in list(processes):
                if host in (key, f"s{key}"):
                    processes.pop(key).kill()
        self.hosts.pop(host).remove()


NET = None


def on_the_shared_net(function):
    """A case that leaves the network as it was."""
    def case():
        global NET  # pylint: disable=global-statement
        NET = NET or Net(servers=3)
        NET.more()
        NET.forget()
        function(NET)
        NET.klog.quiet()
    case.__name__ = function.__name__
    return case


# What may change under connections.

@on_the_shared_net
def configuration_changes(net):
    """Instances come, go and are weighed, the service is set to anything, and
    no connection is lost; those who are left answer.
    """
    genl = nl.Genl(net.sel)
    web = (NAME, name("web"))
    settings = [[(POLICY, u32(p)), (HOLD, u32(h)), (CANDIDATES, u32(c)),
                 (FANOUT, u32(f)), (IOAM_NODES, u32(n))]
                for p, h, c, f, n in (
                    (0, 0, 0, 1, 0), (1, 5, 1, 3, 12), (2, 0, 2, 2, 15),
                    (3, 9, 3, 3, 1), (4, 1, 0, 16, 12), (0, 10, 1, 1, 3),
                    (0, 10, 2, 3, 12))]

    def instance(cmd, i, *more):
        genl.call(cmd, [(I_SERVICE, name("web")), (I_SID, addr(sid(i))),
                        *more])

    for weight in range(8):
        for setting in settings:
            genl.call(SERVICE_SET, [web, *setting])
            instance(INSTANCE_SET, 2, (WEIGHT, u32(0)))
            instance(INSTANCE_DEL, 3)
            instance(INSTANCE_SET, 1, (WEIGHT, u32(255)))
            instance(INSTANCE_ADD, 3, (WEIGHT, u32(weight)))
            instance(INSTANCE_SET, 2, (WEIGHT, u32(1 + weight)))
        net.more()
    net.unharmed()

    instance(INSTANCE_DEL, 2)
    instance(INSTANCE_SET, 3, (WEIGHT, u32(0)))
    net.more()
    net.forget()
    net.more(3)
    for client, traffic in net.traffic.items():
        ktap.equal(set(traffic.results()), {"s1"}, f"who answers {client}")
    instance(INSTANCE_ADD, 2)
    instance(INSTANCE_SET, 3, (WEIGHT, u32(1)))
    genl.close()


SELECTOR_ROUTES = (
    f"{SERVICE}/128 encap seg6local action End.MAnycast service web dev r1",
    f"{SEL_SID}/128 encap seg6local action End.MAnycast acl fc00::/16 dev r1")
EDGE_ROUTES = (
    f"{PREFIX} encap seg6local action H.MAnycast sid {EDGE_SID} "
    "servers fc00:5::/32 via fd00:1::1 dev r1",
    f"{EDGE_SID}/128 encap seg6local action End.MAnycast.C "
    "acl fc00:a::/32 dev r1")


def server_routes(i):
    return (f"{sid(i)}/128 encap seg6local action End.MAnycast.S table local "
            "dev r2",)


def routes_of(servers):
    """By host, what Topology adds for connections of `client`."""
    return {"sel": SELECTOR_ROUTES, "edge": EDGE_ROUTES} | {
        f"s{i}": server_routes(i) for i in range(1, servers + 1)}


@on_the_shared_net
def routes_are_replaced(net):
    """Each replaced again and again; that is atomic, so nothing is lost."""
    for _ in range(2):
        for host, routes in routes_of(3).items():
            net.batch(host, [f"route replace {r}" for r in routes] * 20)
            net.more()
    net.unharmed()


@on_the_shared_net
def routes_go_and_come_back(net):
    """A connection lives on without the selector, and over a gap of its edge
    and server: what they know of it belongs to the namespace.
    """
    sock = connect(net.client, SERVICE, timeout=30)
    who = ask(sock, b"1")
    net.batch("sel", [f"route del {r}" for r in SELECTOR_ROUTES]
              + ["manycast service del web"])
    ktap.equal(ask(sock, b"2"), who, "without the selector")
    for host in ("edge", who):
        routes = routes_of(3)[host]
        net.batch(host, [f"route del {r}" for r in routes])
        sock.sendall(b"3\n")
        net.batch(host, [f"route add {r}" for r in routes])
        ktap.equal(hear(sock, b"3"), who, f"after a gap of {host}")
    net.batch("sel", [f"manycast service add web sid {SEL_SID}"] +
              [f"manycast instance add service web sid {sid(i)}"
               for i in (1, 2, 3)] + [f"route add {r}" for r in
                                      SELECTOR_ROUTES])
    net.more()
    ktap.equal(ask(sock, b"4"), who, "at the end")
    sock.close()


def devices_go():
    """So do the routes over them, and the devices that a held SYN-ACK came
    in by; afterwards the service is free.
    """
    global NET  # pylint: disable=global-statement
    net, NET = NET or Net(servers=3), None
    with net:
        net.more()
        for traffic in net.traffic.values():
            traffic.kill()
        # One is silent, so that what the others say is held.
        net.batch("s3", [f"route del {r}" for r in server_routes(3)])
        net.sel.ip("manycast service set web policy load candidates all "
                   "hold 3000 timeout 3000 tombstone 100")
        ktap.wait_for(lambda: not net.sel.service()["open"], "quiet", 15)
        before = net.sel.service()["stats"]["synack"]
        net.traffic["client"] = Traffic(net.client, SERVICE)
        ktap.wait_for(lambda: net.sel.service()["stats"]["synack"]
                      == before + 2, "SYN-ACKs are held", 15)
        for host, dev in (("sel", "r1"), ("s1", "r2"), ("edge", "r1")):
            net.hosts[host].ip(f"link del {dev}")
        ktap.wait_for(lambda: not net.sel.service()["open"],
                      "the handshakes end", 15)
        net.sel.ip("manycast service del web")
        ktap.true("Anycast" not in net.sel.ip("-6 route show"), "routes")


# What may go altogether.

def namespaces_go():
    """Any two of client, router, selector, edge and server in both orders;
    traffic flows until the last one is gone, and no route's state is left.
    """
    order = ["r1", "client", "edge", "s1", "sel"]
    for order in (order, order[::-1]):
        with Net(servers=1) as net:
            net.more()
            for host in order:
                net.delete(host)
            net.klog.quiet()
    ktap.wait_for(lambda: not references(), "no route is left", 30)


def namespaces_go_with_their_services():
    """Dozens at once, full of objects and routes."""
    klog = Klog()
    hosts = [netns.Netns(f"full-{i}") for i in range(12)]
    for ns in hosts:
        ns.later("link add net type dummy")
        ns.later("link set net up")
        ns.later("manycast service add web sid fc00:a::1 candidates hash")
        for i in range(1, 6):
            ns.later(f"manycast instance add service web sid {sid(i)}")
        ns.later(f"manycast listener set {SERVICE} port 80 load 1")
        ns.later(f"route add {SERVICE} encap seg6local action End.MAnycast "
                 "service web dev net")
        ns.later(f"route add {sid(1)} encap seg6local action End.MAnycast.S "
                 "dev net")
        ns.later(f"route add {PREFIX} encap seg6local action H.MAnycast "
                 "sid fc00:c::1 dev net")
        ns.flush()
    ktap.true(references() >= 36, "each route holds the module")
    for ns in hosts:
        ns.remove()
    ktap.wait_for(lambda: not references(), "no route is left", 30)
    klog.quiet()
    klog.close()


# Modules.

@with_modules
def modules_in_use():
    """They stay while a route has them, or one another."""
    ns = netns.Netns("use")
    ns.flush()
    try:
        for action in ("End.MAnycast", "End.MAnycast.S", "End.MAnycast.C",
                       "H.MAnycast sid fc00:c::1"):
            ns.ip(f"-6 route add fc00::1 encap seg6local action {action} "
                  "dev lo")
            for module in MODULES:
                done = command("rmmod", module)
                ktap.true(done.returncode and "in use" in done.stderr,
                          f"rmmod {module} with {action}: {done.stderr}")
            ns.ip("-6 route del fc00::1")
        ktap.wait_for(lambda: not references(), "no route is left", 20)
    finally:
        ns.remove()


@with_modules
def modules_go_under_traffic():
    """Routes are flushed and both modules unloaded while clients connect;
    loaded again, all works. ROUNDS times.
    """
    with Net(servers=1, clients=("client",), timeout=0.3) as net:
        # These hold modules, too.
        net.batch("own", ["route del " + PREFIX, "route del " + OWN_SID])
        net.more(2)
        routes = routes_of(1)
        for _ in range(ROUNDS):
            for host in routes:
                net.batch(host, [f"route del {r}" for r in routes[host]])
            unload(*MODULES)
            ktap.equal(loaded(), [], "loaded")
            load()
            net.batch("sel", [
                f"manycast service add web sid {SEL_SID}",
                f"manycast instance add service web sid {sid(1)}"])
            for host in routes:
                net.batch(host, [f"route add {r}" for r in routes[host]])
            with connect(net.client, SERVICE) as sock:
                ktap.equal(ask(sock), "s1", "who answers")
        net.more()


CASES = [configuration_changes, routes_are_replaced, routes_go_and_come_back,
         devices_go, namespaces_go, namespaces_go_with_their_services,
         modules_in_use, modules_go_under_traffic]


if __name__ == "__main__":
    try:
        ktap.run(CASES)
    finally:
        if NET:
            NET.remove()
