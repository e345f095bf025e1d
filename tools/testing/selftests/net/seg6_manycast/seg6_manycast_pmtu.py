#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 85
# size: large
"""A link of 1280 octets anywhere: path MTU discovery finds it, inside tunnels,
too, and what is encapsulated fits through it, in fragments where it must.

A connection exists before its path becomes narrow, then carries as much both
ways as its ends send. Whoever sends an ICMPv6 error into a tunnel gets
nowhere with a lie.
"""

import os
import socket
import struct

from scapy.layers.inet import TCP
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6PacketTooBig,
                                ICMPv6ParamProblem, ICMPv6TimeExceeded, IPv6,
                                IPv6ExtHdrSegmentRouting)
from scapy.packet import Raw

from lib import front, ktap, nl
from lib.ktap import equal, true, wait_for
from lib.selector import counted
from lib.topology import (CLIENT, EDGE_SID, OWN, OWN_SID, SEL_SID, SERVICE,
                          UNAWARE, Topology, sid)
from lib.traffic import Mirror, connect
from lib.wire import raw_socket

PORT = 7000
BULK = 100_000 if ktap.SLOW else 400_000
NARROW = 1280
WORDS = "candidates hash tombstone 200"
# Milliseconds to the servers: the nearest is to win.
DELAYS = (1, 30, 60) if ktap.SLOW else (1, 3, 5)
PACKET_TOO_BIG, UNREACHABLE = 2, 1
ROUTER = "fd00:2::2"


def send_all_and_hear(sock, size=BULK):
    """So many octets to the server and back."""
    body = os.urandom(size)
    sock.sendall(struct.pack("!I", size) + body)
    heard = b""
    while len(heard) < size:
        data = sock.recv(1 << 20)
        true(data, f"closed after {len(heard)} octets")
        heard += data
    true(heard == body, "what came back is what was sent")


class Errors:
    """ICMPv6 errors that come in on a device."""

    def __init__(self, ns, device):
        with ns:
            self.sock = raw_socket(device)
        self.sock.setblocking(False)

    def read(self, kind):
        """Those of a type by now, as scapy reads them."""
        found = []
        while True:
            try:
                frame, where = self.sock.recvfrom(1 << 16)
            except BlockingIOError:
                return found
            packet = frame[14:]
            if where[2] == socket.PACKET_HOST and packet[6] == 58 and \
                    packet[40] == kind:
                found.append(IPv6(packet))

    def close(self):
        self.sock.close()


def check_error(error, client, mtu=None):
    """An error as a client must see it: about its own packet, all of it."""
    again = error.copy()
    del again[1].cksum
    equal(IPv6(bytes(again))[1].cksum, error[1].cksum, "checksum")
    equal(error.dst, client, "whom it is for")
    true(len(error) <= NARROW, "no longer than the minimum MTU")
    quoted = IPv6(bytes(error[1].payload))
    equal((quoted.src, quoted.dst, quoted.nh), (client, SERVICE, 6),
          "what it quotes")
    if mtu:
        equal(error[1].mtu, mtu, "MTU")


