# SPDX-License-Identifier: GPL-2.0
"""What a run measured: the summary, its tables, the plots and the page."""

import collections
import html
import json
import math
import os
import re
import statistics
import string
import subprocess
import time

import figures
import walk

HERE = os.path.dirname(os.path.abspath(__file__))


def percentile(values, p):
    """By nearest rank."""
    ordered = sorted(values)
    return ordered[max(math.ceil(p / 100 * len(ordered)) - 1, 0)]


def expected(n, k):
    """Shares of the wins if the first of k of n, at random, always won."""
    return [math.comb(n - i, k - 1) / math.comb(n, k)
            for i in range(1, n + 1)]


def wins_of(records, n):
    count = collections.Counter(r["instance"] for r in records)
    return [count[f"s{i}"] for i in range(1, n + 1)]


class Summary:
    """The numbers of a run, and what is wrong with them."""

    def __init__(self, measured):
        self.measured = measured
        self.n = len(measured["delays_ms"])
        self.fanout = measured["fanout"]
        self.names = {"web": f"first of {self.fanout} to answer",
                      "random": "one at random"}
        self.by_service = {
            service: [r for r in measured["compared"]
                      if r["service"] == service] for service in self.names}
        self.times = {service: [r["connect_ms"] for r in records]
                      for service, records in self.by_service.items()}
        self.wins = {service: wins_of(records, self.n)
                     for service, records in self.by_service.items()}
        ends = [0, *measured["events"], len(measured["shifted"])]
        self.phases = [wins_of(measured["shifted"][a:b], self.n)
                       for a, b in zip(ends, ends[1:])]
        self.all = (measured["walk"] + measured["compared"] +
                    measured["shifted"])

    def time(self, service, p):
        if p == 50:
            return statistics.median(self.times[service])
        return percentile(self.times[service], p)

    def expected(self, service):
        k = self.fanout if service == "web" else 1
        return [share * len(self.by_service[service])
                for share in expected(self.n, k)]

    def problems(self):
        """Each as a sentence; none if the demo shows what it says."""
        found = []
        bad = sum(not r["ok"] for r in self.all)
        if bad:
            found.append(f"{bad} of {len(self.all)} downloads failed")
        for service in self.names:
            served = wins_of([r for r in self.all
                              if r["service"] == service], self.n)
            counted = list(self.measured["won"][service].values())
            if served != counted:
                found.append(f"{service}: the selector counted {counted} "
                             f"wins, but {served} served")
        if self.time("web", 50) >= self.time("random", 50):
            found.append("the choice was not faster than chance")
        for server, after in ((self.measured["slow"], 1),
                              (self.measured["loaded"], 2)):
            before, then = (self.phases[i][server - 1]
                            for i in (after - 1, after))
            if not before or then * 4 > before:
                found.append(f"S{server} won {before} times and then, when "
                             f"it was worse, still {then}")
        return found

    def results(self):
        """For results.json, the short form first."""
        return {
            "handshake_ms": {
                service: {"connections": len(self.times[service]),
                          "median": round(self.time(service, 50), 3),
                          "p99": round(self.time(service, 99), 3)}
                for service in self.names},
            "wins": self.wins,
            "wins_while_servers_get_worse": self.phases,
            "problems": self.problems(),
            **self.measured,
        }

    def phase_names(self):
        m = self.measured
        slow, loaded = f"S{m['slow']}", f"S{m['loaded']}"
        return ["at first",
                f"{slow}: {m['slow_ms']} ms instead of "
                f"{m['delays_ms'][m['slow'] - 1]}",
                f"{loaded}: reports {m['load'] / 10:g} % load"]

    def handshake_rows(self):
        """Head and body of the table of handshake times."""
        head = ["", *self.names.values()]
        return [head,
                ["connections", *(str(len(t)) for t in self.times.values())],
                ["handshake, median", *(f"{self.time(s, 50):.1f} ms"
                                        for s in self.names)],
                ["handshake, p99", *(f"{self.time(s, 99):.1f} ms"
                                     for s in self.names)]]

    def win_rows(self):
        head = ["wins", *(f"S{i}" for i in range(1, self.n + 1))]
        return [head,
                ["  delay, ms", *map(str, self.measured["delays_ms"])],
                *(["  " + name, *map(str, self.wins[service])]
                  for service, name in self.names.items())]

    def shift_rows(self):
        return [["  " + name, *map(str, wins)] for name, wins
                in zip(self.phase_names(), self.phases)]


