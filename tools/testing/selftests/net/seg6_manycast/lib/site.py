# SPDX-License-Identifier: GPL-2.0
"""A site that has its configuration from etcd: its own programs in namespaces.

    client --.     .-- sel1, sel2
              r ---+-- s1, s2, s3
                   '-- e1, e2, e3            (all links at r)

The service web is at an address of its own at each selector, so that a client
can talk to either. Each server has all addresses of a prefix as its SIDs, so
that there can be hundreds of instances. Nobody listens at the service race,
whose SYNs show which candidates a flow has.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import struct
import tempfile
import threading

from . import craft, etcd, ktap, monitor, netns, traffic
from .ktap import equal, wait_for
from .topology import CLIENT, PREFIX
from .wire import raw_socket

HERE = os.path.dirname(os.path.abspath(__file__))
SITE = os.path.abspath(os.path.join(HERE, "../../../../../site"))
SELECTORS, SERVERS, MEMBERS = (1, 2), (1, 2, 3), ("e1", "e2", "e3")
KEY = "7bd9b5b8f9e1a1c0d6cbd1e0a3f4c295"
SERVICES = {
    "web": f"fanout 1 candidates hash key {KEY}",
    "race": f"fanout 3 candidates hash key {KEY} nodes 0 fails 0"}
RACE = "2001:db8:5::99"
# Seconds: of a lease, of a server that ends, of a selector whose server has.
TTL, GRACE, DRAIN = 5, 2, 2
FLOWS = 48
# What happens to handshakes that are lost, or nearly.
LOST = "syn_again", "timeout", "all_refused", "drop_no_instance"


def address(i):
    """Of web, at selector i."""
    return f"2001:db8:5::8{i}"


def sid(i, number=1):
    """One of server i's."""
    return f"fc00:5:{i}::{number:x}"


def instance(service, where):
    return f"/seg6-manycast/instance/{service}/{where}"


def service(name):
    return f"/seg6-manycast/service/{name}"


