# SPDX-License-Identifier: GPL-2.0
"""A cluster of etcd in namespaces, and etcdctl to look at it."""

import base64
import contextlib
import json
import os
import shutil

from . import ktap
from .ktap import TIME_FACTOR, wait_for
from .netns import Failed

CLIENTS, PEERS = 2379, 2380
# Milliseconds. A slow machine's processes wait for each other for longer.
HEARTBEAT, ELECTION = int(100 * TIME_FACTOR), int(1000 * TIME_FACTOR)
# etcd takes 128 in one transaction.
AT_ONCE = 100


def needed():
    for program in "etcd", "etcdctl":
        if not shutil.which(program):
            raise ktap.Skip(f"no {program}: tools/setup/packages check "
                            "installs it")


def environment(**words):
    """For etcdctl, and what reads its variables."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith("ETCDCTL_")} | {"ETCDCTL_API": "3"} | {
                f"ETCDCTL_{name.upper()}": value
                for name, value in words.items()}


class Cluster:
    """members: {name: (namespace, address)}. TLS: certificate and key of all.

    env   for who wants to know of it; USER, say, may be added
    """

    def __init__(self, members, directory, tls=None):
        self.members, self.dir, self.tls = members, directory, tls
        self.scheme = "https" if tls else "http"
        self.processes = {}
        self.endpoints = ",".join(
            self._url(name, CLIENTS, self.scheme) for name in members)
        self.env = environment(endpoints=self.endpoints,
                               **({"cacert": tls[0]} if tls else {}))
        for name in members:
            self.start(name)

    def _url(self, name, port, scheme="http"):
        return f"{scheme}://[{self.members[name][1]}]:{port}"

    def start(self, name):
        """A member that has been here remembers what it knew."""
        ns, _ = self.members[name]
        peers = ",".join(f"{n}={self._url(n, PEERS)}" for n in self.members)
        clients = self._url(name, CLIENTS, self.scheme)
        tls = ["--cert-file", self.tls[0], "--key-file", self.tls[1]] \
            if self.tls else []
        with open(f"{self.dir}/{name}.log", "a", encoding="utf-8") as log:
            self.processes[name] = ns.start(
                ["etcd", "--name", name, "--data-dir", f"{self.dir}/{name}",
                 "--listen-client-urls", clients,
                 "--advertise-client-urls", clients,
                 "--listen-peer-urls", self._url(name, PEERS),
                 "--initial-advertise-peer-urls", self._url(name, PEERS),
                 "--initial-cluster", peers,
                 "--heartbeat-interval", str(HEARTBEAT),
                 "--election-timeout", str(ELECTION),
                 *tls],
                env=environment(), stdout=log, stderr=log)

    def kill(self, *names):
        for name in names:
            self.processes[name].kill()
            self.processes[name].wait()

    def ctl(self, *words, text=None, **env):
        """What etcdctl prints."""
        ns = next(iter(self.members.values()))[0]
        return ns.run(["etcdctl", "--command-timeout", "3s", *words],
                      input=text, env=self.env | env)

    def ready(self):
        """Wait until it takes what is put."""
        def put():
            with contextlib.suppress(Failed):
                return self.put({"/ready": "yes"})
        return wait_for(put, "etcd takes a key", 40)

    def _change(self, lines):
        """Many in one transaction; returns the revision."""
        for at in range(0, len(lines), AT_ONCE):
            text = "\n".join(["", *lines[at:at + AT_ONCE], "", "", ""])
            found = json.loads(self.ctl("txn", "-w", "json", text=text))
        return found["header"]["revision"]

    def put(self, found):
        return self._change([f'put {key} "{value}"'
                             for key, value in found.items()])

    def delete(self, *keys):
        return self._change([f"del {key}" for key in keys])

    def values(self, key, since):
        """What became of its value after that revision, None for none."""
        found = []
        for revision in range(since, self.revision() + 1):
            text = self.ctl("get", key, "-w", "json", "--rev", str(revision))
            value = next((base64.b64decode(kv.get("value", "")).decode()
                          for kv in json.loads(text).get("kvs", ())), None)
            if found[-1:] != [value]:
                found.append(value)
        return found[1:]

    def revision(self):
        """As a majority agrees."""
        found = json.loads(self.ctl("get", "/ready", "-w", "json"))
        return found["header"]["revision"]

    def leader(self):
        """The name of the member that leads, when all are there."""
        return wait_for(self._leader, "members tell who leads", 20)

    def _leader(self):
        try:
            text = self.ctl("endpoint", "status", "-w", "json")
        except Failed:
            return None
        for status in json.loads(text):
            found = status["Status"]
            if found["leader"] == found["header"]["member_id"]:
                return next(name for name in self.members if status["Endpoint"]
                            == self._url(name, CLIENTS, self.scheme))
        return None