class Net:
    """The topology, and three kinds of clients."""

    def __init__(self):
        self.topology = t = Topology(servers=3, nginx=False,
                                     service=WORDS,
                                     delays=DELAYS)
        t.add_unaware()
        self.servers = [Mirror(s, "::", PORT) for s in t.servers()]
        self.errors = {}
        self.socks = {}
        self.narrowed = []
        for name, device in (("client", "edge"), ("own", "lo"),
                             ("unaware", "r1")):
            self.errors[name] = Errors(t.hosts[name], device)
        for name, host in t.hosts.items():
            # Errors as often as they are due.
            host.sysctl("net.ipv6.icmp.ratemask", "\n")

    ADDRESSES = {"client": CLIENT, "own": OWN, "unaware": UNAWARE}
    TELLER = {"client": "edge", "own": "own", "unaware": "sel"}

    def connect(self, *names):
        """One connection each, that carries something already."""
        for name in names or self.ADDRESSES:
            sock = connect(self.topology.hosts[name], SERVICE, PORT, 30)
            self.socks[name] = sock
            send_all_and_hear(sock, 3000)

    def selector(self, words=""):
        """The selector starts again."""
        sel = self.topology.sel
        wait_for(lambda: not sel.service()["open"], "tombstones end")
        sel.ip(f"-6 route del {SERVICE}/128")
        sel.ip("manycast service del web")
        sel.later(f"manycast service add web sid {SEL_SID} "
                  f"{WORDS} {words}")
        for i in (3, 2, 1):
            sel.later(f"manycast instance add service web sid {sid(i)}")
        sel.later(f"route add {SERVICE}/128 encap seg6local "
                  "action End.MAnycast service web dev r1")
        sel.flush()

    def narrow(self, *links):
        """Links, by the names of both ends, carry no more than that."""
        for a, b in links:
            for here, there in ((a, b), (b, a)):
                self.topology.hosts[here].ip(f"link set {there} mtu {NARROW}")
                self.narrowed.append((here, there))

    def stats(self, name):
        return self.topology.hosts[name].stats()

    def too_big(self, name):
        return self.errors[name].read(PACKET_TOO_BIG)

    def reassembled(self):
        return sum(s.stats()["reassembled"] for s in self.topology.servers())

    def restore(self):
        for sock in self.socks.values():
            sock.close()
        self.socks = {}
        for here, there in self.narrowed:
            self.topology.hosts[here].ip(f"link set {there} mtu 1500")
        self.narrowed = []
        for ns in self.topology.hosts.values():
            ns.ip("-6 route flush cache")
        for name in self.errors:
            self.too_big(name)

    def remove(self):
        self.topology.remove()


def all_get_through(net):
    for name, sock in net.socks.items():
        try:
            send_all_and_hear(sock)
        except OSError as e:
            raise AssertionError(f"{name}: {e}") from e


the_net = ktap.Shared(Net)
CASES = []
case = ktap.case_of(the_net, CASES)


def told_in_the_tunnel(net, *links):
    """Who encapsulates hears of it, tells its client, and knows it then."""
    for name, teller in net.TELLER.items():
        net.connect(name)
        before, whole = net.stats(teller), net.reassembled()
        net.narrow(*links)
        all_get_through(net)
        errors = net.too_big(name)
        true(errors, f"{name} was told")
        for error in errors:
            check_error(error, net.ADDRESSES[name], NARROW)
        got = counted(net.stats(teller), before)
        true(got.get("error_mtu") and got.get("error_relayed"),
             f"{teller} counts: {got}")
        # What is its own edge knows how much that adds.
        true(name == "own" or net.reassembled() > whole,
             f"{name}: servers put fragments together")
        net.restore()


@case
def between_routers(net):
    told_in_the_tunnel(net, ("r1", "r2"))


@case
def before_the_servers(net):
    told_in_the_tunnel(net, *(("r2", f"s{i}") for i in (1, 2, 3)))


@case
def between_client_and_edge(net):
    net.connect("client")
    net.narrow(("client", "edge"))
    all_get_through(net)
    equal(net.too_big("client"), [], "errors")


@case
def behind_the_edge(net):
    net.connect("client", "own")
    net.narrow(("edge", "r1"), ("own", "r1"))
    all_get_through(net)
    errors = net.too_big("client")
    true(errors, "the client was told")
    for error in errors:
        check_error(error, CLIENT, NARROW)


@case
def before_the_selector(net):
    net.connect()
    whole = net.reassembled()
    net.narrow(("sel", "r1"))
    all_get_through(net)
    true(net.reassembled() > whole, "servers put fragments together")
    for error in net.too_big("unaware"):
        check_error(error, UNAWARE, NARROW)


