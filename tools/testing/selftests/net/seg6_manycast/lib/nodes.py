# SPDX-License-Identifier: GPL-2.0
"""One node of each kind, alone on a link whose other end is ours.

         wire (no stack)
    sel0    srv0    net0    lan0
     |       |       |       |
    sel     srv      `-edge--'

Whatever a node sends comes to us, and nothing answers it.
"""

import select
import socket
import struct
import subprocess
import time

from . import netns
from .ktap import TIME_FACTOR
from .topology import EDGE_SID, PREFIX, SEL_SID, SERVICE, sid

LINKS = (("sel", "net", "sel0"), ("srv", "net", "srv0"),
         ("edge", "net", "net0"), ("edge", "lan", "lan0"))
EMPTY = "2001:db8:5::81"  # a service without instances
ANY = "2001:db8:6::80"  # behind the edge, which learns any server for it
FLOWS = 64


def _noise(packet):
    """Neighbour discovery and multicast listener reports."""
    return (packet[6] == 0 and packet[40] == 58 and packet[48] == 143) or \
        (packet[6] == 58 and 133 <= packet[40] <= 137)


class Port:
    """Our end of a link."""

    def __init__(self, wire, dev, mac):
        with wire:
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                      socket.htons(0x86dd))
            self.sock.bind((dev, 0x86dd))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.sock.setblocking(False)
        self.head = mac + bytes.fromhex("02000000000086dd")

    def send(self, packet):
        self.sock.send(self.head + packet)

    def drain(self):
        """All that has come by now."""
        packets = []
        while True:
            try:
                packet = self.sock.recv(65536)[14:]
            except BlockingIOError:
                return packets
            if not _noise(packet):
                packets.append(packet)

    def take(self, count, timeout=5.0):
        """So many packets or more, or what came until the time is over."""
        packets = self.drain()
        end = time.monotonic() + timeout * TIME_FACTOR
        while len(packets) < count and time.monotonic() < end:
            select.select([self.sock], [], [], 0.05)
            packets += self.drain()
        return packets

    def close(self):
        self.sock.close()


class Nodes:
    """Makes them; use as a context manager.

    instances   how many the selector has
    service     words for `ip manycast service add web`, beside the SID
    """

    def __init__(self, instances=3, service=""):
        names = "wire", "sel", "srv", "edge"
        self.hosts = dict(zip(names, netns.create("lone-" + name
                                                  for name in names)))
        self.ports = {}
        for number, (node, dev, port) in enumerate(LINKS, 1):
            self._link(number, self.hosts[node], dev, port)
        self._selector(instances, service)
        self._server()
        self._edge()
        for host in self.hosts.values():
            host.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for port in self.ports.values():
            port.close()
        netns.remove(self.hosts.values())

    def _link(self, number, host, dev, port):
        wire = self.hosts["wire"]
        mac = bytes((2, 0, 0, 0, 1, number))
        # No addresses by themselves: no noise.
        host.sysctl("net.ipv6.conf.default.addr_gen_mode", 1)
        # ICMPv6 errors as often as they are due.
        host.sysctl("net.ipv6.icmp.ratemask", "\n")
        wire.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        subprocess.run(["ip", "link", "add", port, "netns", wire.name,
                        "type", "veth", "peer", "name", dev, "netns",
                        host.name, "address", mac.hex(":")], check=True)
        wire.later(f"link set {port} address 02:00:00:00:00:00 up")
        wire.flush()
        host.later(f"link set {dev} up")
        host.later(f"addr add 2001:db8:f{number}::1/64 dev {dev} nodad")
        host.later(f"neigh add 2001:db8:f{number}::2 dev {dev} "
                   "lladdr 02:00:00:00:00:00 nud permanent")
        if dev == "net":
            host.later(f"route add default via 2001:db8:f{number}::2")
        self.ports[port] = Port(wire, port, mac)

    def _selector(self, instances, service):
        sel = self.hosts["sel"]
        via = "via 2001:db8:f1::2 dev net"
        sel.later(f"manycast service add web sid {SEL_SID} {service}")
        sel.later("manycast service add none sid fc00:a::2")
        sel.later(f"route add {SERVICE}/128 encap seg6local action "
                  f"End.MAnycast service web acl fc00::/16 {via}")
        sel.later(f"route add {EMPTY}/128 encap seg6local action "
                  f"End.MAnycast service none {via}")
        sel.later(f"route add {SEL_SID}/128 encap seg6local action "
                  f"End.MAnycast acl fc00::/16 {via}")
        for i in range(1, instances + 1):
            sel.later(f"manycast instance add service web sid {sid(i)}")

    def _server(self):
        srv = self.hosts["srv"]
        srv.later(f"addr add {SERVICE}/128 dev lo nodad")
        srv.later(f"route add {sid(1)}/128 encap seg6local action "
                  "End.MAnycast.S table local acl fc00:a::/32 dev net")

    def _edge(self):
        edge = self.hosts["edge"]
        edge.later("route add 2001:db8:c::/64 via 2001:db8:f4::2 dev lan")
        edge.later(f"route add {PREFIX} encap seg6local action H.MAnycast "
                   f"sid {EDGE_SID} servers fc00:5::/32 limit {FLOWS} "
                   "via 2001:db8:f3::2 dev net")
        edge.later(f"route add {ANY} encap seg6local action H.MAnycast "
                   f"sid {EDGE_SID} via 2001:db8:f3::2 dev net")
        edge.later(f"route add {EDGE_SID}/128 encap seg6local action "
                   "End.MAnycast.C acl fc00:a::/32 dev net")


def header(packet):
    """Next Header, hop limit, source, destination."""
    return (packet[6], packet[7],
            socket.inet_ntop(socket.AF_INET6, packet[8:24]),
            socket.inet_ntop(socket.AF_INET6, packet[24:40]))


def icmp_error(packet):
    """Destination, type, code, pointer or MTU; None if it is no error."""
    if packet[6] != 58 or packet[40] >= 128:
        return None
    return (header(packet)[3], *packet[40:42],
            struct.unpack("!I", packet[44:48])[0])
