# SPDX-License-Identifier: GPL-2.0
"""One connection, packet by packet, as tshark reads it from the capture.

The steps are the four figures of the M-Anycast proposal; the numbers are those
of the packets in Documentation/design.rst.
"""

import subprocess
from dataclasses import dataclass

CLIENT, WEB, PORT = "2001:db8:c::2", "2001:db8:5::80", 80
SELECTOR, EDGE = "fc00:a::1", "fc00:c::1"
SYN, RST, ACK = 0x02, 0x04, 0x10

FIELDS = ("frame.interface_name", "frame.time_epoch", "ipv6.src", "ipv6.dst",
          "ipv6.routing.segleft", "ipv6.routing.srh.addr",
          "ipv6.opt.ioam.trace.node.id", "ipv6.opt.ioam.trace.node.tss",
          "ipv6.opt.ioam.trace.node.tsf", "ipv6.opt.ioam.trace.node.nsdata",
          "tcp.flags", "tcp.seq_raw", "tcp.ack_raw", "tcp.len",
          "tcp.options.mss_val")


def server_sid(i):
    return f"fc00:5:{i:x}::1"


def server_of(sid):
    return int(sid.split(":")[2], 16)


def name_of(node):
    """Of an IOAM node id."""
    return {1: "r1", 2: "r2", 10: "selector"}.get(node, f"S{node - 100}")


@dataclass
class Node:
    """An entry of an IOAM trace."""

    name: str
    id: int
    time: float
    data: int


@dataclass
class Packet:
    """What we tell of one."""

    link: str
    time: float
    outer: tuple
    encapsulated: bool
    left: int
    segments: list
    nodes: list
    flags: int
    seq: int
    ack: int
    length: int
    mss: int

    @property
    def tcp(self):
        """Flags and what else matters, in words."""
        words = [name for bit, name in ((SYN, "SYN"), (RST, "RST"),
                                        (ACK, "ACK")) if self.flags & bit]
        text = "-".join(words)
        if self.flags & SYN:
            text += f", MSS {self.mss}"
        elif self.length:
            text = f"{self.length} octets"
        return text


def _nodes(ids, seconds, fractions, data):
    """The trace in the order of travel; the last node is its first entry."""
    entries = zip(*(f.split(",") if f else []
                    for f in (ids, seconds, fractions, data)))
    return [Node(name_of(int(i, 16)), int(i, 16),
                 int(s, 16) + int(f, 16) / 1e6, int(d, 16))
            for i, s, f, d in reversed(list(entries))]


def _packet(line):
    f = dict(zip(FIELDS, line.split("\t")))
    sources = f["ipv6.src"].split(",")
    return Packet(
        link=f["frame.interface_name"], time=float(f["frame.time_epoch"]),
        outer=(sources[0], f["ipv6.dst"].split(",")[0]),
        encapsulated=len(sources) > 1,
        left=int(f["ipv6.routing.segleft"] or 0),
        segments=[s for s in f["ipv6.routing.srh.addr"].split(",") if s],
        nodes=_nodes(*(f["ipv6.opt.ioam.trace.node." + key]
                       for key in ("id", "tss", "tsf", "nsdata"))),
        flags=int(f["tcp.flags"], 16), seq=int(f["tcp.seq_raw"]),
        ack=int(f["tcp.ack_raw"]), length=int(f["tcp.len"] or 0),
        mss=int(f["tcp.options.mss_val"] or 0))


def read(path):
    """Packets of the capture's only connection, in the order of time."""
    command = ["tshark", "-n", "-r", path, "-Y", f"tcp.port == {PORT}",
               "-T", "fields", "-E", "aggregator=,", "-E", "occurrence=a"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"tshark: {done.stderr}")
    packets = [_packet(line) for line in done.stdout.splitlines()]
    return sorted(packets, key=lambda p: p.time)