class Program:
    """One of tools/site in a namespace, and what it says."""

    def __init__(self, ns, name, log, env, words):
        self.log = log
        with open(log, "w", encoding="utf-8") as f:
            self.process = ns.start([f"{SITE}/seg6-manycast-site-{name}",
                                     *map(str, words)], env=env, stdout=f,
                                    stderr=f)

    def text(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def says(self, words, timeout=20):
        wait_for(lambda: words in self.text(), f"it says {words!r}", timeout)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(30)


class Site:
    """All of it, each selector with web from the instances of three servers.
    """

    def __init__(self):
        etcd.needed()
        self.dir = tempfile.mkdtemp(prefix="site-")
        names = ["client", *(f"sel{i}" for i in SELECTORS),
                 *(f"s{i}" for i in SERVERS), *MEMBERS]
        self.hosts = dict(zip([*names, "r"], netns.create([*names, "r"])))
        self._links(names)
        self.cluster = etcd.Cluster(
            {name: (self[name], self.nets[name] + "2") for name in MEMBERS},
            self.dir)
        self.servers = [traffic.Server(self[f"s{i}"], "::", f"s{i}")
                        for i in SERVERS]
        self.notified = []
        self.status = self._notify_socket()
        self.followers, self.registers, self.talks = {}, {}, []
        self.versions, self.ports = {}, itertools.count(1024)
        self.cluster.ready()
        self.cluster.put({service(name): words
                          for name, words in SERVICES.items()} |
                         {instance("race", sid(i)): "" for i in SERVERS})
        for i in SERVERS:
            self.register(i)
        self.logs = {i: monitor.Log(self[f"sel{i}"]) for i in SELECTORS}
        for i in SELECTORS:
            self.follow(i)
        self.settle()
        for i in SELECTORS:
            self.routes(i)

    def __getitem__(self, name):
        return self.hosts[name]

    def _links(self, names):
        r = self["r"]
        self.nets = {name: f"fd00:{number}::"
                     for number, name in enumerate(names, 1)}
        self.nets["client"] = CLIENT[:-1]
        netns.links([(self[name], r, f"{net}2/64", f"{net}1/64", "r", name)
                     for name, net in self.nets.items()])
        for name, net in self.nets.items():
            self[name].later(f"route add default via {net}1")
        for i in SELECTORS:
            for route in address(i), f"fc00:a:{i}::/48":
                r.later(f"route add {route} via {self.nets[f'sel{i}']}2")
        for i in SERVERS:
            r.later(f"route add fc00:5:{i}::/48 via {self.nets[f's{i}']}2")
            self._server(self[f"s{i}"], i)
        for host in self.hosts.values():
            host.flush()

    @staticmethod
    def _server(host, i):
        for s in SELECTORS:
            host.later(f"addr add {address(s)}/128 dev lo nodad")
        host.later(f"route add fc00:5:{i}::/48 encap seg6local action "
                   f"End.MAnycast.S table local services {PREFIX} dev r")

    def routes(self, i):
        """Of a selector that has the services."""
        sel = self[f"sel{i}"]
        for where, name in (address(i), "web"), (RACE, "race"):
            sel.later(f"route add {where} encap seg6local action "
                      f"End.MAnycast service {name} dev r")
        sel.later(f"route add fc00:a:{i}::1 encap seg6local action "
                  "End.MAnycast acl fc00::/16 dev r")
        sel.flush()

    # The programs.

    def _notify_socket(self):
        """What the first selector's program tells systemd."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.bind(f"{self.dir}/notify")
        threading.Thread(target=self._listen, args=(sock,),
                         daemon=True).start()
        return sock

    def _listen(self, sock):
        """Read it, or the program would wait for that."""
        while text := sock.recv(1 << 16):
            self.notified.append(text.decode())

    def register(self, i, *words):
        """Have server i tell of itself, as instance of web."""
        self.registers[i] = Program(
            self[f"s{i}"], "register", f"{self.dir}/s{i}.log",
            self.cluster.env, ["--ttl", TTL, "--drain", GRACE, "web", sid(i),
                               *words])

    def follow(self, i, drain=DRAIN):
        env = self.cluster.env
        if i == 1:
            env = env | {"NOTIFY_SOCKET": f"{self.dir}/notify"}
        self.followers[i] = Program(
            self[f"sel{i}"], "follow", f"{self.dir}/sel{i}.log", env,
            ["--drain", drain, "--every", 2, "--metrics",
             f"{self.dir}/sel{i}.prom", f"fc00:a:{i}::1", self.file(i)])

    def file(self, i):
        return f"{self.dir}/sel{i}"

    def metric(self, i, name):
        """What node_exporter would read."""
        try:
            with open(f"{self.dir}/sel{i}.prom", encoding="ascii") as f:
                found = dict(line.split() for line in f if line[0] != "#")
        except FileNotFoundError:
            return None
        return int(found[f"seg6_manycast_site_{name}"])

    # What selectors have.

    def weights(self, i, name="web"):
        """Of a service's instances at selector i, by their SIDs."""
        done = self[f"sel{i}"].ip(
            f"-j manycast instance show service {name}", check=False)
        return {} if done.returncode else {
            x["sid"]: x["weight"] for x in json.loads(done.stdout or "[]")}

    def now(self):
        """For became()."""
        return {i: len(log.events) for i, log in self.logs.items()}

    def became(self, i, since, where):
        """What has become of an instance of web at selector i: the times and
        the weights, None when it was removed.
        """
        found = self.logs[i].weights("web", where, since[i])
        return [when for when, _ in found], [weight for _, weight in found]

    def gone(self, since, where):
        """Wait until both selectors have drained it and then removed it, and
        done nothing else with it. Returns when, by selector.
        """
        def last(i):
            return self.became(i, since, where)[1][-1:] == [None]
        for i in SELECTORS:
            self.wait(lambda i=i: last(i), f"sel{i} has removed {where}")
        found = {i: self.became(i, since, where) for i in SELECTORS}
        equal([weights for _, weights in found.values()],
              [[0, None] for _ in SELECTORS], "weights until it was removed")
        return {i: times for i, (times, _) in found.items()}

    def configuration(self, i):
        """All that selectors should agree about."""
        sel = self[f"sel{i}"]
        found = sel.ip_json("manycast service show")
        for one in found:
            del one["sid"]
            one["instances"] = sorted(
                sel.ip_json(f"manycast instance show service {one['name']}"),
                key=lambda x: x["sid"])
            for x in one["instances"]:
                del x["state"]
        return sorted(found, key=lambda one: one["name"])

    def sample(self, i):
        """The revision that selector i has applied. Whoever has applied it,
        too, has the same candidates.
        """
        try:
            with open(self.file(i), encoding="ascii") as f:
                first, *lines = f.read().splitlines()
        except FileNotFoundError:
            return 0
        revision = int(first.split()[-1])
        lines = [line.replace(f"sid fc00:a:{i}::1 ", "") for line in lines
                 if line[0] != "#" and not line.endswith(" weight 0")]
        equal(lines, self.versions.setdefault(revision, lines),
              f"candidates of revision {revision} at sel{i}")
        return revision

    def agree(self, revision):
        """Wait until selectors have this revision, and look at all of them."""
        def there():
            return all([self.sample(i) >= revision for i in SELECTORS])
        self.wait(there, f"selectors have revision {revision}")
        self.same_candidates()

    def settle(self):
        """Wait until each server is asked, and nobody else."""
        want = {sid(i): 1 for i in SERVERS}
        for i in SELECTORS:
            for name in SERVICES:
                self.wait(lambda i=i, name=name: self.weights(i, name) == want,
                          f"{name} of sel{i} has three instances")

    # Flows.

    def candidates(self, i, ports):
        """To whom selector i sends SYNs of these flows, by their ports."""
        with self[f"sel{i}"], raw_socket("r") as far:
            head = far.getsockname()[4]
        with self["r"]:
            sock = raw_socket(f"sel{i}")
        with sock:
            head += sock.getsockname()[4] + b"\x86\xdd"
            return self._copies(i, sock, head, ports)

    def _copies(self, i, sock, head, ports):
        """Likewise. How many they are, the selector has counted."""
        def counted():
            stats = self[f"sel{i}"].service("race")["stats"]
            return stats["syn"], stats["copy"]

        def all_came():
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._note(sock.recv(1 << 16, socket.MSG_DONTWAIT)[14:],
                               found)
            syns, copies = counted()
            return syns == before[0] + len(ports) and \
                sum(map(len, found.values())) == copies - before[1]
        found, before = {port: set() for port in ports}, counted()
        for port in ports:
            sock.send(head + craft.segment(CLIENT, RACE, "S", sport=port))
        wait_for(all_came, f"copies of sel{i}", 10)
        return found

    @staticmethod
    def _note(packet, found):
        """Note who gets a copy: [selector -> SID][SRH][client -> race]."""
        inner = 40 + 8 * (packet[41] + 1)
        if packet[6] != craft.ROUTING or \
                packet[inner + 24:inner + 40] != socket.inet_pton(
                    socket.AF_INET6, RACE):
            return
        port, = struct.unpack_from("!H", packet, inner + 40)
        if port in found:
            found[port].add(socket.inet_ntop(socket.AF_INET6, packet[24:40]))

    def same_candidates(self):
        """Of flows that have never been, as soon as selectors have the same
        instances: those who are drained may go a moment earlier here or there.
        """
        def shown():
            return [self.configuration(i) for i in SELECTORS]

        def steady():
            before = shown()
            if before[0] != before[1]:
                return None
            ports = list(itertools.islice(self.ports, FLOWS))
            found = [self.candidates(i, ports) for i in SELECTORS]
            return found if shown() == before else None
        first, second = self.wait(steady, "sel1 and sel2 have the same")
        equal(first, second, "candidates at sel1 and sel2")

    def talk(self):
        """A client connects through both, again and again."""
        self.before = self.lost()
        self.talks = [traffic.Traffic(self["client"], address(i), pause=0.2)
                      for i in SELECTORS]
        self.connections()

    def lost(self):
        """How many handshakes were."""
        return {(i, name): self[f"sel{i}"].service()["stats"][name]
                for i in SELECTORS for name in LOST}

    def connections(self, count=5):
        for talk in self.talks:
            talk.more(count)

    def nothing_lost(self):
        self.connections()
        for talk in self.talks:
            results = talk.stop()
            equal([r for r in results if r.startswith("failed")], [],
                  f"failures of {len(results)} connections")
            print(f"# {len(results)} connections", flush=True)
        equal(self.lost(), self.before, "lost handshakes")

    def wait(self, condition, what):
        """As long as a busy machine may take; and if it was in vain, tell what
        the programs have said.
        """
        try:
            return wait_for(condition, what, 60)
        except AssertionError as e:
            said = [f"{os.path.basename(program.log)}: {line}" for program in
                    (*self.followers.values(), *self.registers.values())
                    for line in program.text().splitlines()[-5:]]
            raise AssertionError("\n".join([str(e), *said])) from e

    # Between cases, and at the end.

    def restore(self):
        for talk in self.talks:
            talk.stop()
        self.talks = []
        for i in SERVERS:
            if self.registers[i].process.poll() is not None:
                self.register(i)
        self.settle()

    def remove(self):
        for server in self.servers:
            server.kill()
        for log in self.logs.values():
            log.end()
        self.status.shutdown(socket.SHUT_RD)
        netns.remove(self.hosts.values())
        shutil.rmtree(self.dir)


the_site = ktap.Shared(Site)


def run(cases):
    try:
        ktap.run(cases)
    finally:
        the_site.remove()