@case
def before_an_unaware_client(net):
    net.connect("unaware")
    net.narrow(("unaware", "r1"))
    all_get_through(net)


@case
def what_is_known_is_told_at_once(net):
    """The next connection has an MSS that fits, and needs no fragment."""
    for name in "client", "unaware":
        net.connect(name)
        net.narrow(("r1", "r2"))
        all_get_through(net)
        net.socks[name].close()
        before, whole = net.stats(net.TELLER[name]), net.reassembled()
        net.connect(name)
        mss = net.socks[name].getsockopt(socket.IPPROTO_TCP,
                                         socket.TCP_MAXSEG)
        true(mss <= NARROW - 40 - 60, f"{name}: MSS {mss}")
        body = b"x" * BULK
        net.socks[name].sendall(struct.pack("!I", BULK) + body)
        wait_for(lambda n=name: net.socks[n].recv(1), "all has arrived", 30)
        got = counted(net.stats(net.TELLER[name]), before)
        true("drop_too_big" not in got, f"{name}: nothing too big: {got}")
        equal(net.reassembled(), whole, f"{name}: reassembled")
        net.restore()


@case
def a_wide_flow_on_a_narrow_path(net):
    """Who encapsulates knows of the path by another flow, and tells this one
    itself.
    """
    for name in net.ADDRESSES:
        net.connect(name)
        other = net.socks.pop(name)
        net.connect(name)
        net.narrow(("r1", "r2"))
        send_all_and_hear(other)
        other.close()
        true(net.too_big(name), "an error for the first one")
        teller = net.TELLER[name]
        before = net.stats(teller)
        send_all_and_hear(net.socks[name])
        got = counted(net.stats(teller), before)
        true("error_mtu" not in got, f"{name}: no error came: {got}")
        net.restore()


@case
def a_hunted_packet_in_fragments(net):
    """Servers that have not the connection put it together and send it on. The
    link to the nearest server, which has all connections, lies behind them.
    """
    socks = []
    for _ in range(8):
        net.connect("unaware")
        socks.append(net.socks.pop("unaware"))
    net.selector("affinity hunt")
    servers = net.topology.servers()
    net.narrow(("r2", "s1"))
    on = sum(s.stats()["hunt_on"] for s in servers)
    whole = net.reassembled()
    try:
        for sock in socks:
            send_all_and_hear(sock, 20000)
            sock.close()
        more = sum(s.stats()["hunt_on"] for s in servers) - on
        true(more, "some had to go on")
        true(net.reassembled() - whole > more,
             "fragments were put together again and again")
    finally:
        net.selector()


@case
def an_unreachable_server(net):
    """RFC 2473 section 8: the sender hears that the address is unreachable;
    TCP takes it as passing.
    """
    net.connect("client", "unaware")
    t = net.topology
    before = {name: net.stats(net.TELLER[name]) for name in net.socks}
    t.r1.ip("-6 route del fc00:5::/32")
    t.r1.ip("-6 route add unreachable fc00:5::/32")
    try:
        for name, sock in net.socks.items():
            sock.sendall(struct.pack("!I", 1) + b"x")
            error, *_ = wait_for(
                lambda n=name: net.errors[n].read(UNREACHABLE),
                f"{name} is told")
            check_error(error, net.ADDRESSES[name])
            equal(error[1].code, 3, "address unreachable")
            got = counted(net.stats(net.TELLER[name]), before[name])
            true(got.get("error_relayed"), f"{name}: {got}")
    finally:
        t.r1.ip("-6 route del fc00:5::/32")
        t.r1.ip("-6 route add fc00:5::/32 via fd00:2::2")
    for name, sock in net.socks.items():
        equal(sock.recv(1), b"x", f"{name} goes on")


