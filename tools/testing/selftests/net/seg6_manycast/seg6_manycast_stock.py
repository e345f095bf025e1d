#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 25
"""A server without our module: End.DT6, nft and `encap seg6` instead.

s3 is the stock server. Its SYN-ACK is marked on its way out, and what is
marked is encapsulated to the selector's SID from the address that the
selector's instance has as `addr`. s1 and s2 are servers with the module.
"""

import filecmp
import os
import platform
import sys

from lib import ktap
from lib.capture import Tcpdump
from lib.ktap import Skip, equal, true, wait_for
from lib.topology import SEL_SID, SERVICE, Topology, sid

SOURCE = "fc00:5:3::ff"
SYN_RECV = "03"
SYNACK = "tcp flags & (fin|syn|rst|ack) == syn|ack"
RST = "tcp flags & (syn|rst|ack) == rst|ack"
# End.DT6 of 6.12 does not deliver what had a Hop-by-Hop header in front.
NO_TRACE = platform.release().startswith("6.12.")

T = Topology(servers=3, stock=(3,), service="nodes 0" if NO_TRACE else "")


def mark(ns, condition):
    ns.run(["nft", "add rule ip6 manycast out ip6 saddr "
            f"{SERVICE} {condition} meta mark set 0x4d41"])


def configure(ns):
    """All that a stock server needs."""
    ns.later(f"addr add {SERVICE}/128 dev lo nodad")
    ns.later(f"addr add {SOURCE}/128 dev lo nodad")
    ns.later("route add default via fd00:5:3::1")
    ns.later(f"route add {sid(3)}/128 encap seg6local action End.DT6 "
             "table local dev r2")
    ns.later(f"sr tunsrc set {SOURCE}")
    ns.later(f"route add default table 100 encap seg6 mode encap "
             f"segs {SEL_SID} via fd00:5:3::1 dev r2")
    ns.flush()
    ns.ip(f"-6 rule add fwmark 0x4d41 from {SERVICE} lookup 100 pref 100")
    ns.run(["nft", "table ip6 manycast { chain out { type route hook output "
            "priority mangle; policy accept; }; }"])
    mark(ns, SYNACK)


def set_up():
    configure(T.server(3))
    T.sel.ip(f"manycast instance del service web sid {sid(3)}")
    T.sel.ip(f"manycast instance add service web sid {sid(3)} addr {SOURCE}")
    T.add_unaware()


def weights(*values):
    """Weights of s1, s2 and s3; 0 is not asked."""
    for i, value in enumerate(values, 1):
        T.sel.ip(f"manycast instance set service web sid {sid(i)} "
                 f"weight {value}")


def delays(*values):
    for i, ms in enumerate(values, 1):
        T.delay(i, ms)


def stats(i):
    """What the selector counts for server i."""
    return next(instance["stats"] for instance in T.sel.instances()
                if instance["sid"] == sid(i))


def half_open(i):
    """SYN-RECEIVED sockets of server i."""
    with T.server(i), open("/proc/net/tcp6", encoding="ascii") as f:
        return sum(line.split()[3] == SYN_RECV for line in f)


def the_only_server():
    weights(0, 0, 1)
    before = stats(3)
    for host in ("client", "own", "unaware"):
        equal(T.curl(host), "s3", f"who answers {host}")
    equal(stats(3)["won"], before["won"] + 3, "won")
    equal(stats(3)["no_telemetry"], before["no_telemetry"],
          "SYN-ACKs without the trace that was asked for")


def none_of_ours_runs_there():
    routes = T.server(3).ip("-6 route show table all")
    true("End.DT6" in routes and "MAnycast" not in routes, routes)
    equal([name for name, count in T.server(3).stats().items() if count], [],
          "counters")


def bulk_past_the_selector():
    weights(0, 0, 1)
    selector = Tcpdump(T.r1, "sel", "ip6 and not icmp6", T.dir)
    source = T.file("source", 5_000_000)
    target = os.path.join(T.dir, "files", "target")
    T.curl(path="/target", timeout=20, more=["-T", source])
    true(filecmp.cmp(source, target, False), "upload is whole")
    T.curl(path="/source", timeout=20, more=["-o", target])
    true(filecmp.cmp(source, target, False), "download is whole")
    wait_for(lambda: len(selector.lines()) >= 8, "two handshakes")
    equal([line for line in selector.lines() if "Flags [S" not in line], [],
          "data at the selector")
    selector.stop()


def wins_by_round_trip_time():
    weights(1, 1, 1)
    delays(40, 60, 0)
    silent = stats(3)["no_telemetry"]
    for host in ("client", "own", "unaware"):
        before = T.sel.service()["stats"]["reset"]
        equal(T.curl(host), "s3", f"who answers {host}")
        wait_for(lambda n=before: T.sel.service()["stats"]["reset"] == n + 2,
                 "losers reset")
    for i in (1, 2):
        wait_for(lambda n=i: not half_open(n), f"no half-open socket on s{i}")
    equal(stats(3)["no_telemetry"], silent + (0 if NO_TRACE else 3),
          "SYN-ACKs without the trace that was asked for")


def loses_and_is_reset():
    weights(1, 1, 1)
    delays(0, 40, 60)
    for host in ("client", "own", "unaware"):
        before = stats(3)["reset"]
        equal(T.curl(host), "s1", f"who answers {host}")
        wait_for(lambda n=before: stats(3)["reset"] == n + 1, "s3 reset")
        wait_for(lambda: not half_open(3), "no half-open socket")


def no_telemetry_is_worst():
    """Nearest, but it does not tell how long it takes."""
    if NO_TRACE:
        raise Skip("no trace with End.DT6 of this kernel")
    weights(1, 0, 1)
    delays(40, 0, 0)
    T.sel.ip("manycast service set web policy residence hold 2000 "
             "timeout 5000")
    equal(T.curl(), "s1", "who answers")
    T.sel.ip("manycast service set web policy rtt")
    equal(T.curl(), "s3", "who answers, by round-trip time")
    delays(0, 0, 0)


def refuses():
    """Its RST is an answer, once a rule marks it, too."""
    mark(T.server(3), RST)
    weights(0, 0, 1)
    for host, resets in (("client", 1), ("own", 2)):
        refused = T.hosts[host].run(
            ["curl", "-gsS", "-m", "10", f"http://[{SERVICE}]:81/"],
            check=False)
        equal(refused.returncode, 7, f"curl says: {refused.stderr}")
        equal(T.sel.service()["stats"]["all_refused"], resets, "relayed")
    equal(stats(3)["refused"], 2, "refused")


def refuses_while_another_accepts():
    T.nginx(1, 82)
    weights(1, 0, 1)
    delays(40, 0, 0)
    before = stats(3)["refused"]
    got = T.client.run(["curl", "-gsS", "-m", "10",
                        f"http://[{SERVICE}]:82/who"])
    equal(got.strip(), "s1", "who answers")
    equal(stats(3)["refused"], before + 1, "refused by s3")


def main():
    try:
        set_up()
        ktap.run([
            the_only_server,
            none_of_ours_runs_there,
            bulk_past_the_selector,
            wins_by_round_trip_time,
            loses_and_is_reset,
            no_telemetry_is_worst,
            refuses,
            refuses_while_another_accepts,
        ])
    finally:
        T.remove()


if __name__ == "__main__":
    sys.exit(main())
