# SPDX-License-Identifier: GPL-2.0
"""Seed corpora, from captures of what really is sent."""

import os
import struct
import subprocess

from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6
from scapy.utils import PcapReader

from lib import netns, nl
from lib.topology import (CLIENT, EDGE_SID, PREFIX, SEL_SID, SERVICE, Topology,
                          sid)

SEL, SRV, EDGE = range(3)
# Whose packets, on which device, where they go to or come from.
POINTS = ((SEL, "sel", "r1", f"dst host {SERVICE} or dst host {SEL_SID}"),
          (SRV, "s1", "r2", f"dst host {sid(1)}"),
          (EDGE, "edge", "client", f"src host {CLIENT}"),
          (EDGE, "edge", "r1", f"dst host {EDGE_SID}"))
FRAMES = 8
RTM_NEWROUTE, RTM_DELROUTE, DUMP = 24, 25, 0x300
NEW_ROUTE, DEL_ROUTE, FAMILY, DUMP_KIND = range(4)
ROUTES = ("2001:db8:5::80/128 encap seg6local action End.MAnycast service web "
          "acl fc00::/16 dev net",
          "fc00:a::1/128 encap seg6local action End.MAnycast dev net",
          "fc00:5:1::1/128 encap seg6local action End.MAnycast.S table local "
          f"services {PREFIX} acl fc00:a::/32 dev net",
          f"{PREFIX} encap seg6local action H.MAnycast sid {EDGE_SID} "
          "servers fc00:5::/32 limit 1000 dev net",
          f"{EDGE_SID}/128 encap seg6local action End.MAnycast.C "
          "acl fc00:a::/32 dev net",
          "2001:db8:6::/64 encap seg6local action H.MAnycast.Hash service web "
          "dev net",
          "fc00:b::1/128 encap seg6local action End.DT6 table 254 dev net")
COMMANDS = ("service add web sid fc00:a::1 policy weighted candidates hash "
            "fanout 4 quorum 2 hold 5 timeout 500 tombstone 3000 limit 1000 "
            "rate 5000 ioam 3 nodes 4 coef 1 2 3",
            "instance add service web sid fc00:5:1::1 weight 3",
            "instance add service web sid fc00:5:2::1",
            "instance set service web sid fc00:5:1::1 weight 0",
            "listener set 2001:db8:5::80 port 80 load 500",
            "service set web slots 4099",
            "show", "save", "service set web policy load candidates all",
            "listener del 2001:db8:5::80 port 80",
            "instance del service web sid fc00:5:1::1", "service del web")


def frame(kind, data):
    return struct.pack("!BH", kind, len(data)) + data


def write(directory, seeds):
    os.makedirs(directory, exist_ok=True)
    for number, seed in enumerate(seeds):
        with open(os.path.join(directory, f"seed-{number:03}"), "wb") as f:
            f.write(seed)


def capture(ns, device, words, path):
    """tcpdump that is ready, and how to end it."""
    process = ns.start(["tcpdump", "-U", "-n", "--immediate-mode", "-i",
                        device, "-w", path, *words.split()],
                       stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "listening on" in line:
            return process
    raise AssertionError(f"tcpdump on {ns.name} {device}")


def innermost(packet):
    while packet.payload.haslayer(IPv6):
        packet = packet.payload.getlayer(IPv6)
    return packet


def packets(directory):
    """Whole connections, as each host receives them."""
    with Topology(servers=2) as t:
        t.file("big", 20000)
        files = [os.path.join(t.dir, f"{i}.pcap") for i in range(len(POINTS))]
        captures = [capture(t.hosts[host], device, words, path)
                    for (_, host, device, words), path in zip(POINTS, files)]
        for host in "client", "own", "r1":
            for path in "/who", "/big":
                t.curl(host, path, more=("-o", "/dev/null"))
        for process in captures:
            process.terminate()
            process.wait()
        flows = {}
        for (kind, *_), path in zip(POINTS, files):
            with PcapReader(path) as reader:
                for packet in reader:
                    if not packet.haslayer(TCP):
                        continue
                    tcp = innermost(packet[IPv6])[TCP]
                    key = kind, max(tcp.sport, tcp.dport)
                    flows.setdefault(key, []).append(
                        (float(packet.time), bytes(packet[IPv6])))
    seeds = []
    for (kind, _), sent in flows.items():
        first = [data for _, data in sorted(sent)][:FRAMES]
        seeds.append(b"".join(frame(kind, data) for data in first))
    # Roles meet: what one host gets, another gets, too.
    write(directory, seeds + [b"".join(seeds)[:8000]])


def netlink_messages(path):
    """Requests in a capture of nlmon: type, flags, what follows."""
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if data[:4] == bytes.fromhex("d4c3b2a1") else ">"
    at = 24
    while at < len(data):
        length, = struct.unpack_from(order + "I", data, at + 8)
        message = data[at + 16 + 16:at + 16 + length]
        at += 16 + length
        if len(message) >= 16:
            size, kind, flags = struct.unpack_from("=IHH", message)
            if flags & 1:
                yield kind, flags, message[16:size]


def messages(directory):
    """What `ip` says, for each command and all in a row."""
    ns = netns.Netns("seeds")
    ns.later("link add net type dummy")
    ns.later("link set net up")
    ns.later("link add nlmon type nlmon")
    ns.later("link set nlmon up")
    ns.flush()
    socket = nl.Genl(ns)
    family = socket.family
    socket.close()
    path = "/run/seeds.pcap"
    process = capture(ns, "nlmon", "", path)
    for line in COMMANDS[:-1]:
        ns.ip("manycast " + line)
    for verb in "add", "replace", "del":
        for route in ROUTES:
            ns.ip(f"-6 route {verb} {route}")
    ns.ip("manycast " + COMMANDS[-1])
    process.terminate()
    process.wait()
    seeds = []
    for kind, flags, data in netlink_messages(path):
        if kind == RTM_NEWROUTE:
            seeds.append(frame(NEW_ROUTE | (flags & 0x100 and 0x80), data))
        elif kind == RTM_DELROUTE:
            seeds.append(frame(DEL_ROUTE, data))
        elif kind == family:
            seeds.append(frame(DUMP_KIND if flags & DUMP == DUMP else FAMILY,
                               data))
    ns.remove()
    write(directory, seeds + [b"".join(seeds[:12]), b"".join(seeds[-20:])])