@case
def a_race_goes_on(net):
    """Two of three servers cannot be reached: nobody hears of it."""
    t = net.topology
    before = net.stats("sel")
    t.r2.later("route replace unreachable fc00:5:1::/48")
    t.r2.later("route replace unreachable fc00:5:2::/48")
    t.r2.flush()
    try:
        net.connect("client", "unaware")
        got = counted(net.stats("sel"), before)
        equal(got.get("drop_error_handshake"), 4, "errors about SYNs")
        for name in "client", "unaware":
            equal(net.errors[name].read(UNREACHABLE), [], f"{name} heard")
    finally:
        for i in (1, 2):
            t.r2.ip("-6 route del unreachable fc00:5:%d::/48" % i)
            t.r2.ip(f"-6 route add fc00:5:{i}::/48 via fd00:5:{i}::2")


# Lies. A good error first, so that each lie is the only thing wrong.

class Liar:
    """Errors for a SID about packets of a connection that exists."""

    def __init__(self, net, name):
        self.net, self.name = net, name
        t = net.topology
        self.host = t.hosts[net.TELLER[name]]
        self.counters = nl.Counters(self.host)
        self.source = {"client": EDGE_SID, "own": OWN_SID,
                       "unaware": SEL_SID}[name]
        self.client = net.ADDRESSES[name]
        net.connect(name)
        self.port = net.socks[name].getsockname()[1]
        self.server = self._server()

    def _server(self):
        """Who has the connection: ESTABLISHED, of this port."""
        for i, s in enumerate(self.net.topology.servers(), 1):
            with s, open("/proc/net/tcp6", encoding="ascii") as f:
                if any(line.split()[2].endswith(f":{self.port:04X}") and
                       line.split()[3] == "01" for line in f):
                    return i
        raise AssertionError("nobody has the connection")

    def inner(self, **more):
        more = {"sport": self.port, "dport": PORT, "flags": "A", **more}
        return IPv6(src=self.client, dst=SERVICE) / TCP(**more) / \
            Raw(bytes(1400))

    def outer(self, inner=None, src=None, dst=None, segments=None, left=None):
        """As the edge and the selector encapsulate."""
        dst = dst or sid(self.server)
        packet = IPv6(src=src or self.source, dst=dst)
        if self.name == "unaware":
            segments = segments or [dst]
        if segments:
            last = len(segments) - 1
            packet /= IPv6ExtHdrSegmentRouting(
                addresses=segments, lastentry=last,
                segleft=last if left is None else left)
        return packet / (inner or self.inner())

    def tell(self, quoted, kind=None, cut=1232, **broken):
        """Send the error; returns what is counted."""
        kind = kind or ICMPv6PacketTooBig(mtu=1400)
        error = IPv6(src=ROUTER, dst=self.source) / kind.copy() / \
            Raw(bytes(quoted)[:cut])
        for field, value in broken.items():
            setattr(error[1], field, value)
        before = self.counters.read()
        router = self.net.topology.r2
        with router, socket.socket(socket.AF_INET6, socket.SOCK_RAW,
                                   socket.IPPROTO_RAW) as raw:
            raw.sendto(bytes(error), (self.source, 0))
        return wait_for(lambda: counted(self.counters.read(), before),
                        "it is counted")

    def knows_no_mtu(self):
        route = self.host.ip(f"-6 route get {sid(self.server)} "
                             f"from {self.source}", check=False)
        text = route if isinstance(route, str) else route.stdout
        true("mtu" not in text, f"{self.name}: learnt {text}")
        equal(self.net.too_big(self.name), [], "errors at the client")
        equal(self.net.errors[self.name].read(UNREACHABLE), [], "errors")


