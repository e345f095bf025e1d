#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 85
# size: large
"""Our units under a real systemd, installed as `make install` does it: what
they start serves, and what they stop has left nothing.
"""

import contextlib
import os
import shutil
import tempfile

from lib import etcd, ktap, systemd
from lib.ktap import equal, true, wait_for
from lib.netns import Netns
from lib.topology import SEL_SID, SERVICE, sid

CONFIG, FOLLOW = "seg6-manycast", "seg6-manycast-site-follow"
REGISTER = "seg6-manycast-site-register@web"
ANNOUNCE, EXPORTER = "seg6-manycast-announce", "seg6-manycast-exporter"
METRICS = "lib/prometheus/node-exporter"
SERVICES = f"""
manycast service add web sid {SEL_SID} fanout 2
manycast instance add service web sid {sid(1)}
"""
ROUTE = f"route add {SERVICE} encap seg6local action End.MAnycast " \
        "service web dev net\n"
BIRD = f"""
router id 192.0.2.1;
protocol device {{ }}
protocol static manycast {{
	disabled;
	ipv6;
	route {SERVICE}/128 unreachable;
}}
"""
CASES = []


class Node:
    """A selector with systemd."""

    def __init__(self):
        self.ns = Netns("units")
        self.ns.later("link add net type dummy")
        self.ns.later("link set net up")
        self.ns.later("addr add 2001:db8:9::1/64 dev net nodad")
        self.ns.flush()
        self.systemd = systemd.Systemd(self.ns)

    def __getattr__(self, name):
        return getattr(self.systemd, name)

    def configure(self, **files):
        for name, text in files.items():
            self.write(f"etc/seg6-manycast/{name}.conf", text)

    def services(self):
        return {one["name"]: one["fanout"]
                for one in self.ns.ip_json("manycast service show")}

    def weights(self):
        return {one["sid"]: one["weight"]
                for one in self.ns.ip_json("manycast instance show")}

    def routes(self):
        return [r["dst"] for r in self.ns.ip_json("-6 route show")
                if r.get("action") == "End.MAnycast"]

    def restore(self):
        """End of a case: whatever runs is stopped, and nothing has failed."""
        failed = self.ctl("list-units", "--failed", "--plain", "--no-legend")
        self.ctl("stop", "seg6-manycast*", "nginx", "bird")
        self.ctl("reset-failed")
        shutil.rmtree(self.path("etc/seg6-manycast"), ignore_errors=True)
        self.ns.ip(["manycast", "sync", "/dev/null"])
        equal([line for line in failed.splitlines() if "seg6" in line], [],
              f"failed units; {self.journal()}")

    def remove(self):
        self.systemd.remove()
        self.ns.remove()


node = ktap.Shared(Node)
case = ktap.case_of(node, CASES)


@case
def a_configuration_is_loaded(n):
    n.configure(a=SERVICES, b=ROUTE)
    n.ctl("start", CONFIG)
    equal((n.services(), n.routes()), ({"web": 2}, [SERVICE]), "loaded")
    n.configure(a=SERVICES.replace("fanout 2", "fanout 3"))
    n.ctl("reload", CONFIG)
    equal(n.services(), {"web": 3}, "loaded again")
    n.configure(a=SERVICES.replace("fanout 2", "fanout many"))
    true(n.ctl("reload", CONFIG, check=False).returncode, "it is refused")
    equal((n.services(), n.state(CONFIG)), ({"web": 3}, "active"), "and stays")
    n.ctl("stop", CONFIG)
    equal((n.services(), n.routes()), ({}, []), "unloaded")


@case
def without_a_configuration(n):
    """Nothing is started, and that is no failure."""
    n.ctl("start", CONFIG)
    equal((n.state(CONFIG), n.show(CONFIG, "ConditionResult")),
          ("inactive", "no"), "unit")


