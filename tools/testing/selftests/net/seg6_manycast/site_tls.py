#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 15
"""Servers register at an etcd that asks for passwords, over TLS. Needs no
module.
"""

import shutil
import signal
import subprocess
import tempfile

from lib import etcd, ktap, netns
from lib.ktap import equal, wait_for
from lib.site import TTL, Program, instance, sid

ADDRESS = "fd00::1"
CASES = []


class Member:
    """One member, with users that may put one key each."""

    def __init__(self):
        etcd.needed()
        self.dir = tempfile.mkdtemp(prefix="site-tls-")
        self.ns = netns.Netns("site-tls")
        self.ns.later(f"addr add {ADDRESS}/128 dev lo nodad")
        self.ns.flush()
        self.cluster = etcd.Cluster({"own": (self.ns, ADDRESS)}, self.dir,
                                    self.certificate("own"))
        self.cluster.ready()
        self._permit()

    def certificate(self, name):
        """And its key. It signs for itself."""
        names = [f"{self.dir}/{name}.{kind}" for kind in ("pem", "key")]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
             "/CN=etcd", "-addext", f"subjectAltName=IP:{ADDRESS}", "-out",
             names[0], "-keyout", names[1]], check=True, capture_output=True)
        return names

    def _permit(self):
        for words in ("user add root:secret", "user grant-role root root",
                      "role add s1", "role grant-permission s1 readwrite "
                      + instance("web", sid(1)), "user add s1:s1-word",
                      "user grant-role s1 s1", "auth enable"):
            self.cluster.ctl(*words.split())

    def register(self, i, **words):
        env = self.cluster.env | etcd.environment(user="s1:s1-word") | {
            f"ETCDCTL_{name.upper()}": word for name, word in words.items()}
        return Program(self.ns, "register", f"{self.dir}/{i}.log", env,
                       ["--ttl", TTL, "--drain", 0, "web", sid(i)])

    def keys(self):
        return self.cluster.ctl("get", "--prefix", "--keys-only", "/seg6",
                                ETCDCTL_USER="root:secret").split()

    def restore(self):
        for process in self.ns.processes:
            if process is not self.cluster.processes["own"]:
                process.kill()

    def remove(self):
        netns.remove([self.ns])
        shutil.rmtree(self.dir)


member = ktap.Shared(Member)
case = ktap.case_of(member, CASES)


@case
def who_may_and_who_may_not(net):
    """Each may put its own key, if it knows its word, and knows the member."""
    good = net.register(1)
    good.says("registered: " + instance("web", sid(1)))
    net.register(2).says("permission denied")
    net.register(3, user="s1:guess").says("authentication failed")
    net.register(4, cacert=net.certificate("other")[0]).says(
        "certificate verify failed")
    equal(net.keys(), [instance("web", sid(1))], "keys")
    equal(good.end(), 0, "exit status")
    equal(net.keys(), [], "keys")


@case
def tokens_end(net):
    """As when it gets a password, or when it has not used one for long."""
    root = {"ETCDCTL_USER": "root:secret"}
    good = net.register(1)
    good.says("registered")
    net.cluster.ctl("user", "passwd", "s1", "--interactive=false",
                    text="s1-word", **root)
    net.cluster.ctl("del", instance("web", sid(1)), **root)
    wait_for(net.keys, "it has put its key again", 20)
    equal(good.end(), 0, "exit status")
    equal(net.keys(), [], "keys")


@case
def the_member_starts_again(net):
    """The lease is still there."""
    good = net.register(1)
    good.says("registered")
    net.cluster.kill("own")
    good.says("not registered, or not for long")
    net.cluster.start("own")
    wait_for(lambda: good.text().count("\nregistered") == 1, "it is back", 20)
    equal(net.keys(), [instance("web", sid(1))], "keys")
    equal(good.end(signal.SIGTERM), 0, "exit status")


def main():
    try:
        ktap.run(CASES)
    finally:
        member.remove()


if __name__ == "__main__":
    main()