def table(rows, first, widths):
    """Columns of a terminal: text left, numbers right."""
    return "\n".join(f"{row[0]:<{first}}" +
                     "".join(f"{cell:>{widths}}" for cell in row[1:])
                     for row in rows)


def text(summary):
    n = len(summary.measured["shifted"]) // len(summary.phases)
    return "\n".join([
        table(summary.handshake_rows(), 28, 24), "",
        table(summary.win_rows(), 28, 4),
        f"  policy weighted, {n} each:",
        table([["  " + r[0], *r[1:]] for r in summary.shift_rows()], 28, 4)])


# The plots.

def write_table(path, rows):
    with open(path, "w", encoding="ascii") as f:
        f.writelines("\t".join(f"{v:g}" for v in row) + "\n" for row in rows)


def write_values(summary, path):
    m = summary.measured
    values = {
        "web_name": summary.names["web"], "random_name":
        summary.names["random"], "wins_max": max(*summary.wins["web"],
                                                 *summary.expected("web")),
        "wins_random": max(summary.wins["random"][-3:]),
        "shift_n": len(m["shifted"]), "slow_server": m["slow"],
        "loaded_server": m["loaded"],
    }
    for service in summary.names:
        values[f"{service}_median"] = summary.time(service, 50)
        values[f"{service}_q75"] = summary.time(service, 75)
        values[f"{service}_p99"] = summary.time(service, 99)
    for i, event in enumerate(m["events"], 1):
        values[f"event_{i}"] = event + 0.5
        values[f"event_{i}_name"] = summary.phase_names()[i]
    with open(path, "w", encoding="ascii") as f:
        for name, value in values.items():
            print(f"{name} = {json.dumps(value)}", file=f)


def plot(summary, folder):
    os.makedirs(folder, exist_ok=True)

    def path(name):
        return os.path.join(folder, name)

    write_values(summary, path("values.gp"))
    write_table(path("wins.tsv"), zip(
        range(1, summary.n + 1), summary.measured["delays_ms"],
        summary.wins["web"], summary.wins["random"],
        summary.expected("web"), summary.expected("random")))
    for service, times in summary.times.items():
        write_table(path(f"handshake-{service}.tsv"),
                    [(min(times), 0), *((t, 100 * i / len(times)) for i, t
                               in enumerate(sorted(times), 1))])
    write_table(path("shift.tsv"), enumerate(
        (int(r["instance"][1:] or 0) for r in summary.measured["shifted"]), 1))
    subprocess.run(["gnuplot", os.path.join(HERE, "plots.gp")], check=True,
                   cwd=folder)


# The page.

def svg(folder, name):
    with open(os.path.join(folder, name + ".svg"), encoding="utf-8") as f:
        return re.search(r"<svg.*</svg>", f.read(), re.S)[0]


def html_table(rows):
    head, *body = ["".join(f"<{cell}>{html.escape(c)}</{cell}>" for c in row)
                   for cell, row in zip(["th"] + ["td"] * len(rows), rows)]
    return (f"<table><thead><tr>{head}</tr></thead><tbody>" +
            "".join(f"<tr>{row}</tr>" for row in body) + "</tbody></table>")


def html_step(step, drawing):
    return (f"<figure><figcaption><b>{step['name']}:</b> "
            f"{html.escape(step['title'])}</figcaption>{drawing}</figure>")


def html_packets(step):
    lines = []
    for row in step["rows"]:
        lines.append(f"<b>{html.escape(walk.head(row))}</b>")
        lines += ["    " + html.escape(line) for line in walk.details(row)]
        lines.append(f"    <i>{html.escape(row['note'])}</i>")
    return f"<h3>{step['name']}</h3><pre>{chr(10).join(lines)}</pre>"


def page(summary, walked, folder, path):
    drawings = figures.steps(walked.asked, walked.winner)
    with open(os.path.join(HERE, "page.html"), encoding="utf-8") as f:
        template = string.Template(f.read())
    values = dict(
        date=time.strftime("%Y-%m-%d"), kernel=summary.measured["kernel"],
        connections=len(summary.all),
        compared=len(summary.measured["compared"]),
        fanout=summary.fanout, legend=html.escape(walk.LEGEND),
        topology=figures.draw(delays=summary.measured["delays_ms"]),
        steps="".join(map(html_step, walked.steps, drawings)),
        packets="".join(map(html_packets, walked.steps)),
        table=html_table(summary.handshake_rows()),
        **{name: svg(folder, name) for name in ("wins", "handshake", "shift")})
    with open(path, "w", encoding="utf-8") as f:
        f.write(template.substitute(values))
