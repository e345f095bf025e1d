#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 40
"""Loading and unloading, and the kernel's own behaviours, which do not notice.
What cannot be done is refused, and nothing has been written then.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time

from lib import ktap, netns
from lib.modules import (MODDIR, MODULES, ROUNDS, load, refused, symbol, unload,
                         where, with_modules)
from lib.standard import Flood, Stock


@with_modules
def standard_behaviours_go_on():
    """Routes from before loading, from between and of after unloading; not a
    packet is lost when the modules come and go.
    """
    unload(*MODULES)
    stock = Stock()
    try:
        stock.works()
        for round_ in range(3):
            with Flood(stock):
                load()
            if round_ % 2:
                stock.behaviours("replace")
            stock.works()
            shown = stock.hosts[1].ip("-6 route show")
            with Flood(stock):
                unload(*MODULES)
            stock.works()
            ktap.equal(stock.hosts[1].ip("-6 route show"), shown, "routes")
        load()
        stock.behaviours("del")
        stock.behaviours("add")
        unload(*MODULES)
        stock.works()
        stock.behaviours("del")
    finally:
        stock.close()


class Churn:
    """Routes with behaviours of both kinds come and go on a CPU of their own,
    while the block runs. Those of ours are refused while nobody knows them,
    the kernel's own never.
    """

    STANDARD = ("End", "End.DT6 table 254", "End.DX6 nh6 fd00::2",
                "End.B6.Encaps srh segs fc00:c::1")
    OURS = ("End.MAnycast", "End.MAnycast.S", "End.MAnycast.C",
            "H.MAnycast sid fc00:c::1")

    def __init__(self, cpu):
        self.ns = netns.Netns(f"churn{cpu}")
        self.ns.later("link add net type dummy")
        self.ns.later("link set net up")
        self.ns.flush()
        self.cpu, self.stopped = cpu, threading.Event()
        self.times = 0
        self.standard = self._lines("a", self.STANDARD)
        self.ours = self._lines("b", self.OURS)
        self.trouble = []

    @staticmethod
    def _lines(block, actions):
        routes = [f"fc00:{block}::{i:x} encap seg6local action {action} dev net"
                  for i, action in enumerate(actions, 1)]
        return "".join(f"route {verb} {route}\n"
                       for verb in ("add", "replace", "del")
                       for route in routes)

    def _batch(self, lines, *options):
        return subprocess.run(["taskset", "-c", str(self.cpu), "ip", "-n",
                               self.ns.name, *options, "-batch", "-"],
                              input=lines, text=True, check=False,
                              capture_output=True)

    def _run(self):
        # Between two batches there is no route, so that rmmod has a chance.
        while not self.stopped.wait(0.1):
            self._batch(self.ours, "-force")
            done = self._batch(self.standard)
            if done.returncode:
                self.trouble.append(done.stderr)
            self.times += 1

    def __enter__(self):
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        left = [route for route in self.ns.ip("-6 route show").splitlines()
                if "seg6local" in route]
        self.ns.remove()
        ktap.equal(self.trouble, [], "standard behaviours refused")
        ktap.equal(left, [], "routes left")
        # They run in turn with the loading, on a processor that others use.
        ktap.true(4 * self.times > ROUNDS,
                  f"routes churned {self.times} times")


@with_modules
def modules_come_and_go_under_stress():
    """No standard behaviour loses a packet for it."""
    unload(*MODULES)
    stock = Stock()
    since = time.monotonic()
    try:
        with contextlib.ExitStack() as churns:
            for cpu in os.sched_getaffinity(0):
                churns.enter_context(Churn(cpu))
            for left in range(ROUNDS, 0, -5):
                with Flood(stock):
                    for _ in range(min(left, 5)):
                        load()
                        unload(*MODULES, pause=0.01)
                print(f"# {ROUNDS - left + min(left, 5)} times in "
                      f"{time.monotonic() - since:.1f} s", flush=True)
        stock.works()
    finally:
        stock.close()


@with_modules
def wrong_parameters():
    """The address is checked before anything is written."""
    module = os.path.join(MODDIR, "seg6_behavior.ko")
    unload(*MODULES)
    table = symbol("lwtun_encaps")
    for what, address in (("no address", 0x1000), ("kernel's end", 2**64 - 8),
                          ("a little beyond", table + 8),
                          ("the operations", symbol("seg6_local_ops")),
                          ("a function", symbol("lwtunnel_input"))):
        refused(what, "is not the address of lwtun_encaps", module,
                f"lwtun_encaps={address:#x}")
    refused("no number", "invalid for parameter `lwtun_encaps'", module,
            "lwtun_encaps=here")
    if not symbol("register_kprobe"):
        refused("no parameter", "give lwtun_encaps=0x", module)
    load()


@with_modules
def loaded_under_another_name():
    """The slot is taken: the second one says by whom, and leaves it alone."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "seg6_behaviox.ko")
        shutil.copy(os.path.join(MODDIR, "seg6_behavior.ko"), path)
        with open(path, "r+b") as f:
            octets = f.read().replace(b"seg6_behavior", b"seg6_behaviox")
            octets = octets.replace(b"seg6_local_behavior_",
                                    b"seg6_local_behaviox_")
            f.seek(0)
            f.write(octets)
        refused("a copy", "handles seg6local in place of the kernel", path,
                *where())
        ktap.true(not os.path.isdir("/sys/module/seg6_behaviox"), "loaded")
    ns = netns.Netns("after")
    ns.flush()
    ns.ip("-6 route add fc00::1 encap seg6local action End.MAnycast.S dev lo")
    ktap.true(re.search("action End.MAnycast.S", ns.ip("-6 route show")),
              "the first one works")
    ns.remove()


CASES = [standard_behaviours_go_on, modules_come_and_go_under_stress,
         wrong_parameters,
         loaded_under_another_name]


if __name__ == "__main__":
    ktap.run(CASES)