def lies(liar):
    """What is told, and what it is counted as."""
    good = liar.outer()
    syn = liar.inner(flags="S", seq=4711)
    for mtu in (0, 1, 1279, 0xffffffff, len(good)):
        yield f"MTU {mtu}", liar.tell(
            good, ICMPv6PacketTooBig(mtu=mtu)), "drop_error_mtu"
    first = len(good) - 1400 - 20       # where TCP begins
    for cut in (0, 39, 40, 60, first - 1, first, first + 13):
        yield f"cut to {cut}", liar.tell(good, cut=cut), "drop_malformed"
    yield "checksum", liar.tell(good, cksum=0x1234), "drop_malformed"
    yield "another source", liar.tell(
        liar.outer(src="fc00:a::2")), "drop_error_foreign"
    yield "no tunnel", liar.tell(IPv6(
        src=liar.source, dst=sid(liar.server)) / TCP() /
        Raw(bytes(1400))), "drop_error_foreign"
    yield "to nobody", liar.tell(
        liar.outer(dst="fc00:6::1")), "drop_error_foreign"
    yield "a detour", liar.tell(liar.outer(
        dst="fc00:6::1", segments=[sid(liar.server), "fc00:6::1"])), \
        "drop_error_foreign"
    yield "a RST", liar.tell(liar.outer(liar.inner(flags="R"))), \
        "drop_error_handshake"
    yield "a SYN-ACK", liar.tell(liar.outer(liar.inner(flags="SA"))), \
        "drop_error_handshake"
    yield "Parameter Problem", liar.tell(
        good, ICMPv6ParamProblem(code=0)), "drop_error_kind"
    yield "reassembly", liar.tell(
        good, ICMPv6TimeExceeded(code=1)), "drop_error_kind"
    yield "type 100", liar.tell(good, type=100), "drop_error_kind"
    if liar.name != "unaware":
        yield "another flow", liar.tell(
            liar.outer(liar.inner(sport=1))), "drop_error_foreign"
        yield "another SYN", liar.tell(IPv6(
            src=liar.source, dst=SERVICE) / syn, ICMPv6DestUnreach()), \
            "drop_error_foreign"
    else:
        yield "a copy of a SYN", liar.tell(liar.outer(
            syn, segments=[sid(liar.server), SEL_SID], left=0),
            ICMPv6DestUnreach()), "drop_error_handshake"


@case
def nobody_believes_lies(net):
    for name in net.ADDRESSES:
        liar = Liar(net, name)
        for what, got, want in lies(liar):
            equal(got, {want: 1}, f"{name}: {what}")
        liar.knows_no_mtu()
        equal(liar.tell(liar.outer()), {"error_mtu": 1, "error_relayed": 1},
              f"{name}: the truth")
        true("mtu 1400" in liar.host.ip(
            f"-6 route get {sid(liar.server)} from {liar.source}"),
            "it is learnt")
        send_all_and_hear(net.socks[name], 3000)


@case
def errors_at_a_server(net):
    """Its SID is the source of answers alone, and TCP repeats them."""
    s = net.topology.server(1)
    router = net.topology.r2
    answer = IPv6(src=sid(1), dst=SEL_SID) / IPv6ExtHdrSegmentRouting(
        addresses=[SEL_SID, sid(1)], segleft=0, lastentry=1) / IPv6(
            src=SERVICE, dst=UNAWARE) / TCP(sport=PORT, flags="SA")
    for inner, want in ((answer, "drop_error_handshake"),
                        (IPv6(src=sid(1), dst=SEL_SID) / IPv6(
                            src=SERVICE, dst=UNAWARE) / TCP(flags="A"),
                         "drop_error_foreign")):
        before = s.stats()
        error = IPv6(src=ROUTER, dst=sid(1)) / ICMPv6DestUnreach() / inner
        with router, socket.socket(socket.AF_INET6, socket.SOCK_RAW,
                                   socket.IPPROTO_RAW) as raw:
            raw.sendto(bytes(error), (sid(1), 0))
        wait_for(lambda b=before: counted(s.stats(), b), want)
        equal(counted(s.stats(), before), {want: 1}, "counted")


# Behind hashers.

