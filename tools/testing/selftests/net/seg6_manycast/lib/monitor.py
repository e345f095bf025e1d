# SPDX-License-Identifier: GPL-2.0
"""`ip manycast monitor` in a namespace, which listens from the beginning."""

import contextlib
import json
import subprocess
import threading
from datetime import datetime

from .ktap import TIME_FACTOR, wait_for

# Seconds for an event to come.
PATIENCE = 20


def listening(ns):
    """How many sockets here have joined a group of generic netlink?"""
    with ns, open("/proc/net/netlink", encoding="ascii") as f:
        return sum(line.split()[1] == "16" and int(line.split()[3], 16) != 0
                   for line in f.readlines()[1:])


class Monitor:
    """What it is told, by the line. Options are those of ip."""

    def __init__(self, ns, *options, words=()):
        before = listening(ns)
        self.process = subprocess.Popen(
            ["ip", "-n", ns.name, *options, "manycast", "monitor", *words],
            stdout=subprocess.PIPE, text=True)
        wait_for(lambda: listening(ns) > before, "it listens")

    def line(self):
        """The next one, or nothing when it has not come in time."""
        end = threading.Timer(PATIENCE * TIME_FACTOR, self.process.kill)
        end.start()
        try:
            return self.process.stdout.readline()
        finally:
            end.cancel()

    def event(self):
        """The next one, of JSON."""
        line = self.line()
        if not line:
            raise AssertionError("timed out: an event")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Log:
    """What has become of instances since it was made."""

    def __init__(self, ns):
        self.monitor, self.events = Monitor(ns, "-j", "-t"), []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        with contextlib.suppress(ValueError):
            for line in self.monitor.process.stdout:
                self.events.append(json.loads(line))

    def weights(self, service, sid, since=0):
        """(seconds, weight) whenever an instance got another weight, None for
        its removal; of events from that number on.
        """
        return [(datetime.fromisoformat(e["timestamp"]).timestamp(),
                 None if e["event"] == "del" else e["weight"])
                for e in self.events[since:] if e["object"] == "instance" and
                (e["service"], e["sid"]) == (service, sid)]

    def end(self):
        self.monitor.process.kill()
        self.reader.join()
        self.monitor.end()
