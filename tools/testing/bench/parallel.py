# SPDX-License-Identifier: GPL-2.0
"""Inside: the same packets on several processors at once."""

import os
import struct
import time

import guest


def _child(pipe, cpu, start, inject):
    os.sched_setaffinity(0, {cpu})
    time.sleep(max(0, start - time.monotonic()))
    with os.fdopen(pipe, "wb") as f:
        for cycles, ns in inject():
            f.write(struct.pack("=QQ", cycles, ns))
    os._exit(0)


def at_once(space, what, cpus, first, bursts, burst):
    """Nanoseconds of each burst, for each processor; no flow is twice."""
    start = time.monotonic() + 0.3
    children = []
    for i, cpu in enumerate(cpus):
        begin = first + i * bursts * burst
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            _child(writer, cpu, start, lambda n=begin: space.inject(
                guest.RECEIVE, n, bursts, burst, what))
        os.close(writer)
        children.append((pid, reader))
    found = []
    for pid, reader in children:
        with os.fdopen(reader, "rb") as f:
            found.append([ns for _, ns in struct.iter_unpack("=QQ", f.read())])
        if os.waitpid(pid, 0)[1]:
            raise RuntimeError(f"{what['label']}: it failed on a processor")
    return found


def measure(plan, spaces):
    """For each run, round by round, on one processor and on all."""
    found = {what["label"]: {"one": [], "all": []} for what in plan["at_once"]}
    first, bursts, burst = 0, plan["bursts"], plan["burst"]
    everywhere = sorted(os.sched_getaffinity(0))
    for _ in range(plan["rounds"]):
        for what in plan["at_once"]:
            for name, cpus in (("one", everywhere[:1]), ("all", everywhere)):
                found[what["label"]][name].append(at_once(
                    spaces[what["space"]], what, cpus, first, bursts, burst))
                first += len(cpus) * bursts * burst
            guest.settle()
    return found
