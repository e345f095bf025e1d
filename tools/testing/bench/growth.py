# SPDX-License-Identifier: GPL-2.0
"""What is measured again as something grows, and the memory of each thing."""

import packets
import spaces
from plan import compare, prepare, run

SIZES = {"bursts": 8, "burst": 32, "rounds": 4}
CANDIDATES = ("random", "hash", "least")
MANY = 20000  # enough that the slabs' spare objects do not count


def handshakes(count, ipvs=True):
    """So many are open when those that are measured begin."""
    hosts = {"selector": spaces.selector(2)}
    before = [prepare("SYN", "selector", 2, packets.syn(), count)]
    runs = [run("SYN", "selector", 2, packets.syn()),
            run("SYN-ACK", "selector", 1, packets.synack(1))]
    if ipvs:
        hosts["ipvs"] = spaces.ipvs(2)
        before.append(prepare("ipvs", "ipvs", 1, packets.syn(None), count))
        runs.append(run("ipvs", "ipvs", 1, packets.syn(None)))
    return {"name": f"handshakes-{count}", "first": count, "x": count,
            "parameters": {"ip_vs": "conn_tab_bits=20"}, "spaces": hosts,
            "prepare": before, "runs": runs, **SIZES}


def instances(count):
    """A service has so many; two of them are asked."""
    hosts, runs = {}, []
    for how in CANDIDATES:
        hosts[how] = spaces.selector(
            count, settings=f"candidates {how} fanout 2")
        runs.append(run(how, how, 2, packets.syn()))
    hosts["idle"] = spaces.selector(2, idle=count - 2)
    runs += [run("SYN", "idle", 2, packets.syn()),
             run("SYN-ACK", "idle", 1, packets.synack(1)),
             run("second SYN-ACK", "idle", 1, packets.synack(2))]
    return {"name": f"instances-{count}", "x": count, "spaces": hosts,
            "runs": runs, **SIZES}


def services(count):
    """So many services, each with an address and two instances."""
    many = packets.syn(services=count)
    return {"name": f"services-{count}", "x": count, "spaces": {
        "selector": spaces.selector(2, services=count)},
        "runs": [run("SYN", "selector", 2, many),
                 run("SYN-ACK", "selector", 1,
                     packets.synack(1, services=count))], **SIZES}


def memory():
    """Slabs before and after each step, for one handshake or connection."""
    hosts = {"selector": spaces.selector(2, settings="candidates all "
                                         "tombstone 4000"),
             "ipvs": spaces.ipvs(2)}
    steps = [
        prepare("handshake", "selector", 2, packets.syn(), MANY),
        prepare("tombstone", "selector", 1, packets.synack(1), MANY),
        prepare("established", "selector", 0, packets.synack(1), MANY,
                wait=8),
        prepare("IPVS", "ipvs", 1, packets.syn(None), MANY)]
    return {"name": "memory", "spaces": hosts, "memory": steps, "runs": [],
            "bursts": 1, "burst": 1, "rounds": 0}


def processors():
    """New handshakes, and data of the edge, on one processor and on two."""
    hosts = {"forward": spaces.forward(), "selector": spaces.selector(2),
             "edge": spaces.edge()}
    flows = 256
    before = [
        prepare("SYN", "edge", 1, packets.syn(None), flows),
        prepare("SYN-ACK", "edge", 0, packets.to_edge(1), flows, dev="out"),
        prepare("ACK", "edge", 1, packets.data(1, 0), flows)]
    return {"name": "processors", "spaces": hosts, "prepare": before,
            "runs": [],
            "at_once": [
                run("forward", "forward", 1, packets.syn(None)),
                run("SYN", "selector", 2, packets.syn()),
                run("H.MAnycast", "edge", 1, packets.data(1, 0, mod=flows))],
            "bursts": 100, "burst": 32, "rounds": 10}


def sweeps():
    """By name; each is a list of experiments with a growing "x"."""
    return {
        "handshakes": [handshakes(n) for n in (1000, 10000, 100000, 1000000)],
        "instances": [instances(n) for n in (4, 10, 100, 1000)],
        "services": [services(n) for n in (1, 10, 100, 1000)],
    }


def flat(name, steps):
    """Goals: each run of a sweep's last step beside its first."""
    return [compare(f"{run_['label']}, {steps[-1]['x']} {name} beside "
                    f"{steps[0]['x']}", run_["label"], run_["label"],
                    None if run_["label"] == "ipvs" else 1.3)
            for run_ in steps[0]["runs"]]
