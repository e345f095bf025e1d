# SPDX-License-Identifier: GPL-2.0
"""The modules, loaded and unloaded."""

import functools
import os
import subprocess

from . import ktap
from .klog import Klog

HERE = os.path.dirname(os.path.abspath(__file__))
LOAD = os.path.join(HERE, "../../../../vm/load-modules")
MODDIR = os.environ.get("MODDIR")
MODULES = "seg6_manycast", "seg6_behavior"
# How often they come and go.
ROUNDS = int(os.environ.get("ROUNDS", "10" if ktap.SLOW else "20"))


def loaded():
    return [m for m in MODULES if os.path.isdir(f"/sys/module/{m}")]


def references():
    with open("/sys/module/seg6_manycast/refcnt", encoding="ascii") as f:
        return int(f.read())


def command(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


def insert(module):
    done = command("insmod", os.path.join(MODDIR, module + ".ko"),
                   *(where() if module == "seg6_behavior" else ()))
    ktap.equal((done.returncode, done.stderr), (0, ""), f"insmod {module}")


def load():
    for module in reversed(MODULES):
        insert(module)


@functools.cache
def symbol(name_):
    """The address of a symbol of the kernel, which does not move."""
    with open("/proc/kallsyms", encoding="ascii") as f:
        for line in f:
            words = line.split()
            if words[2] == name_:
                return int(words[0], 16)
    return None


def where():
    """What seg6_behavior needs on a kernel without kprobes."""
    if symbol("register_kprobe"):
        return ()
    return (f"lwtun_encaps={symbol('lwtun_encaps'):#x}",)


def unload(*modules, timeout=20, pause=0.1):
    """As soon as the last packet and the last route have let go."""
    def gone():
        done = command("rmmod", *(m for m in modules if m in loaded()))
        return not done.returncode
    ktap.wait_for(gone, f"rmmod {modules}", timeout, pause)


def with_modules(function):
    """A case that loads and unloads; afterwards they are there as before."""
    def case():
        if not MODDIR:
            raise ktap.Skip("MODDIR does not say where the modules are")
        klog = Klog()
        try:
            function()
        finally:
            if loaded() != list(MODULES):
                done = command(LOAD, MODDIR)
                ktap.equal(done.returncode, 0, f"loading: {done.stderr}")
        klog.quiet()
        klog.close()
    case.__name__ = function.__name__
    return case


def refused(what, words, *args):
    """insmod fails and the log says why."""
    klog = Klog()
    done = command("insmod", *args)
    ktap.true(done.returncode, f"{what}: it was loaded")
    log = "\n".join(klog.read())
    klog.close()
    ktap.true(words in log, f"{what}: {words!r} is in the log: {log!r}")
    ktap.true("seg6_behavior" not in loaded()
              or os.path.basename(args[0]) != "seg6_behavior.ko", what)
