#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 25
# size: large
"""What a new connection waits for when a server has just died without a word,
in three parts: until somebody alive has answered, for the selector's decision,
and for the first packet with data. Real sockets, and a capture at r1.
"""

import collections
import contextlib
import os
import statistics

from lib import banner, ktap
from lib.capture import Capture
from lib.ktap import equal, true
from lib.topology import SEL_SID, SERVICE, Topology, sid

PORT = 7000
SERVERS = 3
MANY = 12 if ktap.SLOW else 40
# Of those, when the machine itself was elsewhere for a second.
STALLED = 1
HOSTS = "unaware", "client"
PARTS = "detection", "decision", "first packet"
SYN, SYNACK = 0x02, 0x12
# Neither a word nor a link that is down: its power is cut.
DEAD = """
table ip6 dead {
    chain forward {
        type filter hook forward priority 0;
        iifname "s1" drop
        oifname "s1" drop
    }
}
"""
RACE = "fanout 2 candidates random policy rtt timeout 10000"
HOLD = 10               # ms
HELD = f"fanout 2 candidates random policy load hold {HOLD} timeout 10000"
# The next SYN of a client is another race.
ALONE = "fanout 1 candidates random policy rtt timeout 300"


class Connection:
    """When what happened, as the capture at r1 has it.

    syns    how many of the client's
    asked   the SIDs that its copies went to
    parts   seconds: until somebody answers, until the selector has decided,
            until there is data
    """

    def __init__(self, packets):
        own = [p for p in packets if p.link != "sel"]
        at_sel = [p for p in packets if p.link == "sel"]
        self.syns = sum(p.flags == SYN for p in own)
        self.asked = {p.ip[0].text("ipv6.dst") for p in at_sel
                      if p.flags == SYN and self._outer_source(p) == SEL_SID}
        synacks = [p for p in at_sel if p.flags == SYNACK]
        answer = next(p.time for p in synacks
                      if self._outer_source(p) not in (SEL_SID, SERVICE))
        decision = next(p.time for p in synacks
                        if self._outer_source(p) in (SEL_SID, SERVICE))
        data = next(p.time for p in own if p.tcp.number("tcp.len"))
        self.parts = (answer - at_sel[0].time, decision - answer,
                      data - decision)

    @staticmethod
    def _outer_source(packet):
        return packet.ip[0].text("ipv6.src")


class Site(Topology):
    """The topology, and a server on each of its hosts that says its name.

    ends    the clients' addresses and ports, by scenario and host
    """

    def __init__(self):
        super().__init__(SERVERS, nginx=False, delays=[1] * SERVERS)
        self.add_unaware()
        self.loop = banner.Loop()
        self.listeners = [banner.Server(self.loop, self.server(i), f"s{i}",
                                        SERVICE, PORT)
                          for i in range(1, SERVERS + 1)]
        self.ends = {}

    def connect(self, host):
        """Returns the client's address and port."""
        client = banner.Client(self.loop, self.hosts[host], SERVICE, PORT)
        true(self.loop.run(lambda: client.name or client.error,
                           20 * ktap.TIME_FACTOR) and client.name,
             f"{client} has a server")
        client.abort()
        return client.local[:2]

    def suspects(self):
        return [i["sid"] for i in self.sel.instances()
                if i["state"] == "suspect"]

    @contextlib.contextmanager
    def without_s1(self, words):
        """The service set so, and s1 dead."""
        self.sel.ip(f"manycast service set web {words}")
        self.sel.ip(f"manycast instance set service web sid {sid(1)} state up")
        for host in HOSTS:
            self.connect(host)
        self.r2.run("nft -f -", input=DEAD)
        yield
        self.r2.run("nft delete table ip6 dead")

    def play(self, scenario, words):
        """Connections one after the other, from s1's death on."""
        with self.without_s1(words):
            for host in HOSTS:
                self.ends[scenario, host] = [self.connect(host)
                                             for _ in range(MANY)]

    def play_until_suspect(self):
        with self.without_s1(ALONE):
            ends = self.ends["alone", "unaware"] = []
            while not self.suspects():
                true(len(ends) < 100, "s1 is suspect before long")
                ends.append(self.connect("unaware"))
            self.ends["suspected", "unaware"] = [self.connect("unaware")
                                                 for _ in range(MANY)]


def play(site):
    """All scenarios, and what was captured of them."""
    capture = Capture({site.r1: ["sel", "unaware", "edge"]},
                      os.environ.get("ARTIFACTS", site.dir))
    site.play("race", RACE)
    site.play("held", HELD)
    equal(site.suspects(), [], "suspects, as no race is over")
    site.play_until_suspect()
    capture.stop()
    return capture.packets()


def by_client(packets):
    """The packets of each connection, by its client's address and port."""
    found = collections.defaultdict(list)
    for p in packets:
        if p.tcp:
            ends = [(p.ip[-1].text(f"ipv6.{end}"),
                     p.tcp.number(f"tcp.{end}port")) for end in ("src", "dst")]
            ends.remove((SERVICE, PORT))
            found[ends[0]].append(p)
    return found


_times = {}


def times(scenario, host):
    """The connections of a scenario. It is all played at once, as tshark takes
    longest.
    """
    if not _times:
        with Site() as site:
            found = by_client(play(site))
            for key, ends in site.ends.items():
                _times[key] = [Connection(found[end]) for end in ends]
    return _times[scenario, host]


def tell(what, connections):
    print(f"# {what}, {len(connections)} connections, ms:")
    columns = list(zip(*(c.parts for c in connections)))
    for name, column in zip(PARTS, columns):
        print(f"#   {name:<13} median {1000 * statistics.median(column):.2f}, "
              f"longest {1000 * max(column):.2f}")


def at_once(connections):
    """By their first SYN."""
    again = sum(c.syns > 1 for c in connections)
    print(f"# {again} of {len(connections)} clients sent their SYN again")
    true(again <= STALLED, "nobody waits")


def nobody_waits(scenario):
    """Not even those whose SYN a dead server got, too."""
    for host in HOSTS:
        met = [c for c in times(scenario, host) if sid(1) in c.asked]
        tell(f"{scenario}, {host}, dead one asked", met)
        true(len(met) > MANY // 4, f"some have met it: {len(met)}")
        at_once(times(scenario, host))


def in_a_race_of_two_nobody_waits():
    nobody_waits("race")


def who_waits_for_more_answers_waits_no_longer_than_hold():
    nobody_waits("held")
    for host in HOSTS:
        longest = max(c.parts[1] for c in times("held", host))
        true(longest < (HOLD / 1000 + 0.1) * ktap.TIME_FACTOR,
             f"{longest} s until the decision")


def without_a_race_some_wait():
    """For their own next SYN, and until three were lost; then nobody does."""
    met = [c for c in times("alone", "unaware") if sid(1) in c.asked]
    tell("alone, dead one asked", met)
    true(met, "some have met it")
    true(all(c.syns > 1 for c in met), "they wait")
    at_once(times("suspected", "unaware"))


if __name__ == "__main__":
    ktap.run([in_a_race_of_two_nobody_waits,
              who_waits_for_more_answers_waits_no_longer_than_hold,
              without_a_race_some_wait])