class Walk:
    """Finds in a capture what every packet of the design should look like."""

    def __init__(self, path):
        self.packets = read(path)
        self.start = self.first("the client's SYN", "client",
                                flags=SYN).time
        emitted = self.first("packet 4", "edge", flags=SYN | ACK,
                             outer=(SELECTOR, EDGE))
        self.winner = server_of(emitted.segments[1])
        self.steps = [self._syn(), self._synack(), self._ack(), self._data()]

    def find(self, link, **want):
        return [p for p in self.packets if p.link == link and
                all(getattr(p, key) == value for key, value in want.items())]

    def first(self, what, link, **want):
        found = self.find(link, **want)
        if not found:
            raise SystemExit(f"{what} is not in the capture of {link}")
        return found[0]

    def _row(self, number, path, packet, note):
        return {
            "number": number, "path": path, "note": note,
            "ms": round((packet.time - self.start) * 1000, 3),
            "outer": " > ".join(packet.outer),
            "encapsulated": packet.encapsulated, "tcp": packet.tcp,
            "segments": packet.segments, "left": packet.left,
            "nodes": [{"name": n.name, "id": n.id,
                       "ms": round((n.time - packet.nodes[0].time) * 1000, 2)}
                      for n in packet.nodes],
        }

    def _syn(self):
        asked = [p for p in self.packets if p.outer[0] == SELECTOR and
                 p.flags == SYN and p.link != "sel"]
        self.asked = sorted(server_of(p.outer[1]) for p in asked)
        self.losers = [i for i in self.asked if i != self.winner]
        others = ", ".join(f"S{i}" for i in self.losers)
        rows = [
            self._row("", "client > edge",
                      self.first("the SYN", "client", flags=SYN),
                      "An unmodified host opens a connection."),
            self._row(1, "edge > selector",
                      self.first("packet 1", "sel", flags=SYN,
                                 outer=(EDGE, WEB)),
                      "H.MAnycast encapsulates it to the anycast address."),
            self._row(2, f"selector > S{self.winner}",
                      self.first("packet 2", f"s{self.winner}", flags=SYN),
                      "The segments already visited tell the way back; "
                      f"likewise to {others}."),
        ]
        return {"name": "SYN", "rows": rows,
                "title": f"{len(asked)} instances are asked at once"}

    def _synack(self):
        answers = self.find("sel", flags=SYN | ACK, outer=(
            server_sid(self.winner), SELECTOR))
        if not answers:
            raise SystemExit("packet 3 is not in the capture of sel")
        stamps = [n for n in answers[0].nodes if n.id == 100 + self.winner]
        took = (stamps[-1].time - stamps[0].time) * 1e6
        rows = [
            self._row(3, f"S{self.winner} > selector", answers[0],
                      f"The same trace, {took:.0f} us in the server, "
                      f"load {stamps[-1].data / 10:g} %: the first to "
                      "answer wins."),
            self._row(4, "selector > edge",
                      self.first("packet 4", "edge", flags=SYN | ACK,
                                 outer=(SELECTOR, EDGE)),
                      "The segment list names the server; "
                      "the telemetry stays inside."),
            self._row("", "edge > client",
                      self.first("the SYN-ACK", "client", flags=SYN | ACK),
                      "End.MAnycast.C learns the server and lowers the MSS "
                      "by what it will add."),
        ]
        return {"name": "SYN-ACK", "rows": rows,
                "title": f"S{self.winner} wins"}

    def _ack(self):
        rows = [
            self._row(5, f"edge > S{self.winner}",
                      self.first("packet 5", f"s{self.winner}", flags=ACK,
                                 outer=(EDGE, server_sid(self.winner)),
                                 length=0),
                      "From now on straight to the server, "
                      "past the selector."),
        ]
        for i in self.losers:
            rst = self.first("packet 7", f"s{i}", flags=RST,
                             outer=(SELECTOR, server_sid(i)))
            answer = self.first("packet 3", "sel", flags=SYN | ACK,
                                outer=(server_sid(i), SELECTOR))
            if rst.seq != answer.ack:
                raise SystemExit(f"the RST to S{i} has the wrong number")
            late = (answer.time - self.start) * 1000
            rows.append(self._row(
                7, f"selector > S{i}", rst,
                f"S{i} answered after {late:.1f} ms; it is reset."))
        return {"name": "ACK", "rows": rows,
                "title": f"to S{self.winner}; the others are reset"}

    def _data(self):
        link = f"s{self.winner}"
        data = [p for p in self.find(link, outer=(WEB, CLIENT)) if p.length]
        request = [p for p in self.find(link, outer=(
            EDGE, server_sid(self.winner))) if p.length]
        if not data or not request:
            raise SystemExit(f"no data in the capture of {link}")
        strays = [p for p in self.packets if p.link == "sel" and
                  not p.flags & (SYN | RST)]
        if strays:
            raise SystemExit("data went through the selector")
        total = sum(p.length for p in data)
        rows = [
            self._row(5, f"edge > S{self.winner}", request[0],
                      "The request."),
            self._row(6, f"S{self.winner} > client", data[0],
                      f"The answer, bare, {total} octets in all; "
                      "none of them passed the selector."),
        ]
        return {"name": "Subsequent traffic", "rows": rows,
                "title": "the selector is out of the way"}


LEGEND = """\
Milliseconds since the client's SYN; outer source and destination; [TCP] where
it is encapsulated. SRH: its segment list, * is the active one. IOAM: the nodes
by their ids (10 is the selector, 1 r1, 2 r2, 101 S1 and so on) with the
milliseconds since the selector's entry."""


def details(row):
    """Segment list and trace, a line each."""
    lines = []
    if row["segments"]:
        listed = " ".join(f"{s}*" if i == row["left"] else s
                          for i, s in enumerate(row["segments"]))
        lines.append(f"SRH   {listed}, {row['left']} left")
    if row["nodes"]:
        lines.append("IOAM  " + " > ".join(
            f"{name} {times}" for name, times in trace(row["nodes"])))
    return lines


def trace(nodes):
    """A server has two entries, arrival and departure: one item for both."""
    items = []
    for node in nodes:
        if items and items[-1][0] == node["name"]:
            items[-1][1] += f"-{node['ms']:.2f}"
        else:
            items.append([node["name"], f"{node['ms']:.2f}"])
    return items


def head(row):
    """The first line of a packet."""
    inner = f"[{row['tcp']}]" if row["encapsulated"] else row["tcp"]
    return (f"{row['number']:>2}  {row['path']:<16}{row['ms']:6.2f}  "
            f"{row['outer']:<30}  {inner}")


def text(walk, bold=lambda s: s):
    """For a terminal of 80 columns."""
    lines = [LEGEND]
    for step in walk.steps:
        lines += ["", bold(f"{step['name']}: {step['title']}")]
        for row in step["rows"]:
            lines.append(head(row))
            lines += ["    " + line for line in details(row)]
            lines.append("    " + row["note"])
    return "\n".join(lines)
