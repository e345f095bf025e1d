#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 25
"""Nothing has to wait for the traffic to stop: configuration changes under
connections and loses none, namespaces and modules go while packets flow, and
the kernel's own behaviours do not notice.
"""

import functools
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading

from lib import ktap, netns, nl
from lib.klog import Klog
from lib.nl import addr, name, u32
from lib.topology import EDGE_SID, OWN_SID, PREFIX, SEL_SID, SERVICE
from lib.topology import Topology, sid
from lib.traffic import Server, Traffic, ask, connect, hear

HERE = os.path.dirname(os.path.abspath(__file__))
LOAD = os.path.join(HERE, "../../../vm/load-modules")
MODDIR = os.environ.get("MODDIR")
MODULES = "seg6_manycast", "seg6_behavior"
SO_RCVBUFFORCE = 33
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

def references():
    with open("/sys/module/seg6_manycast/refcnt", encoding="ascii") as f:
        return int(f.read())


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

def loaded():
    return [m for m in MODULES if os.path.isdir(f"/sys/module/{m}")]


def command(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


def insert(module):
    done = command("insmod", os.path.join(MODDIR, module + ".ko"),
                   *(where() if module == "seg6_behavior" else ()))
    ktap.equal((done.returncode, done.stderr), (0, ""), f"insmod {module}")


def load():
    for module in reversed(MODULES):
        insert(module)


@functools.cache
def symbol(name_):
    """The address of a symbol of the kernel, which does not move."""
    with open("/proc/kallsyms", encoding="ascii") as f:
        for line in f:
            words = line.split()
            if words[2] == name_:
                return int(words[0], 16)
    return None


def where():
    """What seg6_behavior needs on a kernel without kprobes."""
    if symbol("register_kprobe"):
        return ()
    return (f"lwtun_encaps={symbol('lwtun_encaps'):#x}",)


def unload(*modules):
    """As soon as the last packet and the last route have let go."""
    def gone():
        done = command("rmmod", *(m for m in modules if m in loaded()))
        return not done.returncode
    ktap.wait_for(gone, f"rmmod {modules}", 20, 0.1)


def with_modules(function):
    """A case that loads and unloads; afterwards they are there as before."""
    def case():
        if not MODDIR:
            raise ktap.Skip("MODDIR does not say where the modules are")
        klog = Klog()
        try:
            function()
        finally:
            if loaded() != list(MODULES):
                done = command(LOAD, MODDIR)
                ktap.equal(done.returncode, 0, f"loading: {done.stderr}")
        klog.quiet()
        klog.close()
    case.__name__ = function.__name__
    return case


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
    loaded again, all works. Twenty times.
    """
    with Net(servers=1, clients=("client",), timeout=0.3) as net:
        # These hold modules, too.
        net.batch("own", ["route del " + PREFIX, "route del " + OWN_SID])
        net.more(2)
        routes = routes_of(1)
        for _ in range(20):
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


class Stock:
    """The kernel's own behaviours: a datagram through each of them.

    a ---- b ---- c      b: End, End.DT6, End.DX6; c: End.DT6
    """

    WAYS = {"2001:db8:c::e": "fc00:b::e,fc00:c::d6",    # End
            "2001:db8:c::d6": "fc00:b::d6",             # End.DT6
            "2001:db8:c::d7": "fc00:b::d7"}             # End.DX6

    def __init__(self):
        a, b, c = self.hosts = [netns.Netns("stock-" + n) for n in "abc"]
        netns.link(a, b, "fd00:1::1/64", "fd00:1::2/64", "to-b", "to-a")
        netns.link(b, c, "fd00:2::2/64", "fd00:2::3/64", "to-c", "to-b")
        c.later("route add fd00:1::/64 via fd00:2::2")
        c.later("route add fc00:c::d6 encap seg6local action End.DT6 "
                "table 255 dev to-b")
        a.later("route add fc00::/16 via fd00:1::2")
        b.later("route add fc00:c::/32 via fd00:2::3")
        b.later("route add 2001:db8:c::/64 via fd00:2::3")
        for dst, segs in self.WAYS.items():
            c.later(f"addr add {dst}/128 dev lo nodad")
            a.later(f"route add {dst} encap seg6 mode encap segs {segs} "
                    "via fd00:1::2 dev to-b")
        self.behaviours("add")
        for ns in self.hosts:
            ns.flush()
        with c:
            self.receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.receiver.bind(("::", 7))
        self.receiver.settimeout(10)
        with a:
            self.sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.number = 0

    def behaviours(self, verb):
        b = self.hosts[1]
        b.later(f"route {verb} fc00:b::e encap seg6local action End dev to-a")
        b.later(f"route {verb} fc00:b::d6 encap seg6local action End.DT6 "
                "table 254 dev to-a")
        b.later(f"route {verb} fc00:b::d7 encap seg6local action End.DX6 "
                "nh6 fd00:2::3 dev to-a")
        b.flush()

    def send(self):
        for dst in self.WAYS:
            self.sender.sendto(b"%d" % self.number, (dst, 7))
            self.number += 1

    def receive(self):
        """What has been sent must come; each once, in order."""
        for number in range(self.number):
            ktap.equal(self.receiver.recv(100), b"%d" % number, "datagram")
        self.number = 0

    def works(self):
        self.send()
        self.receive()

    def close(self):
        self.receiver.close()
        self.sender.close()
        for ns in self.hosts:
            ns.remove()


class Flood:
    """Datagrams without a pause while the block runs; none may be lost."""

    def __init__(self, stock):
        self.stock, self.stopped = stock, threading.Event()

    def _run(self):
        while not self.stopped.is_set() and self.stock.number < 3000:
            self.stock.send()
            self.stopped.wait(0.002)

    def __enter__(self):
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        self.stock.receive()


@with_modules
def standard_behaviours_go_on():
    """Routes from before loading, from between and of after unloading; not a
    packet is lost when the modules come and go.
    """
    unload(*MODULES)
    stock = Stock()
    try:
        stock.works()
        for round_ in range(3):
            with Flood(stock):
                load()
            if round_ % 2:
                stock.behaviours("replace")
            stock.works()
            shown = stock.hosts[1].ip("-6 route show")
            with Flood(stock):
                unload(*MODULES)
            stock.works()
            ktap.equal(stock.hosts[1].ip("-6 route show"), shown, "routes")
        load()
        stock.behaviours("del")
        stock.behaviours("add")
        unload(*MODULES)
        stock.works()
        stock.behaviours("del")
    finally:
        stock.close()


def refused(what, words, *args):
    """insmod fails and the log says why."""
    klog = Klog()
    done = command("insmod", *args)
    ktap.true(done.returncode, f"{what}: it was loaded")
    log = "\n".join(klog.read())
    klog.close()
    ktap.true(words in log, f"{what}: {words!r} is in the log: {log!r}")
    ktap.true("seg6_behavior" not in loaded()
              or os.path.basename(args[0]) != "seg6_behavior.ko", what)


@with_modules
def wrong_parameters():
    """The address is checked before anything is written."""
    module = os.path.join(MODDIR, "seg6_behavior.ko")
    unload(*MODULES)
    table = symbol("lwtun_encaps")
    for what, address in (("no address", 0x1000), ("kernel's end", 2**64 - 8),
                          ("a little beyond", table + 8),
                          ("the operations", symbol("seg6_local_ops")),
                          ("a function", symbol("lwtunnel_input"))):
        refused(what, "is not the address of lwtun_encaps", module,
                f"lwtun_encaps={address:#x}")
    refused("no number", "invalid for parameter `lwtun_encaps'", module,
            "lwtun_encaps=here")
    if not symbol("register_kprobe"):
        refused("no parameter", "give lwtun_encaps=0x", module)
    load()


@with_modules
def loaded_under_another_name():
    """The slot is taken: the second one says by whom, and leaves it alone."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "seg6_behaviox.ko")
        shutil.copy(os.path.join(MODDIR, "seg6_behavior.ko"), path)
        with open(path, "r+b") as f:
            octets = f.read().replace(b"seg6_behavior", b"seg6_behaviox")
            octets = octets.replace(b"seg6_local_behavior_",
                                    b"seg6_local_behaviox_")
            f.seek(0)
            f.write(octets)
        refused("a copy", "handles seg6local in place of the kernel", path,
                *where())
        ktap.true(not os.path.isdir("/sys/module/seg6_behaviox"), "loaded")
    ns = netns.Netns("after")
    ns.flush()
    ns.ip("-6 route add fc00::1 encap seg6local action End.MAnycast.S dev lo")
    ktap.true(re.search("action End.MAnycast.S", ns.ip("-6 route show")),
              "the first one works")
    ns.remove()


CASES = [configuration_changes, routes_are_replaced, routes_go_and_come_back,
         devices_go, namespaces_go, namespaces_go_with_their_services,
         modules_in_use, modules_go_under_traffic, standard_behaviours_go_on,
         wrong_parameters, loaded_under_another_name]


if __name__ == "__main__":
    try:
        ktap.run(CASES)
    finally:
        if NET:
            NET.remove()