@case
def what_is_counted_is_written(n):
    """Again and again, for node_exporter."""
    n.configure(a=SERVICES)
    n.ctl("start", CONFIG)
    path = n.path(f"{METRICS}/seg6_manycast.prom")
    os.makedirs(n.path(METRICS), exist_ok=True)
    n.ctl("start", f"{EXPORTER}.timer")
    wait_for(lambda: os.path.exists(path), f"it is there; {n.journal()}", 20)
    with open(path, encoding="ascii") as f:
        true('service="web"' in f.read(), "it tells of the service")
    os.unlink(path)
    wait_for(lambda: os.path.exists(path), "it is there again", 40)
    equal(n.show(EXPORTER, "Result"), "success", "result")
    n.ctl("stop", f"{EXPORTER}.timer")


def announced(n):
    text = n.run("birdc", "show", "protocols", "manycast", check=False).stdout
    return " up " in text


@case
def a_service_is_announced(n):
    """While it is configured, and this is told to withdraw first."""
    n.configure(a=SERVICES, b=ROUTE)
    n.write("etc/bird/bird.conf", BIRD)
    n.ctl("start", "bird", CONFIG, ANNOUNCE)
    wait_for(lambda: announced(n), "it is announced", 20)
    n.ctl("stop", CONFIG)
    wait_for(lambda: not announced(n), "it is withdrawn", 20)
    n.ctl("start", CONFIG)
    wait_for(lambda: announced(n), "it is announced again", 20)
    n.ctl("kill", "--signal=KILL", ANNOUNCE)
    wait_for(lambda: n.show(ANNOUNCE, "NRestarts") == "1" and announced(n),
             "it is there again", 20)
    n.ctl("stop", ANNOUNCE)
    true(not announced(n), "it is withdrawn at the end")


@contextlib.contextmanager
def site_of(n, words):
    """A site with a service, in an etcd of one member."""
    etcd.needed()
    folder = tempfile.mkdtemp(prefix="units-")
    cluster = etcd.Cluster({"e1": (n.ns, "::1")}, folder)
    try:
        cluster.ready()
        cluster.put({"/seg6-manycast/service/web": words})
        n.write("etc/seg6-manycast/site", f"SID={SEL_SID}\n"
                f"ETCDCTL_ENDPOINTS={cluster.endpoints}\n")
        yield
    finally:
        n.ctl("stop", FOLLOW, REGISTER)
        cluster.kill("e1")
        shutil.rmtree(folder)


@case
def a_site_from_etcd(n):
    """A selector follows, and a server registers while nginx runs: drained
    before that stops.
    """
    os.makedirs(n.path(METRICS), exist_ok=True)
    with site_of(n, "fanout 2"):
        n.write("etc/seg6-manycast/register-web",
                f"SID={sid(1)}\nWORDS=weight 2\n")
        n.configure(b=ROUTE)
        # As at boot, all at once: the route needs the service.
        n.write("etc/systemd/system/all.target", "[Unit]\n"
                f"Wants={CONFIG}.service {FOLLOW}.service\n")
        n.ctl("daemon-reload")
        n.ctl("start", "all.target")
        equal((n.services(), n.routes()), ({"web": 2}, [SERVICE]), "followed")
        n.ctl("start", "nginx", REGISTER)
        wait_for(lambda: n.weights() == {sid(1): 2}, "it is registered", 20)
        wait_for(lambda: "1 instances" in n.show(FOLLOW, "StatusText"),
                 "systemd knows")
        true(os.path.exists(n.path(f"{METRICS}/seg6_manycast_site.prom")),
             "metrics")
        n.ctl("stop", "--no-block", "nginx")
        wait_for(lambda: n.weights() == {sid(1): 0}, "it is drained", 20)
        equal(n.state("nginx"), "active", "nginx, which serves on")
        wait_for(lambda: not n.weights(), "it is removed", 60)
        wait_for(lambda: n.state("nginx") == "inactive", "nginx has stopped",
                 20)


@case
def a_node_without_node_exporter(n):
    """It follows all the same."""
    shutil.rmtree(n.path(METRICS), ignore_errors=True)
    with site_of(n, "fanout 3"):
        n.ctl("start", FOLLOW, EXPORTER)
        equal(n.services(), {"web": 3}, "followed")
        equal(n.show(FOLLOW, "NRestarts"), "0", "restarts")
        true("no metrics" in n.journal(), "it says so")


def main():
    try:
        ktap.run(CASES)
    finally:
        node.remove()


if __name__ == "__main__":
    main()
