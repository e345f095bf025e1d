#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 80
# size: large
"""Selectors follow etcd: three members, two selectors, three servers.

What etcd says is what both selectors have, the same candidates for every flow
among it, whatever becomes of etcd meanwhile; and clients do not notice.
"""

import time

from lib import ktap, site
from lib.ktap import equal, true
from lib.site import SELECTORS, SERVERS, SERVICES, TTL, instance, service, sid

STALE = "stale, the last state stays"
MANY = 30 if ktap.SLOW else 100
CASES = []
case = ktap.case_of(site.the_site, CASES)


def crowd(words, numbers=range(MANY)):
    """So many instances of web, and a quarter of them of race, as keys."""
    return {instance(name, sid(number % 3 + 1, number + 512)): words
            for number in numbers for name in SERVICES
            if name == "web" or not number % 4}


@case
def what_etcd_says(net):
    """In whatever order it was put: services with all their words, instances
    with theirs.
    """
    words = "segs fc00:9::1,fc00:9::2 addr fc00:5:9::a weight 3 tier 1 remote"
    net.cluster.put({instance("web", "fc00:5:9::9"): words})
    revision = net.cluster.put({
        service("web"): f"{SERVICES['web']} hold 12 limit 1000"})
    net.agree(revision)
    web = net.configuration(1)[1]
    equal((web["name"], web["fanout"], web["key"], web["hold"], web["limit"]),
          ("web", 1, site.KEY, 12, 1000), "service")
    one, = (x for x in web["instances"] if x["sid"] == "fc00:5:9::9")
    equal((one["segs"], one["addr"], one["weight"], one["tier"],
           one["remote"]), (["fc00:9::1", "fc00:9::2"], "fc00:5:9::a", 3, 1,
                            True), "instance")
    net.cluster.put({service("web"): SERVICES["web"]})
    net.agree(net.cluster.delete(instance("web", "fc00:5:9::9")))


@case
def by_the_hundred(net):
    """They come, weigh more, and go, while clients connect."""
    net.talk()
    syncs = len(net.versions)
    net.agree(net.cluster.put(crowd("")))
    equal(len(net.weights(1)), MANY + len(SERVERS), "instances")
    net.connections()
    net.agree(net.cluster.put(crowd("weight 2", range(0, MANY, 5))))
    net.connections()
    net.agree(net.cluster.delete(*crowd("", range(0, MANY, 3))))
    true({weight for where, weight in net.weights(1).items()
          if where.startswith("fc00:5:1::2")} <= {0}, "who is gone is drained")
    net.connections()
    net.agree(net.cluster.delete(*crowd("")))
    net.nothing_lost()
    print(f"# {len(net.versions) - syncs} versions")


@case
def a_leader_dies(net):
    """Nobody notices but the other members, and no lease ends."""
    net.talk()
    leader = net.cluster.leader()
    net.cluster.kill(leader)
    try:
        keys = crowd("", range(20))
        net.agree(net.cluster.ready() and net.cluster.put(keys))
        net.connections()
        time.sleep(TTL)
        net.connections()
        for i in SELECTORS:
            equal(set(net.weights(i).values()), {1}, f"weights at sel{i}")
            equal(net.metric(i, "gone"), 0, "gone")
    finally:
        net.cluster.start(leader)
    net.agree(net.cluster.delete(*keys))
    net.nothing_lost()


def fresh_boot(net, i):
    """A selector that knows nothing but its file."""
    sel = net[f"sel{i}"]
    net.followers[i].end()
    for route in site.address(i), site.RACE, f"fc00:a:{i}::1":
        sel.later(f"route del {route}")
    for name in SERVICES:
        sel.later(f"manycast service del {name}")
    sel.flush()
    net.follow(i)
    net.wait(lambda: net.weights(i, "web") and net.weights(i, "race"),
             f"sel{i} has what it had")
    net.routes(i)


@case
def etcd_is_away(net):
    """One member is left, which cannot know what is so."""
    net.talk()
    before = net.configuration(1)
    said = net.followers[1].text().count(STALE)
    leader = net.cluster.leader()
    others = [name for name in site.MEMBERS if name != leader]
    net.cluster.kill(leader, others[0])
    try:
        for i in SELECTORS:
            net.wait(lambda i=i: net.metric(i, "stale"), "it is stale")
        equal(net.configuration(1), before, "what stays")
        net.nothing_lost()
        fresh_boot(net, 2)
        equal(net.configuration(2), before, "what the file has")
        net.same_candidates()
        net.talk()
        true(any(f"STATUS={STALE}: http" in text for text in net.notified),
             "systemd knows")
        equal(net.followers[1].text().count(STALE), said + 1,
              "times that it says so")
    finally:
        net.cluster.start(leader)
        net.cluster.start(others[0])
    for i in SELECTORS:
        net.wait(lambda i=i: not net.metric(i, "stale"), "etcd is back")
    # Whose lease has not been kept meanwhile still has it.
    time.sleep(TTL)
    equal([net.configuration(i) for i in SELECTORS], [before, before],
          "afterwards")
    net.agree(net.cluster.put({instance("web", sid(1, 999)): ""}))
    net.agree(net.cluster.delete(instance("web", sid(1, 999))))
    net.nothing_lost()


@case
def an_empty_etcd(net):
    """It is new, perhaps, and does not end the site."""
    net.cluster.delete(*map(service, SERVICES))
    net.wait(lambda: net.metric(1, "stale"), "it is stale")
    net.followers[1].says("etcd has no service")
    equal(len(net.weights(1)), len(SERVERS), "instances")
    net.agree(net.cluster.put({service(name): words
                               for name, words in SERVICES.items()}))
    net.wait(lambda: not net.metric(1, "stale"), "it is not stale")


if __name__ == "__main__":
    site.run(CASES)
