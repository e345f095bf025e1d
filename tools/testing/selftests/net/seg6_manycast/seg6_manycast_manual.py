#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 5
"""Commands that README and the manual show are taken as they stand there."""

import os
import re
import tempfile
import textwrap

from lib import ktap, netns
from lib.ktap import true

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "../../../../..")
# Not what has brackets: that tells what may be said.
COMMAND = re.compile(r"(\$?ip|sysctl|nft) (?!.*[\[{])")
CASES = []


def blocks(text):
    """Indented lines, as far as no other text is between them."""
    return re.findall(r"(?:^(?: {2,}.*)?\n)+", text, re.M)


def commands(block):
    """What of a block is for a shell that knows our commands only."""
    script, document, goes_on = [], False, False
    for line in textwrap.dedent(block).splitlines():
        begins = COMMAND.match(line.lstrip())
        if not begins and not goes_on:
            continue
        script.append(line)
        document = "<<N" in line if begins else document and line != "N"
        goes_on = document or line.endswith("\\")
    return "\n".join(script)


def try_out(script):
    """On a host that has what other blocks of the page have made."""
    ns = netns.Netns("manual")
    try:
        ns.later("link add eth0 type dummy")
        ns.later("link set eth0 up")
        for name in ("web", "front"):
            if f"service add {name} " not in script:
                ns.later(f"manycast service add {name} sid fc00:f::1")
        ns.flush()
        with tempfile.TemporaryDirectory() as folder:
            ns.run(["sh", "-ec", "ip=ip\n" + script], cwd=folder)
    finally:
        ns.remove()


def page(name, path, least):
    """A case: all blocks of a file, which are so many at least."""
    def case():
        with open(os.path.join(TOP, path), encoding="utf-8") as f:
            scripts = [s for s in map(commands, blocks(f.read())) if s]
        true(len(scripts) >= least, f"{len(scripts)} blocks of commands")
        for script in scripts:
            try_out(script)
    case.__name__ = name
    CASES.append(case)


page("readme", "README", 4)
page("manual", "Documentation/networking/seg6_manycast.rst", 10)
page("dyncast", "Documentation/networking/dyncast.rst", 5)

ktap.run(CASES)
