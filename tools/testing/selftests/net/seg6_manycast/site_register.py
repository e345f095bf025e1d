#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 60
# size: large
"""Servers register at etcd, operators put what they like, and selectors make
the best of it.
"""

import signal
import time

from lib import ktap, site
from lib.ktap import equal, true
from lib.site import (DRAIN, GRACE, SELECTORS, SERVICES, instance, service,
                      sid)

CASES = []
case = ktap.case_of(site.the_site, CASES)


def left(net, which, selectors=SELECTORS):
    """Which of these SIDs some selector still has."""
    return {where for i in selectors for where in net.weights(i)
            if where in which}


@case
def who_stops_drains_first(net):
    """By the weight 0, which etcd has; and then it is not there at once."""
    net.talk()
    since, revision = net.now(), net.cluster.revision()
    start = time.monotonic()
    equal(net.registers[3].end(signal.SIGTERM), 0, "exit status")
    true(time.monotonic() - start >= GRACE, "it took its time")
    net.gone(since, sid(3))
    equal(net.cluster.values(instance("web", sid(3)), revision),
          ["weight 0", None], "what etcd had")
    net.nothing_lost()


@case
def who_dies_is_drained_and_removed(net):
    """Its server serves on, but for all that etcd knows it may be dead."""
    net.talk()
    since, revision = net.now(), net.cluster.revision()
    net.registers[2].end(signal.SIGKILL)
    for i, (drained, removed) in net.gone(since, sid(2)).items():
        true(removed - drained >= DRAIN - 1, f"not at once at sel{i}")
    equal(net.cluster.values(instance("web", sid(2)), revision), [None],
          "what etcd had")
    net.nothing_lost()


@case
def who_is_gone_is_remembered(net):
    """By a selector's program that is started again."""
    net.followers[1].end()
    net.follow(1, drain=3600)
    since = net.now()
    net.registers[2].end(signal.SIGKILL)
    net.wait(lambda: not left(net, {sid(2)}, selectors=(2,)),
             "sel2 has removed it")
    net.wait(lambda: net.metric(1, "gone") == 1, "sel1 drains it")
    equal(net.weights(1).get(sid(2)), 0, "weight at sel1")
    net.followers[1].end(signal.SIGKILL)
    net.follow(1)
    net.gone(since, sid(2))
    net.wait(lambda: net.metric(1, "gone") == 0, "nobody else")


@case
def who_comes_back_is_not_removed(net):
    net.registers[1].end(signal.SIGKILL)
    net.wait(lambda: not net.weights(1).get(sid(1)), "no weight")
    net.register(1, "weight", "5")
    for i in SELECTORS:
        net.wait(lambda i=i: net.weights(i).get(sid(1)) == 5, "weight")
    time.sleep(DRAIN + 1)
    for i in SELECTORS:
        equal(net.weights(i).get(sid(1)), 5, "weight")
    net.registers[1].end()


@case
def a_key_that_is_deleted_by_hand(net):
    """Its server is there, and says so again; not at once, here."""
    register = net.registers[1].process
    register.send_signal(signal.SIGSTOP)
    net.cluster.delete(instance("web", sid(1)))
    net.wait(lambda: not net.weights(1).get(sid(1)), "no weight")
    register.send_signal(signal.SIGCONT)
    net.wait(lambda: net.weights(1).get(sid(1)) == 1, "weight")


@case
def what_somebody_else_changes(net):
    """Is put right, but for what only this selector knows."""
    sel = net["sel1"]
    sel.ip(f"manycast instance set service web sid {sid(1)} state down")
    sel.ip(f"manycast instance del service web sid {sid(2)}")
    net.wait(lambda: sid(2) in net.weights(1), "it is here again")
    states = {x["sid"]: x["state"] for x in net["sel1"].instances()}
    equal((states[sid(1)], states[sid(2)]), ("down", "up"), "states")
    sel.ip(f"manycast instance set service web sid {sid(1)} state up")


@case
def nonsense(net):
    """Keys that make no sense are left out, each for itself."""
    bad = {
        instance("web", "fc00:5:0:0::7"): ("", "write the address as"),
        instance("web", "fc00:5::x"): ("", "is no IPv6 address"),
        instance("web", "ff02::1"): ("", "is no unicast address"),
        instance("web", "fc00:5::1"): ("state down", "'state' is not expected"),
        instance("web", "fc00:5::2"): ("weight 256", "is too much"),
        instance("web", "fc00:5::3"): ("weight", "'weight' cannot be None"),
        instance("web", "fc00:5::4"): ("addr fc00::1::2", "no IPv6 address"),
        instance("no", "fc00:5::5"): ("", "there is no service no"),
        service("a/b"): ("", "is no name"),
        service("c"): ("fanout 1 # key", "'#' is none of"),
        service("d"): ("sid fc00::1", "each node's own"),
        "/seg6-manycast/else": ("", "neither a service nor"),
    }
    good = instance("web", sid(1, 999))
    net.cluster.put({key: value for key, (value, _) in bad.items()})
    # What a client that is not etcdctl can put.
    net.cluster.ctl("put", instance("web", "fc00:5::6"),
                    text="weight 1\nservice add evil sid fc00::1")
    net.agree(net.cluster.put({good: "weight 4"}))
    text = net.followers[1].text()
    for key, (_, why) in bad.items():
        lines = [line for line in text.splitlines()
                 if line.startswith(key + ": ")]
        equal(len(lines), 1, f"lines about {key}")
        true(why in lines[0], f"{lines[0]!r} says {why!r}")
    equal(net.weights(1)[sid(1, 999)], 4, "weight of the one that is right")
    equal([x["name"] for x in net.configuration(1)], sorted(SERVICES),
          "services")
    equal(net.metric(1, "refused_keys"), len(bad) + 1, "refused keys")
    net.agree(net.cluster.delete(*bad, instance("web", "fc00:5::6"), good))
    net.wait(lambda: not left(net, {sid(1, 999)}), "it is gone")


@case
def what_ip_refuses(net):
    """Nothing changes for it, the file that a boot would use neither."""
    with open(net.file(1), encoding="ascii") as f:
        before = f.read()
    net.cluster.put({service("web"): SERVICES["web"] + " hold long",
                     instance("web", sid(1, 999)): ""})
    net.wait(lambda: net.metric(1, "failed"), "it says so")
    net.followers[1].says('"hold" value is invalid')
    true(sid(1, 999) not in net.weights(1), "not applied")
    with open(net.file(1), encoding="ascii") as f:
        equal(f.read(), before, "the file")
    net.cluster.put({service("web"): SERVICES["web"]})
    net.agree(net.cluster.delete(instance("web", sid(1, 999))))
    net.wait(lambda: not net.metric(1, "failed"), "it is right again")


if __name__ == "__main__":
    site.run(CASES)
