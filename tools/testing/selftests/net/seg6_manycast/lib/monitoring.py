# SPDX-License-Identifier: GPL-2.0
"""tools/exporter at work: node_exporter on some hosts of the topology, and
Prometheus on the selector, which scrapes them.
"""

import ipaddress
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error

from . import ktap, traffic
from .ktap import wait_for
from .topology import SERVICE, Topology, sid

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.abspath(os.path.join(HERE, "../../../../../exporter"))
EXPORTER = os.path.join(TOOLS, "seg6-manycast-exporter")
PROGRAMS = "prometheus", "prometheus-node-exporter", "promtool"
# Where the hosts that are watched can be asked.
WATCHED = {"sel": "fd00:3::2", "s1": "fd00:5:1::2", "edge": "fd00:1::2"}
NOBODY = "2001:db8:5::81"       # a service without instances
DYNCAST = ipaddress.IPv6Address("2001:db8:6::80")
PERIOD = 1000                   # milliseconds
# How often hosts are asked, and how long they may take for it.
SCRAPE = "5s" if ktap.SLOW else "1s"

# It is installed as it is.
sys.dont_write_bytecode = True
sys.path.append(TOOLS)
import dashboard        # pylint: disable=wrong-import-position


def needed(*programs):
    for program in programs:
        if not shutil.which(program):
            raise ktap.Skip(f"no {program}: "
                            "tools/setup/packages check installs it")


def parse(text):
    """The samples of an exposition, by name and sorted labels."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, _, value = line.rpartition(" ")
        name, _, labels = name.partition("{")
        found[name, tuple(sorted(labels.rstrip("}").split(",")))] = \
            float(value)
    return found


class Watched(Topology):
    """The usual topology, with a service that nobody serves, and one by
    periods. s3 does not listen, so it refuses.
    """

    def __init__(self):
        super().__init__(servers=3, nginx=False)
        self.api = self.log = self.began = None
        self.add_unaware()
        self._more_services()
        for host in self.sel, self.r1:
            host.flush()
        self.servers = [traffic.Server(self.server(i), "::", f"s{i}")
                        for i in (1, 2)]
        for i in 1, 2:
            self.server(i).ip(f"manycast listener set {SERVICE} port 80 "
                              f"load {100 * i}")

    def _more_services(self):
        sel = self.sel
        sel.later("manycast service add none sid fc00:a::2")
        sel.later(f"route add {NOBODY} encap seg6local action End.MAnycast "
                  "service none dev r1")
        sel.later("manycast service add dyn sid fc00:a::3 "
                  f"period {PERIOD} grace {PERIOD // 5}")
        for i in range(1, 4):
            sel.later(f"manycast instance add service dyn sid {sid(i)}")
        sel.later("route add 2001:db8:6::/58 encap seg6local action H.Dyncast "
                  "service dyn position 58 dev r1")
        self.r1.later("route add 2001:db8:6::/58 via fd00:3::2")

    def export(self, *words, host="sel", **kwargs):
        return self.hosts[host].run([EXPORTER, *words], **kwargs)

    def shown(self):
        return self.sel.ip_json("-s manycast show")

    def traffic(self, number):
        """Some of each kind. Each time another instance should have the next
        period.
        """
        for name in "client", "own", "unaware":
            for _ in range(2):
                with traffic.connect(self.hosts[name], SERVICE) as sock:
                    traffic.ask(sock)
        with self.client, socket.socket(socket.AF_INET6) as sock:
            sock.setblocking(False)
            sock.connect_ex((NOBODY, 80))
        index = int(time.time() * 1000) // PERIOD
        now = ipaddress.IPv6Address(int(DYNCAST) + (index % 64 << 64))
        with self.client, socket.socket(socket.AF_INET6,
                                        socket.SOCK_DGRAM) as sock:
            for _ in range(3):
                sock.sendto(b"x", (str(now), 443))
        self.sel.ip("manycast instance set service dyn "
                    f"sid {sid(1 + number % 3)} metric {number % 256}")

    def scraped(self):
        """With Prometheus and node_exporter, from the first time on."""
        if not self.api:
            needed(*PROGRAMS)
            self.api = dashboard.Prometheus("http://[::1]:9090")
            for name in WATCHED:
                self._node_exporter(name)
            self._prometheus()
            self.began = time.monotonic()
        return self

    def _node_exporter(self, name):
        os.mkdir(self.textfiles(name))
        self.hosts[name].start([
            "prometheus-node-exporter", "--collector.disable-defaults",
            "--web.disable-exporter-metrics", "--collector.textfile",
            f"--collector.textfile.directory={self.textfiles(name)}",
            "--web.listen-address=[::]:9100"])

    def textfiles(self, name):
        return os.path.join(self.dir, "textfiles-" + name)

    def _prometheus(self):
        config = os.path.join(self.dir, "prometheus.yml")
        with open(config, "w", encoding="ascii") as f:
            json.dump({
                "global": {"scrape_interval": SCRAPE,
                           "scrape_timeout": SCRAPE},
                "scrape_configs": [{"job_name": "node", "static_configs": [
                    {"targets": [f"[{address}]:9100"],
                     "labels": {"instance": name}}
                    for name, address in WATCHED.items()]}]}, f)
        self.log = os.path.join(self.dir, "prometheus.log")
        with open(self.log, "w", encoding="utf-8") as log:
            process = self.sel.start([
                "prometheus", f"--config.file={config}", "--log.level=warn",
                f"--storage.tsdb.path={self.dir}/tsdb",
                "--web.listen-address=[::1]:9090"], stdout=log, stderr=log)
        wait_for(lambda: self._is_ready(process), "Prometheus answers", 30)

    def _is_ready(self, process):
        if process.poll() is not None:
            with open(self.log, encoding="utf-8") as f:
                raise AssertionError(f"prometheus: {f.read()}")
        try:
            return self.now("up")
        except urllib.error.URLError:
            return None

    def now(self, expr):
        with self.sel:
            return self.api.now(expr)

    def write(self):
        """What the timer of each host does."""
        writers = [subprocess.Popen(self.hosts[name].command(
            [EXPORTER, "--output", f"{self.textfiles(name)}/m.prom"]))
            for name in WATCHED]
        for writer in writers:
            ktap.equal(writer.wait(), 0, "exit status of the exporter")

    def remove(self):
        for server in self.servers:
            server.kill()
        super().remove()
