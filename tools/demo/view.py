# SPDX-License-Identifier: GPL-2.0
"""What one sees of two sites under load: lines or a table while it goes on, and
a picture afterwards.
"""

import collections
import json
import os
import shutil
import subprocess
import sys
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
SITES = "west", "east"
EVERY = 5       # seconds between lines where there is no terminal
HEAD = (f"{'':>6}{'west':>14}{'east':>23}\n"
        f"{'s':>6}{'new/s':>9}{'held/s':>9}{'new/s':>14}{'held/s':>9}"
        f"{'errors':>11}")


class View:
    """Follows the lines of timeline.py."""

    def __init__(self, progress):
        self.progress, self.tty = progress, sys.stdout.isatty()
        self.errors, self.headed, self.kept = 0, False, []

    def line(self, text):
        try:
            message = json.loads(text)
        except ValueError:
            self._clear()
            self.progress(text.rstrip("\n"))
            return
        if "live" in message:
            self._live(message["live"])
        elif "event" in message:
            self._clear()
            print(f"{message['at']:6.1f}  {message['event']}", flush=True)
        else:
            self.kept.append((message["kept"], message["promise"]))

    def _live(self, live):
        self.errors += live["errors"]
        cells = [live[site][kind] for site in SITES for kind in
                 ("new", "held")]
        text = ("{:6.0f}{:>9}{:>9}{:>14}{:>9}{:>11}").format(
            live["at"], *cells, self.errors)
        if not self.headed:
            print(HEAD, flush=True)
            self.headed = True
        if self.tty:
            print(f"\r{text}\033[K", end="", flush=True)
        elif round(live["at"]) % EVERY == 0:
            print(text, flush=True)

    def _clear(self):
        """What is printed now stays, above the line that changes."""
        if self.tty and self.headed:
            print("\r\033[K", end="")

    def end(self):
        """The promises, and whether all were kept."""
        print()
        for fine, text in self.kept:
            print(textwrap.fill(f"{'kept  ' if fine else 'BROKEN'}  {text}", 80,
                                subsequent_indent=" " * 8))
        return bool(self.kept) and all(fine for fine, _ in self.kept)


class Series:
    """Counts of each second."""

    def __init__(self, measured):
        self.seconds = measured["seconds"]
        self.counts = collections.Counter()
        for at, client, kind, server, _, error in measured["records"]:
            site = (client if error else server).partition("-")[0]
            what = "errors" if error else kind
            self.counts[int(at), site, what] += 1

    def rows(self):
        for second in range(self.seconds):
            yield second + 0.5, *(self.counts[second, site, what]
                                  for what in ("new", "held", "errors")
                                  for site in SITES)

    def most(self, *what):
        """Of a second; one at least, for an axis."""
        return max((n for (_, _, kind), n in self.counts.items()
                    if kind in what), default=1)


def write_values(measured, series, path):
    """What the plot needs beside the counts."""
    events = measured["events"]
    values = {
        "seconds": measured["seconds"], "new_max": series.most("new"),
        "held_max": series.most("held"), "events": len(events),
        "errors_max": max(series.most("errors"), 4),
    }
    with open(path, "w", encoding="ascii") as f:
        for name, value in values.items():
            print(f"{name} = {json.dumps(value)}", file=f)
        print(f"array at[{len(events)}] = {[at for at, _ in events]}", file=f)
        print(f"array text[{len(events)}] = "
              f"{json.dumps([text for _, text in events])}", file=f)


def draw(measured, folder, picture):
    os.makedirs(folder)
    series = Series(measured)
    write_values(measured, series, os.path.join(folder, "values.gp"))
    with open(os.path.join(folder, "counts.tsv"), "w", encoding="ascii") as f:
        f.writelines("\t".join(f"{v:g}" for v in row) + "\n"
                     for row in series.rows())
    subprocess.run(["gnuplot", os.path.join(HERE, "sites.gp")], check=True,
                   cwd=folder)
    shutil.move(os.path.join(folder, "sites.svg"), picture)


def results(measured, folder, picture):
    """Draw it, and keep the numbers."""
    draw(measured, folder, picture)
    names = "time", "client", "kind", "server", "took", "error"
    failed = [dict(zip(names, r)) for r in measured["records"] if r[-1]]
    return {**{name: measured[name] for name in
               ("topology", "kernel", "seconds", "events", "promises")},
            "requests": len(measured["records"]), "errors": failed}
