# SPDX-License-Identifier: GPL-2.0
"""Drawings of the topology and of the four steps, as SVG."""

SERVERS = 12
PLACES = {"client": (38, 58), "edge": (116, 58), "own": (116, 150),
          "r1": (200, 104), "selector": (200, 184), "r2": (286, 104),
          **{f"S{i}": (388, 8 + 17 * i - 9) for i in range(1, SERVERS + 1)}}
LINKS = [("client", "edge"), ("edge", "r1"), ("own", "r1"),
         ("selector", "r1"), ("r1", "r2"),
         *(("r2", f"S{i}") for i in range(1, SERVERS + 1))]


def _half(name):
    """Half the width and height of a node's box."""
    return (17, 7) if name[0] == "S" else (29, 12)


def _end(name, came_from, shift):
    """Where a line from another node ends: at the box, not in it."""
    (x, y), (fx, fy) = PLACES[name], PLACES[came_from]
    w, h = _half(name)
    if abs(fx - x) > w:
        return x + (w + 1 if fx > x else -w - 1), y + shift[1]
    return x + shift[0], y + (h + 1 if fy > y else -h - 1)


def _line(names, shift, kind):
    points = [(PLACES[name][0] + shift[0], PLACES[name][1] + shift[1])
              for name in names[:-1]]
    points.append(_end(names[-1], names[-2], shift))
    text = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline class="{kind}" points="{text}"/>'


def _box(name, label, kind):
    (x, y), (w, h) = PLACES[name], _half(name)
    return (f'<rect class="{kind}" x="{x - w}" y="{y - h}" width="{2 * w}" '
            f'height="{2 * h}" rx="3"/>'
            f'<text class="{kind}" x="{x}" y="{y + 4}">{label}</text>')


def draw(flows=(), asked=(), winner=None, delays=()):
    """The network, with flows as (names of nodes, shift, class)."""
    parts = []
    for a, b in LINKS:
        (x1, y1), (x2, y2) = PLACES[a], PLACES[b]
        parts.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>')
    parts += [_line(*flow) for flow in flows]
    for name in PLACES:
        kind = "node"
        if name[0] == "S":
            kind = "server"
            if int(name[1:]) in asked:
                kind += " asked"
            if name == f"S{winner}":
                kind += " winner"
        parts.append(_box(name, name, kind))
    for i, ms in enumerate(delays, 1):
        x, y = PLACES[f"S{i}"]
        parts.append(f'<text class="delay" x="{x + 22}" y="{y + 4}">'
                     f'{ms} ms</text>')
    width = 450 if delays else 412
    return (f'<svg class="network" viewBox="0 0 {width} 212" role="img">'
            f'{"".join(parts)}</svg>')


def steps(asked, winner):
    """The four figures, for those that were asked and the one that won."""
    won = f"S{winner}"
    losers = [f"S{i}" for i in asked if i != winner]
    everyone = [f"S{i}" for i in asked]
    here, there = (-3, 3), (3, -3)
    return [
        draw([(["client", "edge", "r1", "selector"], here, "flow first"),
              *((["selector", "r1", "r2", s], there, "flow")
                for s in everyone)], asked),
        draw([*(([s, "r2", "r1", "selector"], there, "flow late")
                for s in losers),
              ([won, "r2", "r1", "selector"], there, "flow"),
              (["selector", "r1", "edge", "client"], here, "flow first")],
             asked, winner),
        draw([*((["selector", "r1", "r2", s], there, "flow reset")
                for s in losers),
              (["client", "edge", "r1", "r2", won], here, "flow first")],
             (), winner),
        draw([(["client", "edge", "r1", "r2", won], here, "flow first"),
              ([won, "r2", "r1", "edge", "client"], there, "flow")],
             (), winner),
    ]
