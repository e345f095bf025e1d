# SPDX-License-Identifier: GPL-2.0
"""Capture on the links of a topology and let tshark say what it saw.

dumpcap captures, tshark dissects: what a test compares is what an independent
implementation reads in the packets. tshark takes seconds to start in User Mode
Linux, so capture a whole program's traffic and dissect it once.
"""

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess

from .ktap import wait_for

SENTINEL = b"the capture ends here"
SEVERITY_ERROR = 0x800000
SIOCETHTOOL = 0x8946
ETHTOOL_STXCSUM, ETHTOOL_SGSO, ETHTOOL_SGRO = 0x17, 0x24, 0x2c


class Layer(dict):
    """Fields of one protocol: name -> values in order, as tshark prints."""

    def text(self, name):
        values = self.get(name, [])
        if len(values) != 1:
            raise AssertionError(f"{name} occurs {len(values)} times")
        return values[0]

    def number(self, name):
        return int(self.text(name), 0)

    def numbers(self, name):
        return [int(value, 0) for value in self.get(name, [])]


def _collect(layer, pairs):
    for name, value in pairs:
        if isinstance(value, list):
            _collect(layer, value)
        else:
            layer.setdefault(name, []).append(value)
    return layer


class Trace:
    """An IOAM pre-allocated trace; nodes in the order of writing."""

    def __init__(self, ip):
        name = "ipv6.opt.ioam.trace."
        self.namespace = ip.number(name + "ns")
        self.nodelen = ip.number(name + "nodelen")
        self.flags = ip.number(name + "flags")
        self.overflow = ip.text(name + "flag.o") in ("1", "True")
        self.remlen = ip.number(name + "remlen")
        self.type = ip.number(name + "type")
        fields = zip(*(ip.numbers(f"{name}node.{key}") for key in
                       ("hlim", "id", "tss", "tsf", "nsdata")))
        self.nodes = [Node(*values) for values in fields][::-1]


class Node:
    """What one node wrote into a trace."""

    def __init__(self, hop_limit, number, seconds, fraction, data):
        self.hop_limit = hop_limit
        self.id = number
        self.seconds = seconds
        self.fraction = fraction
        self.data = data

    @property
    def time(self):
        """POSIX time; Linux writes microseconds as the fraction."""
        return self.seconds + self.fraction / 1e6


class Packet:
    """A captured packet.

    link   name of the device that it was captured on
    time   when, CLOCK_REALTIME
    order  the headers from the outermost, as tshark names them
    ip     the IPv6 headers with their extension headers, outermost first
    tcp    the TCP header, or None
    errors what tshark has against the packet
    """

    def __init__(self, layers):
        found = {}
        for name, fields in layers:
            found.setdefault(name, []).append(_collect(Layer(), fields))
        frame = found["frame"][0]
        self.link = frame.text("frame.interface_name")
        self.time = float(frame.text("frame.time_epoch"))
        self.length = frame.number("frame.len")
        self.order = [name for name in
                      frame.text("frame.protocols").split(":")
                      if name.startswith("ipv6") or
                      name in ("tcp", "icmpv6")]
        self.ip = found.get("ipv6", [])
        self.tcp = found.get("tcp", [None])[0]
        self.icmp = found.get("icmpv6", [None])[0]
        self.errors = [name for name in found if "malformed" in name]
        for layer in self.ip + [self.tcp or {}, self.icmp or {}]:
            self.errors += [
                text for text, severity in
                zip(layer.get("_ws.expert.message", []),
                    layer.get("_ws.expert.severity", []))
                if int(severity, 0) >= SEVERITY_ERROR]

    def __str__(self):
        heads = " ".join(f"[{ip['ipv6.src'][0]} -> {ip['ipv6.dst'][0]}]"
                         for ip in self.ip)
        return f"{self.link} {self.time:.6f} {':'.join(self.order)} {heads}"

    @property
    def flags(self):
        """TCP flags as a number: FIN 1, SYN 2, RST 4, PSH 8, ACK 16."""
        return self.tcp.number("tcp.flags")

    @property
    def segments(self):
        return self.ip[0].get("ipv6.routing.srh.addr", [])

    @property
    def trace(self):
        return Trace(self.ip[0])


