# SPDX-License-Identifier: GPL-2.0
"""BIRD 2 in a namespace, and the hooks that tell it what to announce."""

import contextlib
import os
import shutil
import signal

from . import ktap
from .ktap import wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
ANNOUNCE = os.path.abspath(os.path.join(HERE, "../../../../../announce"))


def needed():
    if not shutil.which("bird"):
        raise ktap.Skip("no bird: tools/setup/packages check installs it")


class Bird:
    """Runs from start() to kill(), with files of its own in a directory."""

    def __init__(self, ns, directory, config):
        self.ns, self.process = ns, None
        self.base = os.path.join(directory, f"bird-{ns.name}")
        self.control = self.base + ".ctl"
        with open(self.base + ".conf", "w", encoding="ascii") as f:
            f.write(config)

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.control)
        with open(self.base + ".log", "a", encoding="utf-8") as log:
            self.process = self.ns.start(
                ["bird", "-f", "-c", self.base + ".conf", "-s", self.control,
                 "-P", self.base + ".pid"], stdout=log, stderr=log)

    def birdc(self, words):
        return self.ns.run(f"birdcl -s {self.control} {words}")

    def kill(self):
        self.process.kill()
        self.process.wait()


def neighbour(name, address, number, channel, here=65000):
    """A protocol of a router for one who speaks BGP with it."""
    return f"""
protocol bgp to_{name} {{
	local as {here};
	neighbor {address} as {number};
	connect delay time 1;
	connect retry time 2;
	error wait time 1, 2;
	hold time 9;
	ipv6 {{ {channel} }};
}}
"""


def router(number, neighbours, routes=()):
    """Configuration of a router, which uses all paths that are equally good.

    routes   that it knows without being told, as pairs of prefix and next hop
    """
    static = "".join(f"\troute {prefix} via {via};\n" for prefix, via in routes)
    return f"""
router id 192.0.2.{number};
protocol device {{ }}
protocol direct {{ ipv6; }}
protocol static {{
	ipv6;
{static}}}
protocol kernel {{
	merge paths on;
	ipv6 {{
		import none;
		export where source != RTS_DEVICE;
	}};
}}
{"".join(neighbours)}"""


def node(number, **constants):
    """Configuration of a selector or hasher: the one that is documented."""
    lines = [f"define {name.upper()} = {value};\n"
             for name, value in constants.items()]
    return (f"router id 192.0.2.{number};\n{''.join(lines)}"
            f'include "{ANNOUNCE}/bird.conf";\n')


class Hook:
    """A program of tools/announce in a namespace, and what it says."""

    def __init__(self, bird, name, *words):
        self.log = f"{bird.base}.{name}.log"
        with open(self.log, "w", encoding="ascii") as log:
            self.process = bird.ns.start(
                [f"{ANNOUNCE}/seg6-manycast-{name}", *words],
                stdout=log, stderr=log)

    def text(self):
        with open(self.log, encoding="ascii") as f:
            return f.read()

    def last(self, want):
        """Wait until the last that it has said has this in it."""
        wait_for(lambda: want in "".join(self.text().splitlines()[-1:]),
                 f"the hook says {want!r}", 10)

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def stop(self):
        """Returns its exit status; SIGTERM, or it had ended."""
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal()
        return self.process.wait(30)


def announce(bird, address, *options):
    """The hook that has this BIRD announce what serves the address."""
    return Hook(bird, "announce", "--socket", bird.control, *options, address,
                "manycast")
