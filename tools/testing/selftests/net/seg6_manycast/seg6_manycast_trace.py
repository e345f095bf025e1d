#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 8
"""Tracepoints tell what happens to a handshake, and why a packet is dropped."""

import os
import re
import subprocess

from lib import ktap
from lib.ktap import equal, true, wait_for
from lib.selector import case, run
from lib.topology import CLIENT, SERVICE, Topology, sid
from lib.traffic import Server, ask, connect

TRACEFS = "/sys/kernel/tracing"
EVENTS = {"replicate", "answer", "decide", "reset", "learn", "steer", "drop"}
LINE = re.compile(r" (\w+): (netns=.*|skbaddr=.*)$")


def traceable():
    """Skip where the kernel has no tracepoints, as in User Mode Linux."""
    if os.path.isdir(TRACEFS) and not os.path.isdir(TRACEFS + "/events"):
        subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACEFS],
                       check=False)
    if not os.path.isdir(TRACEFS + "/events"):
        raise ktap.Skip("this kernel has no event tracing")


def write(name, text):
    with open(os.path.join(TRACEFS, name), "w", encoding="ascii") as f:
        f.write(text)


class Trace:
    """Our events, while the block runs, as pairs of a name and its fields."""

    def __enter__(self):
        traceable()
        write("trace", "")
        write("events/seg6_manycast/enable", "1")
        return self

    def __exit__(self, *_):
        write("events/seg6_manycast/enable", "0")

    def read(self):
        """All since the last time."""
        with open(TRACEFS + "/trace", encoding="ascii") as f:
            found = [LINE.search(line.rstrip("\n")) for line in f]
        write("trace", "")
        return [(m[1], dict(re.findall(r"(\w+)=(\S*)", m[2])))
                for m in found if m]


def of(s, a):
    """The fields of an attempt's flow."""
    return {"netns": str(os.stat(f"/run/netns/{s.sel.ns.name}").st_ino),
            "service": s.name, "client": f"[{a.client}]:{a.port}",
            "addr": f"[{s.address}]:80"}


def events():
    """There are those that the manual has, and no others."""
    traceable()
    found = {d.name for d in os.scandir(TRACEFS + "/events/seg6_manycast")
             if d.is_dir()}
    equal(found, EVENTS, "events")


@case()
def a_race(s):
    a = s.attempt()
    with Trace() as trace:
        a.connect()
        got = trace.read()
        equal([e.pop("nth") for _, e in got], ["1", "2", "3"], "one by one")
        equal(sorted(got, key=lambda event: event[1]["sid"]),
              [("replicate", of(s, a) | {"sid": sid(i), "of": "3"})
               for i in (1, 2, 3)], "who was asked")
        a.accept(2)
        (_, answer), (_, decision) = got = trace.read()
        rtt = answer["rtt"]
        true(0 < int(rtt) < 60000000, f"rtt of {rtt} us")
        equal(got, [
            ("answer", of(s, a) | {"sid": sid(2), "rtt": rtt,
                                   "residence": "-1", "load": "-1",
                                   "refused": "0"}),
            ("decide", of(s, a) | {"sid": sid(2), "rtt": rtt})], "decision")
        equal(decision["rtt"], rtt, "rtt of the winner")
        a.accept(1)
        equal([(name, e["sid"]) for name, e in trace.read()],
              [("answer", sid(1)), ("reset", sid(1))], "a loser")


@case(policy="load")
def what_servers_tell(s):
    a = s.attempt()
    with Trace() as trace:
        a.connect()
        trace.read()
        a.accept(1, residence=7, load=300)
        (name, e), = trace.read()
        equal((name, e["sid"], e["residence"], e["load"], e["refused"]),
              ("answer", sid(1), "7", "300", "0"), "telemetry")
        a.refuse(2)
        (name, e), = trace.read()
        equal((name, e["sid"], e["rtt"], e["refused"]),
              ("answer", sid(2), "0", "1"), "a refusal")


@case(candidates="hash")
def later_packets(s):
    known, lost = s.attempt(edge=None), s.attempt(edge=None)
    known.connect()
    known.accept(2)
    with Trace() as trace:
        equal(known.send(known.ack(2)), ["A to s2"], "sent to the server")
        equal(trace.read(), [("steer", of(s, known) |
                              {"sid": sid(2), "hunt": "0"})], "steered")
        lost.send(lost.ack(1))
        (name, e), = trace.read()
        equal((name, e["hunt"], e["client"]),
              ("steer", "1", of(s, lost)["client"]), "hunted")


@case()
def drops(s):
    a = s.attempt(edge=None)
    with Trace() as trace:
        a.send(a.from_server(1, a.synack(1), source="fc00:5:99::1"))
        a.send(a.ack(1))
        got = trace.read()
    for name, e in got:
        equal(name, "drop", "event")
        true(e.pop("skbaddr"), "which packet")
    service = of(s, a)
    answer = service | {"service": "", "source": "fc00:5:99::1",
                        "cause": "foreign", "client": service["addr"],
                        "addr": service["client"]}
    equal([e for _, e in got], [answer, service | {
        "source": CLIENT, "cause": "no_state"}], "fields")
    s.expect(drop_no_state=1, host={"drop_foreign": 1})


def an_edge():
    """Whose service has no name there."""
    traceable()
    with Topology(servers=1, nginx=False, prefix="trace-") as t, \
            Trace() as trace:
        server = Server(t.s1, SERVICE, "s1")
        with connect(t.client, SERVICE) as sock:
            equal(ask(sock), "s1", "who answers")
        ino = str(os.stat(f"/run/netns/{t.edge.name}").st_ino)
        seen = []

        def learnt_and_steered():
            seen.extend(e for e in trace.read() if e[1]["netns"] == ino)
            return {"learn", "steer"} <= {name for name, _ in seen}

        wait_for(learnt_and_steered, "it has learnt, and steered")
        server.kill()
    for name, e in seen:
        equal((e["service"], e["sid"]), ("", sid(1)), f"service, sid of {name}")
        true(e["client"].startswith(f"[{CLIENT}]:"), e["client"])


@case()
def nothing_unless_asked(s):
    with Trace():
        pass
    s.attempt().connect()
    with Trace() as trace:
        equal(trace.read(), [], "events of before")


if __name__ == "__main__":
    run([events, a_race, what_servers_tell, later_packets, drops, an_edge,
         nothing_unless_asked])
