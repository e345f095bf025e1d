# SPDX-License-Identifier: GPL-2.0
"""What is measured, beside what, and what we would like to see.

An experiment is a dictionary for the guest: spaces, what prepares them, and
the runs that are interleaved. Its "compare" is for the report: a title, the sum
of runs that is measured (label: factor), the sum that it is compared to, and
the goal for their ratio.
"""

import packets
import spaces
from lib.topology import EDGE_SID, SEL_SID, sid

FLOWS = 256  # established ones, in turn
SERVERS = 16
FANOUTS = (1, 2, 4, 8)
CONN_TAB_BITS = (12, 20)


def run(label, space, sent, template, **more):
    """sent: packets that leave through "out" for each that comes in."""
    return {"label": label, "space": space, "sent": sent, **template, **more}


def prepare(label, space, sent, template, count, **more):
    """The same before the rounds, for the first so many packets."""
    return run(label, space, sent, template, count=count, **more)


def compare(title, measured, beside, goal=None, bound=None):
    """goal: for the ratio, or None. bound: what fails in the short version,
    where a goal is missed today; else a tenth more than the goal.
    """
    def factors(sum_):
        return {sum_: 1} if isinstance(sum_, str) else sum_

    return {"title": title, "measured": factors(measured),
            "beside": factors(beside), "goal": goal,
            "bound": bound or (goal and 1.1 * goal)}


def random(k):
    return f"candidates random fanout {k}"


def syn():
    """One SYN, by how many copies are sent of it."""
    plain, aware = packets.syn(None), packets.syn()
    hosts = {"forward": spaces.forward(),
             "encap": spaces.encap([sid(1), SEL_SID, EDGE_SID]),
             "ipvs": spaces.ipvs(SERVERS),
             "bare": spaces.selector(SERVERS, settings=random(1))}
    runs = [run("forward", "forward", 1, plain, octets=len(plain["packet"])
                // 2), run("encap", "encap", 1, plain),
            run("ipvs", "ipvs", 1, plain), run("bare", "bare", 1, plain)]
    for k in FANOUTS:
        hosts[f"k{k}"] = spaces.selector(SERVERS, settings=random(k))
        runs.append(run(f"k={k}", f"k{k}", k, aware))
    goals = [compare("SYN, k = 1, beside IPVS, 12 bits", "k=1", "ipvs", 1.0),
             compare("bare SYN, k = 1, beside IPVS, 12 bits", "bare", "ipvs",
                     1.0, bound=1.2),
             compare("SYN, k = 1, beside encap seg6", "k=1", "encap"),
             compare("SYN, k = 1, beside forwarding", "k=1", "forward")]
    for less, more in zip(FANOUTS, FANOUTS[1:]):
        share = 1 / (more - less)
        goals.append(compare(
            f"each copy from k = {less} to {more}, beside encap seg6",
            {f"k={more}": share, f"k={less}": -share}, "encap", 1.2))
    return {"name": "syn", "spaces": hosts, "runs": runs, "compare": goals}


def syn_20():
    """IPVS with a larger table; its size is set when the module loads."""
    return {"name": "syn-20",
            "parameters": {"ip_vs": "conn_tab_bits=20"},
            "spaces": {"ipvs": spaces.ipvs(SERVERS),
                       "k1": spaces.selector(SERVERS, settings=random(1))},
            "runs": [run("ipvs", "ipvs", 1, packets.syn(None)),
                     run("k=1", "k1", 1, packets.syn())],
            "compare": [compare("SYN, k = 1, beside IPVS, 20 bits", "k=1",
                                "ipvs", 1.0)]}


def synack():
    """Each server's answer in turn; the first one wins."""
    hosts = {"mainline": spaces.dt6_encap(), "bare": spaces.selector(1)}
    runs = [run("mainline", "mainline", 1, packets.synack(1, left=0)),
            run("SYN bare", "bare", 1, packets.syn(None)),
            run("bare", "bare", 1, packets.synack(1, edge=None))]
    goals = [compare("SYN-ACK to a client without an edge", "bare",
                     "mainline", 1.5)]
    for k in (1, 2, 4):
        hosts[f"k{k}"] = spaces.selector(k)
        runs.append(run(f"SYN k={k}", f"k{k}", k, packets.syn()))
        runs += [run(f"{i} of {k}", f"k{k}", 1, packets.synack(i))
                 for i in range(1, k + 1)]
        goals.append(compare(
            f"SYN-ACK, mean of k = {k}: decision, emission, RST",
            {f"{i} of {k}": 1 / k for i in range(1, k + 1)}, "mainline", 1.5))
    goals.append(compare("the winner's alone", "1 of 2", "mainline", 1.5))
    goals.append(compare("a loser's alone", "2 of 2", "mainline", 1.5))
    return {"name": "synack", "spaces": hosts, "runs": runs,
            "compare": goals}


def edge(size):
    """Data from a client to its server, at its gateway."""
    data = packets.data(1, size, mod=FLOWS)
    octets = len(data["packet"]) // 2 + 40
    return {"name": f"edge-{size}", "spaces": {
        "encap": spaces.encap([sid(1)]), "edge": spaces.edge()},
        "prepare": [
            prepare("SYN", "edge", 1, packets.syn(None), FLOWS),
            prepare("SYN-ACK", "edge", 0, packets.to_edge(1), FLOWS,
                    dev="out"),
            prepare("ACK", "edge", 1, packets.data(1, 0), FLOWS)],
        "runs": [run("encap", "encap", 1, data),
                 run("H.MAnycast", "edge", 1, data, octets=octets)],
        "compare": [compare(f"H.MAnycast beside encap seg6, {size} octets",
                            "H.MAnycast", "encap", 1.15)]}


def server(size):
    """Data from an edge, at the server: to a socket that drops it, and
    forwarded.
    """
    runs, goals = [], []
    for i, what, sent in ((1, "delivered", 0), (2, "forwarded", 1)):
        data = packets.data_to_server(i, size, mod=FLOWS)
        runs += [run(f"End.DT6 {what}", "dt6", sent, data, dev="out"),
                 run(f"End.MAnycast.S {what}", "server", sent, data,
                     dev="out")]
        goals.append(compare(
            f"End.MAnycast.S beside End.DT6, {what}",
            f"End.MAnycast.S {what}", f"End.DT6 {what}", 1.05))
    return {"name": f"server-{size}", "spaces": {
        "dt6": spaces.server("End.DT6"),
        "server": spaces.server("End.MAnycast.S")},
        "prepare": [prepare("SYN", "server", 0, packets.syn_to_server(1),
                            FLOWS)],
        "runs": runs, "compare": goals}


def tax():
    """What others pay for our modules being loaded."""
    kinds = {"End": packets.through("fc00:9::e", 0),
             "End.DX6": packets.decapsulated("fc00:9::6", 0),
             "encap seg6": packets.data(1, 0)}
    runs = [run(f"{name}, {'with' if loaded else 'without'}", "standard", 1,
                template, modules=loaded)
            for loaded in (False, True) for name, template in kinds.items()]
    return {"name": "tax", "modules": False,
            "spaces": {"standard": spaces.standard()}, "runs": runs,
            "compare": [compare(f"{name} with the modules, beside without",
                                f"{name}, with", f"{name}, without", 1.01)
                        for name in kinds]}


def every_day(short):
    """All that has a goal for a packet."""
    found = [syn(), synack(), edge(0), edge(1000), server(1000), tax()]
    if not short:
        found.insert(1, syn_20())
    rounds = 3 if short else 6
    return [{"rounds": rounds, "bursts": 8, "burst": 32, **e} for e in found]
