#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 20
"""The program that the unit calls at boot loads a selector's configuration,
changes it under traffic, and takes it away; systemd knows all that our units
say.
"""

import os
import shutil
import subprocess
import tempfile

from lib import ktap, traffic
from lib.ktap import equal, true, wait_for
from lib.topology import PREFIX, SEL_SID, SERVICE, Topology, sid

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.abspath(os.path.join(HERE, "../../../.."))
CONFIG = os.path.join(TOOLS, "config/seg6-manycast-config")
OTHER = "2001:db8:5::81"
SERVICES = f"""
# What clients ask for.
manycast service add web sid {SEL_SID} \\
        fanout 2
manycast instance add service web sid {sid(1)}
manycast instance add service web sid {sid(2)}
"""
ROUTES = f"""
route add {SERVICE} encap seg6local action End.MAnycast service web dev r1
route add {SEL_SID} encap seg6local action End.MAnycast acl fc00::/16 dev r1
"""
CASES = []


class Host:
    """The selector of a topology, with nothing configured, and the folder that
    it is to be configured from.
    """

    def __init__(self):
        self.net = Topology(servers=3, nginx=False)
        self.ns = self.net.sel
        self.dir = tempfile.mkdtemp(prefix="manycast-")
        self.servers = [traffic.Server(self.net.server(i), "::", f"s{i}")
                        for i in range(1, 4)]
        for route in SERVICE, SEL_SID:
            self.ns.later(f"route del {route}")
        self.ns.flush()
        wait_for(lambda: not self.ns.ip("manycast service del web",
                                        check=False).returncode, "deleted")

    def run(self, verb, check=True):
        return self.ns.run([CONFIG, "--files", self.dir, "--state",
                            f"{self.dir}/run/loaded", verb], check=check)

    def load(self, **files):
        """Files by name, without what others there had been."""
        for name in os.listdir(self.dir):
            if name.endswith(".conf"):
                os.unlink(os.path.join(self.dir, name))
        for name, text in files.items():
            with open(f"{self.dir}/{name}.conf", "w", encoding="ascii") as f:
                f.write(text)
        return self.run("load", check=False)

    def restore(self):
        """End of a case: all is gone."""
        self.run("unload")
        equal(self.ns.ip("manycast save"), "", "services")
        equal(self.routes(), [], "routes")
        equal(os.path.getsize(f"{self.dir}/run/loaded"), 0, "remembered")

    def routes(self, table="main"):
        """With a behaviour of ours, or of that table: pairs of a prefix and
        its service.
        """
        return [(r["dst"], r.get("service")) for r in
                self.ns.ip_json(f"-6 route show table {table}")
                if r.get("action", "").endswith("MAnycast") or table != "main"]

    def who(self, address=SERVICE):
        with traffic.connect(self.net.client, address) as sock:
            return traffic.ask(sock)

    def remove(self):
        for server in self.servers:
            server.kill()
        self.net.remove()
        shutil.rmtree(self.dir)


host = ktap.Shared(Host)


def case(function):
    return ktap.case_of(host, CASES)(function)


def fine(done):
    equal((done.returncode, done.stderr), (0, ""), "exit status, and stderr")


def web(words="fanout 2", servers=(1, 2)):
    lines = [f"service add web sid {SEL_SID} {words}",
             *(f"instance add service web sid {sid(i)}" for i in servers)]
    return "".join(f"manycast {line}\n" for line in lines)


@case
def loaded_it_serves(sel):
    """From two files, in the order of their names: the routes need the
    services of the first.
    """
    fine(sel.load(a=SERVICES, b=ROUTES))
    equal(sel.routes(), [(SERVICE, "web"), (SEL_SID, None)], "routes")
    equal(sel.ns.service()["fanout"], 2, "fanout")
    true(sel.who() in ("s1", "s2"), "one of the two answers")
    fine(sel.run("load", check=False))
    state = os.stat(f"{sel.dir}/run/loaded")
    equal(state.st_mode & 0o777, 0o600, "keys may be in what is remembered")


@case
def changed_under_traffic(sel):
    """An instance comes, one goes, a setting and a route change. Nobody who
    connects meanwhile has to try twice.
    """
    fine(sel.load(a=SERVICES, b=ROUTES))
    before = sel.ns.service()["stats"]["syn"]
    clients = traffic.Traffic(sel.net.client, SERVICE)
    try:
        clients.more(5)
        fine(sel.load(a=web("fanout 1", (2, 3)), b=ROUTES.replace(
            "acl fc00::/16", "acl fc00::/8")))
        clients.more(5)
    finally:
        results = clients.stop()
    equal([r for r in results if r.startswith("failed")], [], "failures")
    stats = sel.ns.service()["stats"]
    true(stats["syn"] > before, "it is the service that was there before")
    equal(stats["syn_again"], 0, "SYNs sent twice")
    equal([i["sid"] for i in sel.ns.instances()], [sid(2), sid(3)],
          "instances")
    equal(sel.ns.ip_json(f"-6 route show {SEL_SID}")[0]["acl"], "fc00::/8",
          "acl")


@case
def a_route_goes_to_another_service(sel):
    """And the service that it had goes away."""
    fine(sel.load(a=web(), b=ROUTES))
    old = web().replace(" web", " old").replace(SEL_SID, "fc00:a::2", 1)
    routes = ROUTES.replace("service web", "service old")
    fine(sel.load(a=old, b=routes + routes.replace(SERVICE, OTHER)))
    equal(sel.routes(), [(SERVICE, "old"), (OTHER, "old"), (SEL_SID, None)],
          "routes")
    equal([s["name"] for s in sel.ns.ip_json("manycast service show")],
          ["old"], "services")
    fine(sel.load(a=web(), b=ROUTES))
    equal(sel.routes(), [(SERVICE, "web"), (SEL_SID, None)], "routes")


