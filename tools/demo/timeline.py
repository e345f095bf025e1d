# SPDX-License-Identifier: GPL-2.0
"""Hosts under load while things happen to them, most often two sites: what runs
inside User Mode Linux of `make demo TOPOLOGY=...`.

Says on stdout what happens, once a second how the load fares, as a line of
JSON, and at the end which promises were kept. Writes measured.json.
"""

import collections
import json
import os
import sys
import time

from load import Load
from sites import SERVICE, SITES, Sites

RATE = 5                # new connections of each client a second
HELD = 6                # connections that each client keeps
PAUSE = 0.25            # seconds between requests on one of them, on average
WARM_UP = 3             # seconds that do not count

# at     seconds since the beginning
# text   what happens
# do     function of the hosts that makes it happen
Step = collections.namedtuple("Step", "at text do")


def say(text):
    print(text, flush=True)


def site_of(server):
    """West of "west-s1"."""
    return server.partition("-")[0]


class Play:
    """A timeline: its steps, how long, and what came of it.

    hosts     what the steps are done to
    names     whose answers are counted, sites or servers
    look      function that is called each second, with this and the records
              of that second; what it returns is told and kept
    records   of the load, with times since the beginning
    events    when each step was done, and its text
    done      when each step had been done, by the time it was for
    failed    steps that could not be
    looks     what look() has returned
    """

    def __init__(self, hosts, steps, seconds, load, names=SITES,
                 look=lambda *_: {}):
        self.hosts, self.steps, self.seconds = hosts, list(steps), seconds
        self.load, self.names, self.look = load, names, look
        self.looks = []
        self.records, self.events, self.failed = [], [], []
        self.done = {}
        self.seen = 0

    def run(self):
        self.load.start()
        try:
            time.sleep(WARM_UP)
            self.seen = len(self.load.records)
            self.start = time.monotonic()
            for second in range(1, self.seconds + 1):
                while self.steps and self.steps[0].at < second:
                    self._step(self.steps.pop(0))
                time.sleep(max(self.start + second - time.monotonic(), 0))
                self._live()
        finally:
            self.load.stop()
        self._take()

    def now(self):
        return time.monotonic() - self.start

    def _step(self, step):
        time.sleep(max(self.start + step.at - time.monotonic(), 0))
        self.events.append((self.now(), step.text))
        say(json.dumps({"event": step.text, "at": self.now()}))
        try:
            step.do(self.hosts)
        except AssertionError as e:
            self.failed.append(f"{step.text}: {e}")
        self.done[step.at] = self.now()

    def _take(self):
        """Records that are new."""
        fresh = [r._replace(time=r.time - self.start)
                 for r in self.load.records[self.seen:]]
        self.seen += len(fresh)
        self.records += fresh
        return fresh

    def _live(self):
        fresh = self._take()
        line = {"at": self.now()}
        for name in self.names:
            mine = [r for r in fresh if not r.error and
                    site_of(r.server) == name]
            line[name] = {kind: sum(r.kind == kind for r in mine)
                          for kind in ("new", "held")}
        line["errors"] = sum(bool(r.error) for r in fresh)
        self.looks.append(self.look(self, fresh))
        say(json.dumps({"live": line | self.looks[-1]}))

    # What came of it.

    def errors(self, kind, but=lambda r: False):
        return [r for r in self.records
                if r.kind == kind and r.error and not but(r)]

    def answers(self, since, until, kind="new"):
        """How many each server gave within that time, of those that began
        within it.
        """
        return collections.Counter(
            r.server for r in self.records if r.kind == kind and
            not r.error and since <= r.time - r.took and r.time < until)

    def count(self, kind):
        return sum(r.kind == kind for r in self.records)

    def slowest(self, kind):
        return max((r.took for r in self.records
                    if r.kind == kind and not r.error), default=0)


def short(records):
    """A few of what went wrong, to go on a line with."""
    some = [f"; {r.client} at {r.time:.1f} s, {r.server or 'nobody'}: {r.error}"
            for r in records[:3]]
    return "".join(some) + ("; ..." if len(records) > 3 else "")


def perform(name, make, load, steps, seconds, promises, **more):
    """Make the hosts, play it, and leave them.

    load      function of the hosts that makes their load
    promises  yields whether each was kept, and its text
    more      for Play
    """
    with make() as hosts:
        clients = load(hosts)
        say(f"load: {clients.rate:g} connections a second from each of "
            f"{len(clients.clients)} clients, and {clients.held} that stay")
        play = Play(hosts, steps, seconds, clients, **more)
        play.run()
        kept = [(False, text) for text in play.failed]
        kept += promises(play)
        say("taking all down")
    for fine, text in kept:
        say(json.dumps({"promise": text, "kept": bool(fine)}))
    with open("measured.json", "w", encoding="ascii") as f:
        json.dump({"topology": name, "kernel": os.uname().release,
                   "seconds": seconds, "events": play.events,
                   "promises": [{"kept": bool(fine), "text": text}
                                for fine, text in kept],
                   "names": play.names, "looks": play.looks,
                   "records": play.records}, f)
    sys.exit(not all(fine for fine, _ in kept))


def main(name, steps, seconds, life, promises, **words):
    """Two sites; words are theirs."""
    say("making two sites: routers, hashers, selectors, servers, clients")
    perform(name, lambda: Sites(**words),
            lambda sites: Load(sites.clients(), SERVICE, RATE, HELD, PAUSE,
                               life),
            steps, seconds, promises)
