# SPDX-License-Identifier: GPL-2.0
"""What one sees of hosts under load: lines or a table while it goes on, and a
picture afterwards.
"""

import collections
import itertools
import json
import os
import shutil
import subprocess
import sys
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
SITES = "west", "east"
EVERY = 5       # seconds between lines where there is no terminal


class View:
    """Follows the lines of timeline.py; of two sites, in this one."""

    head = (f"{'':>6}{'west':>14}{'east':>23}\n"
            f"{'s':>6}{'new/s':>9}{'held/s':>9}{'new/s':>14}{'held/s':>9}"
            f"{'errors':>11}")

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
        text = self.row(live)
        if not self.headed:
            print(self.head, flush=True)
            self.headed = True
        if self.tty:
            print(f"\r{text}\033[K", end="", flush=True)
        elif round(live["at"]) % EVERY == 0:
            print(text, flush=True)

    def row(self, live):
        """A second, in the columns of the head."""
        cells = [live[site][kind] for site in SITES for kind in
                 ("new", "held")]
        return ("{:6.0f}{:>9}{:>9}{:>14}{:>9}{:>11}").format(
            live["at"], *cells, self.errors)

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


class DyncastView(View):
    """Three servers, and which of them has which period, by their numbers, from
    the oldest to the newest, on both routers.
    """

    head = (f"{'s1':>13}{'s2':>11}{'s3':>11}{'who has which period':>40}\n"
            f"{'s':>4}" + f"{'new/s':>6}{'runs':>5}" * 3 +
            f"{'violations':>11}{'errors':>7}  {'router 1':<11}router 2")

    def row(self, live):
        cells = [n for s in live["running"]
                 for n in (live[s]["new"], live["running"][s])]
        return ("{:4.0f}" + "{:>6}{:>5}" * 3 + "{:>11}{:>7}  {:<11}{}").format(
            live["at"], *cells, live["violations"], self.errors,
            *live["periods"].values())


def view_of(topology, progress):
    return (DyncastView if topology == "dyncast" else View)(progress)


class Panel:
    """Of the picture: for each second and each of some names, a number."""

    def __init__(self, label, names, rows, bars=False):
        self.label, self.names, self.bars = label, list(names), bars
        self.rows = [list(row) for row in rows]

    def most(self):
        """For the axis."""
        return max([4 if self.bars else 1, *(n for row in self.rows
                                             for n in row)])


def counted(measured, kind, names):
    """Answers of some kind, or errors, of each second and name."""
    counts = collections.Counter()
    for at, client, of_kind, server, _, error in measured["records"]:
        name = (client if error else server).partition("-")[0]
        counts[int(at), name, "errors" if error else of_kind] += 1
    return [[counts[second, name, kind] for name in names]
            for second in range(measured["seconds"])]


def looked(measured, what, names):
    """What look() has told each second, of each name."""
    return [[look[what][name] for name in names]
            for look in measured["looks"]]


def panels(measured):
    names = measured["names"]
    new = Panel("new connections/s", names, counted(measured, "new", names))
    if measured["topology"] == "dyncast":
        clients, routers = ("west", "east"), ("router 1", "router 2")
        return [
            Panel("metric", names, looked(measured, "metrics", names)), new,
            Panel("invocations\nthat go on", names,
                  looked(measured, "running", names)),
            Panel("packets/s", routers, looked(measured, "packets", routers)),
            Panel("errors/s", clients, counted(measured, "errors", clients),
                  True)]
    return [new, Panel("requests/s, connections\nthat stay", names,
                       counted(measured, "held", names)),
            Panel("errors/s", names, counted(measured, "errors", names), True)]


def array(name, values):
    return f"array {name}[{len(values)}] = {json.dumps(values)}"


def write_values(measured, drawn, path):
    """What the plot needs beside the counts."""
    events = measured["events"]
    to = list(itertools.accumulate((len(p.names) for p in drawn), initial=1))
    columns = ["", *(name for p in drawn for name in p.names)]
    # A name has one colour, and is explained where it is first seen.
    colours = {name: i for i, name in enumerate(dict.fromkeys(columns))}
    titles = [name if columns.index(name) == i else ""
              for i, name in enumerate(columns)]
    lines = [f"seconds = {measured['seconds']}", f"events = {len(events)}",
             f"panels = {len(drawn)}",
             array("at", [at for at, _ in events]),
             array("text", [text for _, text in events]),
             array("name_of", [p.label for p in drawn]),
             array("most", [p.most() for p in drawn]),
             array("bars", [int(p.bars) for p in drawn]),
             array("first", [n + 1 for n in to[:-1]]), array("last", to[1:]),
             array("colour", [colours[name] for name in columns]),
             array("series", titles)]
    with open(path, "w", encoding="ascii") as f:
        f.writelines(line + "\n" for line in lines)


def draw(measured, folder, picture):
    os.makedirs(folder)
    drawn = panels(measured)
    write_values(measured, drawn, os.path.join(folder, "values.gp"))
    with open(os.path.join(folder, "counts.tsv"), "w", encoding="ascii") as f:
        for second, rows in enumerate(zip(*(p.rows for p in drawn))):
            row = [second + 0.5, *itertools.chain(*rows)]
            f.write("\t".join(f"{v:g}" for v in row) + "\n")
    subprocess.run(["gnuplot", os.path.join(HERE, "panels.gp")], check=True,
                   cwd=folder)
    shutil.move(os.path.join(folder, "panels.svg"), picture)


def results(measured, folder, picture):
    """Draw it, and keep the numbers."""
    draw(measured, folder, picture)
    names = "time", "client", "kind", "server", "took", "error"
    failed = [dict(zip(names, r)) for r in measured["records"] if r[-1]]
    return {**{name: measured[name] for name in
               ("topology", "kernel", "seconds", "events", "promises")},
            "requests": len(measured["records"]), "errors": failed}