class Front:
    """Hashers, selectors, and clients that know of neither."""

    def __init__(self):
        self.net = net = front.Network(
            decap_action="End.MAnycast.S table main services ::1/128")
        self.servers = [Mirror(net[f"s{i}"], "::", PORT)
                        for i in net.server_numbers]
        for i in net.numbers:
            net[f"sel{i}"].ip("manycast service set web candidates hash")
        for host in net.hosts.values():
            host.sysctl("net.ipv6.icmp.ratemask", "\n")
        self.errors = Errors(net["client"], "r")
        self.socks = []
        self.narrowed = []

    def connect(self, name="client"):
        sock = connect(self.net[name], SERVICE, PORT, 30)
        self.socks.append(sock)
        send_all_and_hear(sock, 3000)
        return sock

    def narrow(self, *names):
        """Their links to r."""
        for name in names:
            for here, device in ((name, "r"), ("r", name)):
                self.net[here].ip(f"link set {device} mtu {NARROW}")
            self.narrowed.append(name)

    def sums(self, word, key):
        """A counter of all hosts of that kind."""
        return sum(ns.stats()[key] for name, ns in self.net.hosts.items()
                   if name.rstrip("0123456789") == word)

    def restore(self):
        for sock in self.socks:
            sock.close()
        self.socks = []
        for name in self.narrowed:
            for here, device in ((name, "r"), ("r", name)):
                self.net[here].ip(f"link set {device} mtu 1500")
        self.narrowed = []
        for ns in self.net.hosts.values():
            ns.ip("-6 route flush cache")
        self.errors.read(PACKET_TOO_BIG)

    def remove(self):
        self.net.__exit__()


def make_front():
    # The hosts' names are the same.
    the_net.remove()
    return Front()


the_front = ktap.Shared(make_front)
behind = ktap.case_of(the_front, CASES)


@behind
def between_hasher_and_selector(f):
    for name in "client", "own":
        f.connect(name)
    relayed = f.sums("h", "error_relayed")
    f.narrow("sel1", "sel2")
    for sock in f.socks:
        send_all_and_hear(sock)
    errors = f.errors.read(PACKET_TOO_BIG)
    true(errors, "the client was told")
    for error in errors:
        check_error(error, CLIENT, NARROW)
    true(f.sums("h", "error_relayed") > relayed, "by a hasher")
    true(f.sums("sel", "reassembled"), "selectors put fragments together")


@behind
def between_client_and_hasher(f):
    for name in "client", "own":
        f.connect(name)
    f.narrow("h1", "h2")
    for sock in f.socks:
        send_all_and_hear(sock)


@behind
def between_selector_and_server(f):
    for name in "client", "own":
        f.connect(name)
    f.narrow("s1", "s2")
    for sock in f.socks:
        send_all_and_hear(sock)
    for error in f.errors.read(PACKET_TOO_BIG):
        check_error(error, CLIENT)


@behind
def through_another_selector(f):
    """A router's error about what a server sends comes to a selector that has
    never heard of the connection.
    """
    counts = {i: f.net[f"sel{i}"].service()["stats"]["syn"]
              for i in f.net.numbers}
    sock = f.connect()
    mine, = [i for i, n in counts.items() if
             f.net[f"sel{i}"].service()["stats"]["syn"] > n]
    other = 3 - mine
    r = f.net["r"]
    # What r itself sends, and that is errors, goes around the hashers.
    r.ip(f"-6 route add {SERVICE}/128 via {f.net.address(f'sel{other}')} "
         "table 77")
    r.ip("-6 rule add iif lo lookup 77")
    try:
        hunted = f.net[f"sel{other}"].service()["stats"]["hunted"]
        f.narrow("client")
        # The client's own device is narrow, too, but not the server's idea
        # of the way.
        send_all_and_hear(sock)
        true(f.net[f"sel{other}"].service()["stats"]["hunted"] > hunted,
             "the other selector hunted for the server")
    finally:
        r.ip("-6 rule del iif lo lookup 77")
        r.ip("-6 route flush table 77")


if __name__ == "__main__":
    try:
        ktap.run(CASES)
    finally:
        the_net.remove()
        the_front.remove()