def no_offloads(ns):
    """Have a host send packets as a wire would carry them.

    Segments instead of what is to be segmented later, and checksums that are
    complete.
    """
    with ns, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        for _, device in socket.if_nameindex():
            if device == "lo":
                continue
            for command in (ETHTOOL_STXCSUM, ETHTOOL_SGSO, ETHTOOL_SGRO):
                value = ctypes.create_string_buffer(
                    struct.pack("=II", command, 0))
                fcntl.ioctl(s, SIOCETHTOOL, struct.pack(
                    "16sP16x", device.encode(), ctypes.addressof(value)))


class Capture:
    """Captures on devices, given as {host: [device...]}.

    The devices' names tell the packets' links, so they must differ.
    """

    def __init__(self, devices, directory):
        self.devices = devices
        self.directory = directory
        self.processes = {}
        for ns, names in devices.items():
            words = ["dumpcap", "-q", "-w", self._file(ns), "-f", "ip6"]
            for name in names:
                words += ["-i", name]
            self.processes[ns] = ns.start(words, stderr=subprocess.PIPE,
                                          text=True)
        for ns, process in self.processes.items():
            self._wait_ready(ns, process)

    def _file(self, ns):
        return os.path.join(self.directory, ns.name + ".pcapng")

    @staticmethod
    def _wait_ready(ns, process):
        said = ""
        for line in process.stderr:
            said += line
            if line.startswith("File:"):
                return
        raise AssertionError(f"dumpcap on {ns.name}: {said}")

    def _complete(self, ns):
        with open(self._file(ns), "rb") as f:
            return f.read().count(SENTINEL) >= len(self.devices[ns])

    def stop(self):
        """Stop when all that was sent before is in the files."""
        for ns, names in self.devices.items():
            with ns, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
                for name in names:
                    s.sendto(SENTINEL, ("ff02::1", 9, 0,
                                        socket.if_nametoindex(name)))
        for ns, process in self.processes.items():
            wait_for(lambda ns=ns: self._complete(ns),
                     f"capture on {ns.name}", 30, 0.1)
            process.send_signal(signal.SIGINT)
        for process in self.processes.values():
            process.stderr.read()
            process.wait()

    def packets(self):
        """What was captured, by time, without what neighbours ask."""
        merged = os.path.join(self.directory, "merged.pcapng")
        subprocess.run(["mergecap", "-w", merged,
                        *(self._file(ns) for ns in self.devices)], check=True)
        done = subprocess.run(
            ["tshark", "-n", "-r", merged, "-o", "tcp.check_checksum:TRUE",
             "-o", "tcp.desegment_tcp_streams:FALSE",
             "-Y", "tcp or icmpv6.type < 128", "-T", "json",
             "-J", "frame ipv6 tcp icmpv6 _ws.malformed"],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        found = [Packet(dict(dict(packet)["_source"])["layers"]) for packet in
                 json.loads(done.stdout, object_pairs_hook=list)]
        return sorted(found, key=lambda packet: packet.time)


class Tcpdump:
    """What passes a filter, as lines of text, while it happens."""

    def __init__(self, ns, device, words, directory):
        self.path = os.path.join(directory, f"tcpdump-{ns.name}-{device}")
        with open(self.path, "wb") as out:
            self.process = ns.start(
                ["tcpdump", "-l", "-n", "--immediate-mode", "-i", device,
                 *words.split()], stdout=out, stderr=subprocess.PIPE,
                text=True)
        said = ""
        for line in self.process.stderr:
            said += line
            if "listening on" in line:
                return
        raise AssertionError(f"tcpdump on {ns.name}: {said}")

    def lines(self):
        with open(self.path, encoding="ascii") as f:
            return f.read().splitlines()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.stderr.read()
        self.process.wait()