@case
def a_mistake_changes_nothing(sel):
    fine(sel.load(a=SERVICES, b=ROUTES))
    before = sel.ns.ip("manycast save"), sel.routes()
    for text in (SERVICES + "manycast instance add service wob sid ::1\n",
                 SERVICES + f"manycast service add more sid {SEL_SID} limt 3\n",
                 web() + web()):
        done = sel.load(a=text, b="")
        true(done.returncode and "nothing has been changed" in done.stderr,
             f"it says so: {done.stderr}")
        equal((sel.ns.ip("manycast save"), sel.routes()), before, "state")


@case
def what_is_refused_is_told(sel):
    """Everything else is done, and it is tried again with the next load."""
    done = sel.load(a=SERVICES, b=ROUTES + "-6 rule add from ::1 lookup 77\n" +
                    f"route add {OTHER} dev nowhere\n" +
                    f"route add {OTHER} metric five\n")
    equal(done.returncode, 1, "exit status")
    true("not all could be done" in done.stderr, f"it says so: {done.stderr}")
    for why in (f"route replace {OTHER} dev nowhere: Cannot find device",
                f"route replace {OTHER} metric five: Error: "):
        true(why in done.stderr, f"the line is told: {done.stderr}")
    equal(sel.routes(), [(SERVICE, "web"), (SEL_SID, None)], "routes")
    fine(sel.load(a=SERVICES, b=ROUTES + "-6 rule add from ::1 lookup 77\n"))
    true("lookup 77" in sel.ns.ip("-6 rule"), "the rule is there")


@case
def all_that_goes_with_it(sel):
    """Rules, addresses, and routes of another table, whose behaviours have a
    "table" of their own.
    """
    end = "encap seg6local action End.MAnycast.S table {} dev r1"
    more = f"""
        addr add 2001:db8:7::1/128 dev lo
        -6 rule add from 2001:db8:7::1 lookup 77
        route add fc00:9::1 table 77 {end}
        route add fc00:9::2 {end}
        ioam namespace add 7
    """
    fine(sel.load(a=SERVICES, b=more.format("local", "local")))
    rules, count = sel.ns.ip("-6 rule"), len(sel.routes("all"))
    fine(sel.load(a=SERVICES, b=more.format("main", "main")))
    equal(sel.ns.ip("-6 rule"), rules, "rules")
    equal(len(sel.routes("all")), count, "routes of all tables")
    for words in ("table 77 fc00:9::1", "table main fc00:9::2"):
        true("table main" in sel.ns.ip(f"-6 route show {words}"), words)
    fine(sel.load(a=SERVICES))
    equal(sel.routes("77"), [], "routes of the table")
    true("lookup 77" not in sel.ns.ip("-6 rule"), "the rule is gone")
    true("2001:db8:7::1" not in sel.ns.ip("-6 addr"), "the address is gone")
    equal(sel.ns.ip("ioam namespace show").split(), [], "namespaces of IOAM")


@case
def lost_routes_come_back(sel):
    """As when a device was down."""
    fine(sel.load(a=SERVICES, b=ROUTES))
    sel.ns.ip(f"-6 route del {SERVICE}")
    fine(sel.load(a=SERVICES, b=ROUTES))
    equal(sel.routes(), [(SERVICE, "web"), (SEL_SID, None)], "routes")


@case
def others_services_are_left_alone(sel):
    """By files that say nothing about any."""
    sel.ns.ip("manycast service add mine sid fc00:a::9")
    try:
        fine(sel.load(a=f"route add {PREFIX} dev r1\n"))
        fine(sel.run("unload", check=False))
        equal([s["name"] for s in sel.ns.ip_json("manycast service show")],
              ["mine"], "services")
    finally:
        sel.ns.ip("manycast service del mine")


def systemd_knows_what_units_say():
    """Once the programs are where the units look for them."""
    if not shutil.which("systemd-analyze"):
        raise ktap.Skip("no systemd-analyze: tools/setup/packages check "
                        "installs it")
    folder = tempfile.mkdtemp(prefix="manycast-")
    units = []
    for name in ("announce/seg6-manycast-announce.service",
                 "config/seg6-manycast.service",
                 "exporter/seg6-manycast-exporter.service",
                 "exporter/seg6-manycast-exporter.timer",
                 "site/seg6-manycast-site-follow.service",
                 "site/seg6-manycast-site-register@.service"):
        units.append(os.path.join(folder, os.path.basename(name).replace(
            "@", "@web")))
        with open(os.path.join(TOOLS, name), encoding="ascii") as f, \
                open(units[-1], "w", encoding="ascii") as copy:
            copy.write(f.read().replace("/usr/local/lib/seg6-manycast", TOOLS))
    try:
        done = subprocess.run(["systemd-analyze", "verify", "--man=no",
                               *units], capture_output=True, text=True,
                              check=False)
        equal((done.returncode, [line for line in done.stderr.splitlines()
                                 if folder in line or "seg6" in line]),
              (0, []), "exit status, and what it says of our units")
    finally:
        shutil.rmtree(folder)


CASES.append(systemd_knows_what_units_say)


def main():
    try:
        ktap.run(CASES)
    finally:
        host.remove()


if __name__ == "__main__":
    main()
