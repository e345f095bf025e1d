#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 30
# size: large
"""H.MAnycast.Hash: every packet of a flow, and every error about it, reaches
the same selector through whichever hasher it comes.
"""

import collections
import hashlib
import json
import os
import socket
import subprocess

from lib import ktap
from lib.capture import Capture, no_offloads
from lib.front import KEY, Lone, Network, decap, front, source
from lib.ktap import equal, true, wait_for
from lib.netns import Netns
from lib.topology import EDGE_SID, OWN_SID, SERVICE
from lib.traffic import Digest, Server, ask, connect
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoRequest,
                                ICMPv6PacketTooBig, ICMPv6ParamProblem,
                                ICMPv6TimeExceeded, IPv6,
                                IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                                IPv6ExtHdrHopByHop,
                                IPv6ExtHdrSegmentRouting, fragment6)
from scapy.packet import Raw

ROUTER = "2001:db8:77::1"
FLOWS, SOME = (80, 12) if ktap.SLOW else (200, 40)
ERRORS = (ICMPv6DestUnreach(code=4), ICMPv6PacketTooBig(mtu=1280),
          ICMPv6TimeExceeded(), ICMPv6ParamProblem(code=1))
MADE = {}


def lone(i):
    """Hashers 1 and 2: the same selectors, in another order."""
    if i not in MADE:
        order = [(1, ""), (2, ""), (3, "weight 2")]
        MADE[i] = Lone(i, order if i == 1 else order[::-1])
    return MADE[i]


def client(n):
    """The address of client n."""
    return f"2001:db8:c::{n % 50 + 2:x}"


def packet(n, kind=TCP, **more):
    """A client's packet of flow n."""
    if kind is TCP:
        more = {"flags": "S", "seq": n, **more}
    return IPv6(src=client(n), dst=SERVICE, hlim=64) / kind(
        sport=20000 + n, dport=443, **more)


def reply(n, kind=TCP, size=100):
    """A server's packet of flow n."""
    more = {"flags": "A"} if kind is TCP else {}
    return IPv6(src=SERVICE, dst=client(n), hlim=64) / kind(
        sport=443, dport=20000 + n, **more) / Raw(bytes(size))


def error(quoted, kind=ERRORS[0], cut=None):
    """What a router says about a packet, of which it quotes the beginning."""
    return IPv6(src=ROUTER, dst=SERVICE, hlim=64) / kind / \
        Raw(bytes(quoted)[:cut])


def flows(kind=TCP, count=FLOWS):
    return [packet(n, kind) for n in range(count)]


def the_packet_is_wrapped():
    """Octet by octet: nothing of it changes but the hop limit."""
    h = lone(1)
    sent = IPv6(bytes(packet(1, TCP, flags="PA") / Raw(b"x" * 99)))
    sent.tc, sent.fl = 0xb9, 0x12345
    sent = IPv6(bytes(sent))
    before = h.hashed()
    got, = h.send(sent)
    equal((got.src, got.nh, got.hlim, got.tc), (source(1), 41, 64, 0xb9),
          "outer header")
    true(got.dst in {decap(i) for i in (1, 2, 3)}, f"to {got.dst}")
    true(got.fl, "a flow label")
    equal(got.plen, len(sent), "outer length")
    sent.hlim -= 1
    equal(bytes(got.payload), bytes(sent), "inner packet")
    before[got.dst] += 1
    equal(h.hashed(), before, "counted")


def waypoints_need_an_srh():
    h = lone(1)
    h.ns.ip("manycast service add way sid fc00:b:1::2 key " + KEY)
    h.ns.ip(f"manycast instance add service way sid {decap(9)} "
            "segs fc00:9::1,fc00:9::2")
    h.ns.ip("-6 route add 2001:db8:7::/64 encap seg6local "
            "action H.MAnycast.Hash service way dev r")
    p = packet(1)
    p.dst = "2001:db8:7::80"
    got, = h.send(p)
    srh = got[IPv6ExtHdrSegmentRouting]
    equal((got.src, got.dst), ("fc00:b:1::2", "fc00:9::1"), "outer addresses")
    equal((srh.addresses, srh.segleft, srh.nh),
          ([decap(9), "fc00:9::2", "fc00:9::1"], 2, 41), "SRH")
    h.ns.ip("-6 route del 2001:db8:7::/64")
    h.ns.ip("manycast service del way")


def two_hashers_agree():
    for kind in TCP, UDP:
        one, two = lone(1).to(*flows(kind)), lone(2).to(*flows(kind))
        equal(one, two, f"selectors of {kind.__name__} flows")
        equal(lone(1).to(*flows(kind)), one, "and again")
    true(lone(1).to(*flows(TCP)) != lone(1).to(*flows(UDP)),
         "the protocol counts")


def order_does_not_matter():
    """Thirty selectors contend for few slots: where order decided who comes
    first, one flow in twenty would go elsewhere. Among three in a large table,
    one in five thousand.
    """
    found = []
    for h, order in (lone(1), range(30)), (lone(2), range(29, -1, -1)):
        h.ns.later(f"manycast service add many sid {source(h.number)} "
                   f"key {KEY} slots 4099")
        for i in order:
            h.ns.later(f"manycast instance add service many sid {decap(i)}")
        h.ns.later("route add 2001:db8:7::/64 encap seg6local "
                   "action H.MAnycast.Hash service many dev r")
        h.ns.flush()
        sent = flows()
        for p in sent:
            p.dst = "2001:db8:7::80"
        found.append(h.to(*sent))
        h.ns.ip("-6 route del 2001:db8:7::/64")
        h.ns.ip("manycast service del many")
    equal(found[0], found[1], "selectors")
    true(len(set(found[0])) > 25, "all of them")


def weights_are_shares():
    """Five standard deviations of a binomial distribution."""
    got = collections.Counter(lone(1).to(*flows()))
    for i, share in ((1, .25), (2, .25), (3, .5)):
        off = abs(got[decap(i)] - FLOWS * share)
        true(off < 5 * (FLOWS * share * (1 - share)) ** .5, f"shares {got}")


def all_of_a_flow_stays_together():
    """SYN, data, FIN; and what has extension headers."""
    h, want = lone(1), lone(1).to(*flows(count=SOME))
    for letters in "A", "PA", "FA", "R":
        equal(h.to(*(packet(n, flags=letters, seq=99, ack=n)
                     for n in range(SOME))), want, f"flags {letters}")
    for header in (IPv6ExtHdrDestOpt(), IPv6ExtHdrHopByHop(),
                   IPv6ExtHdrFragment(id=7)):
        equal(h.to(*(IPv6(src=p.src, dst=p.dst) / header / p[TCP]
                     for p in flows(count=SOME))), want,
              f"with {header.name}")


def syns_of_edges_follow_their_client():
    """Packet 1, which the hasher leaves as it is but for the hop limit."""
    want = lone(1).to(*flows(count=SOME))
    tunnelled = [IPv6(bytes(IPv6(src=EDGE_SID, dst=SERVICE) / p))
                 for p in flows(count=SOME)]
    for h in lone(1), lone(2):
        equal(h.to(*tunnelled), want, "selectors")
    got, = lone(1).send(tunnelled[0])
    tunnelled[0].hlim -= 1
    equal(bytes(got.payload), bytes(tunnelled[0]), "packet 1")


def errors_follow_the_flow():
    for kind in TCP, UDP:
        want = lone(1).to(*flows(kind, SOME))
        for h in lone(1), lone(2):
            for e in ERRORS:
                equal(h.to(*(error(reply(n, kind), e) for n in range(SOME))),
                      want, f"{e.name} about {kind.__name__}")


def errors_that_quote_little():
    """Eight octets behind the IPv6 header, and not even the ports."""
    h, want = lone(1), lone(1).to(*flows(count=SOME))
    equal(h.to(*(error(reply(n), cut=48) for n in range(SOME))), want,
          "ports are there")
    quotes = [error(reply(n), cut=43) for n in range(SOME)]
    addresses = h.to(*(IPv6(src=client(n), dst=SERVICE) /
                       ICMPv6EchoRequest(id=n) for n in range(SOME)))
    equal(h.to(*quotes), addresses, "by the addresses of the quote")
    equal(h.to(error(reply(1), cut=30)), h.to(error(reply(2), cut=30)),
          "by the router's")


def errors_about_what_is_in_the_way():
    """Extension headers, a tunnel, a first fragment."""
    h, want = lone(1), lone(1).to(*flows(UDP, SOME))
    replies = [reply(n, UDP, 40) for n in range(SOME)]
    for what, quote in (
            ("extension headers", lambda p: IPv6(src=p.src, dst=p.dst) /
             IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / p[UDP]),
            ("tunnel", lambda p: IPv6(src=SERVICE, dst=EDGE_SID) / p),
            ("first fragment", lambda p: IPv6(src=p.src, dst=p.dst) /
             IPv6ExtHdrFragment(m=1, id=1) / p[UDP])):
        equal(h.to(*(error(quote(p)) for p in replies)), want, what)


def fragments_stay_together():
    """All of a datagram's, through either hasher."""
    seen = set()
    for n in range(20):
        whole = IPv6(src=client(n), dst=SERVICE) / IPv6ExtHdrFragment(
            id=n) / UDP(sport=20000 + n, dport=443) / Raw(os.urandom(4000))
        parts = fragment6(whole, 1400)
        true(len(parts) > 2, "fragments")
        to = lone(1).to(*parts) + lone(2).to(*parts[::-1])
        equal(len(set(to)), 1, f"selectors of datagram {n}")
        seen.add(to[0])
    true(len(seen) > 1, "other addresses, other selectors")


def others_go_by_addresses():
    h = lone(1)
    for n in range(20):
        pings = [IPv6(src=client(n), dst=SERVICE) / ICMPv6EchoRequest(id=i)
                 for i in range(5)]
        other = IPv6(src=client(n), dst=SERVICE, nh=132) / Raw(b"\1" * 40)
        equal(len(set(h.to(*pings, other))), 1, "selectors")


def hop_limit_is_taken():
    h = lone(1)
    before = h.ns.stats()["drop_hop_limit"], sum(h.hashed().values())
    p = packet(1)
    p.hlim = 2
    got, = h.send(p)
    equal(got[IPv6].payload.hlim, 1, "inner hop limit")
    p.hlim = 1
    got, = h.send(p)
    equal((got.dst, got.payload.type, got.payload.code), (p.src, 3, 0),
          "Time Exceeded")
    equal((h.ns.stats()["drop_hop_limit"], sum(h.hashed().values())),
          (before[0] + 1, before[1] + 1), "counters")


def sized(n, size, **more):
    p = packet(n, flags="A", **more)
    return p / Raw(bytes(size - len(p)))


def too_big_is_told():
    h = lone(1)
    before = h.ns.stats()["drop_too_big"], sum(h.hashed().values())
    got, = h.send(sized(1, 1460))
    equal(len(got), 1500, "fits")
    sent = sized(1, 1461)
    got, = h.send(sent)
    equal((got.dst, got.payload.type, got.payload.mtu), (client(1), 2, 1460),
          "Packet Too Big")
    sent.hlim -= 1
    equal(bytes(got)[48:], bytes(sent)[:1232], "what it quotes")
    equal((h.ns.stats()["drop_too_big"], sum(h.hashed().values())),
          (before[0] + 1, before[1] + 1), "counters")


def below_the_minimum_mtu_the_outer_is_fragmented():
    h = lone(1)
    h.ns.ip("-6 route add fc00:a::/32 via fe80::1 dev r mtu 1300")
    sent = sized(1, 1280)
    parts = h.send(sent)
    equal([p.nh for p in parts], [44, 44], "fragments of the outer packet")
    whole = b"".join(bytes(p[IPv6ExtHdrFragment].payload) for p in parts)
    equal(len(whole), 1280, "together")
    equal(whole[8:], bytes(sent)[8:], "the packet")
    h.ns.ip("-6 route del fc00:a::/32")


def drained_by_weight():
    h, before = lone(1), lone(1).to(*flows())
    h.weigh(3, 0)
    after = h.to(*flows())
    true(decap(3) not in after, "nothing for who is drained")
    moved = sum(a != b for a, b in zip(before, after) if a != decap(3))
    true(moved <= FLOWS // 50, f"{moved} flows of others moved")
    h.weigh(1, 0)
    equal(set(h.to(*flows())), {decap(2)}, "the last one")
    h.weigh(2, 0)
    dropped = h.ns.service("front")["stats"]["drop_no_instance"]
    equal(h.send(packet(1)), [], "nobody left")
    equal(h.ns.service("front")["stats"]["drop_no_instance"], dropped + 1,
          "counted")
    for i, weight in (2, 1), (1, 1), (3, 2):
        h.weigh(i, weight)
    equal(h.to(*flows()), before, "as before")


def key_and_slots_decide():
    h, before = lone(1), lone(1).to(*flows())
    for words, back in (("key " + "55" * 16, "key " + KEY),
                        ("slots 4099", "slots 65537")):
        h.ns.ip("manycast service set front " + words)
        true(h.to(*flows()) != before, f"{words}: other selectors")
        h.ns.ip("manycast service set front " + back)
        equal(h.to(*flows()), before, f"{back}: as before")


def what_the_hasher_itself_sends():
    h, want = lone(1), None
    with h.ns:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.connect((SERVICE, 443))
    own, port = sock.getsockname()[:2]
    want, = h.to(IPv6(src=own, dst=SERVICE) / UDP(sport=port, dport=443))
    sock.send(b"hello")
    got, = h.send()
    equal((got.src, got.dst, got.nh), (source(1), want, 41), "outer header")
    inner = got.payload
    equal((inner.src, inner.dst, bytes(inner[UDP].payload), inner.hlim),
          (own, SERVICE, b"hello", 64), "inner packet")
    sock.send(bytes(4000))
    parts = h.send()
    true(len(parts) > 2 and all(len(p) <= 1500 for p in parts), "fragments")
    equal(len({p.dst for p in parts}), 1, "selectors of all fragments")
    sock.close()


def a_selector_in_the_service_prefix():
    """Once is enough: its SID leads to the very route that leads to it."""
    h = lone(1)
    h.ns.ip("manycast service add loop sid fc00:b:1::3 key " + KEY)
    h.ns.ip("manycast instance add service loop sid 2001:db8:8::d6")
    h.ns.ip("-6 route add 2001:db8:8::/64 encap seg6local action "
            "H.MAnycast.Hash service loop via fe80::1 dev r")
    p = packet(1)
    p.dst = "2001:db8:8::80"
    got, = h.send(p)
    equal((got.src, got.dst), ("fc00:b:1::3", "2001:db8:8::d6"), "outer")
    equal(got.payload.dst, p.dst, "no more than that")
    with h.ns, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"hello", (p.dst, 443))
    got, = h.send()
    equal((got.dst, got.payload.dst), ("2001:db8:8::d6", p.dst), "its own")
    h.ns.ip("-6 route del 2001:db8:8::/64")
    h.ns.ip("manycast service del loop")


def route_words(ns):
    return next(line for line in ns.ip("-6 route show").splitlines()
                if "H.MAnycast.Hash" in line)


def what_is_shown_can_be_given():
    ns = lone(1).ns
    shown = route_words(ns)
    true("action H.MAnycast.Hash service front" in shown, shown)
    ns.ip("-6 route del 2001:db8:5::/64")
    ns.ip("-6 route add " + shown)
    equal(route_words(ns), shown, "route")
    service, = ns.ip_json("manycast service show front")
    equal((service["slots"], service["key"]), (65537, KEY), "service")
    equal(lone(1).to(*flows()), lone(2).to(*flows()), "as before")


def without_a_key_there_is_a_warning():
    ns = Netns("keyless")
    try:
        front(ns, 1, [(1, "")], "")
        ns.later("link add net type dummy")
        ns.later("link set net up")
        ns.flush()
        route = ("ip -6 route replace 2001:db8:5::/64 encap seg6local action "
                 "H.MAnycast.Hash service front dev net")
        done = subprocess.run(ns.command(route), stderr=subprocess.PIPE,
                              text=True, check=True)
        true("Warning" in done.stderr and "no key" in done.stderr,
             f"it says: {done.stderr!r}")
        ns.ip(f"manycast service set front key {KEY}")
        done = subprocess.run(ns.command(route), stderr=subprocess.PIPE,
                              text=True, check=True)
        equal(done.stderr, "", "with a key")
    finally:
        ns.remove()


# The whole network.

NET = None


def net():
    """Made once; the servers answer with their names."""
    global NET
    if NET is None:
        NET = Network()
        for i in NET.server_numbers:
            Server(NET[f"s{i}"], SERVICE, f"s{i}")
    return NET


def bulk_through_a_hasher():
    """What the client's stack leaves to the device to segment comes whole."""
    n, data = net(), os.urandom(3_000_000)
    for i in n.server_numbers:
        Digest(n[f"s{i}"], SERVICE, 81)
    sock = connect(n["client"], SERVICE, 81, 20)
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)
    equal(sock.recv(100), hashlib.sha256(data).digest(), "what arrived")
    sock.close()
    equal([n[h].stats()["drop_too_big"] for h in ("h1", "h2")], [0, 0],
          "MSS leaves room")


def captured():
    """The same, and from now on tshark will judge what it carries."""
    n = net()
    if n.capture is None:
        for name in ("client", "own", "s1", "s2"):
            no_offloads(n[name])
        n.capture = Capture(
            {n["r"]: ["sel1", "sel2"]}, n.dir)
    return n


def converse(socks, word):
    return [ask(s, word) for s in socks]


def real_connections():
    n = captured()
    socks = [connect(n["client"], SERVICE) for _ in range(24)]
    names = converse(socks, b"one")
    equal(set(names), {"s1", "s2"}, "who answers")
    equal(converse(socks, b"two"), names, "the same again")
    for i in n.numbers:
        true(n[f"sel{i}"].service()["stats"]["decided"] > 3,
             f"share of selector {i}")
    for s in socks:
        s.close()


def a_hasher_fails():
    """Connections last: the other one sends them where they were."""
    n = captured()
    socks = [connect(n["client"], SERVICE) for _ in range(16)]
    names = converse(socks, b"both")
    for left in (["h1"], ["h2"], ["h1", "h2"]):
        n.ways(*left)
        equal(converse(socks, left[0].encode()), names, f"through {left}")
    for s in socks:
        s.close()


def a_client_with_an_edge():
    """Its SYN alone meets a hasher; data goes straight to the server."""
    n = captured()
    before = [sum(x["stats"]["hashed"] for x in n[h].instances("front"))
              for h in ("h1", "h2")]
    socks = [connect(n["own"], SERVICE) for _ in range(12)]
    names = converse(socks, b"one")
    equal(converse(socks, b"two"), names, "the same again")
    after = [sum(x["stats"]["hashed"] for x in n[h].instances("front"))
             for h in ("h1", "h2")]
    equal(sum(after) - sum(before), 12, "packets at hashers")
    stats = n["own"].stats()
    equal((stats["edge_learned"], stats["edge_unknown"]), (12, 0), "the edge")
    for s in socks:
        s.close()


def nobody_else_uses_the_hashers_sid():
    """End.DT6 lets everybody in; the filter of the manual does not."""
    n = net()
    sel, syn = n["sel1"], bytes(packet(1))

    def began():
        return sel.service()["stats"]["syn"]

    def filtered():
        found = json.loads(sel.run("nft -j list chain ip6 manycast pre"))
        return [e["counter"]["packets"] for item in found["nftables"]
                for e in item.get("rule", {}).get("expr", [])
                if "counter" in e]

    with n["client"]:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 41)
    before = began()
    sock.sendto(syn, (decap(1), 0))
    wait_for(lambda: began() == before + 1, "the selector takes it")
    sel.run("nft -f -", input=f"""
table ip6 manycast {{
  chain pre {{
    type filter hook prerouting priority 0; policy accept;
    ip6 daddr {decap(1)} ip6 saddr != fc00:b::/32 counter drop
  }}
}}""")
    sock.sendto(bytes(packet(2)), (decap(1), 0))
    wait_for(lambda: filtered() == [1], "it is filtered")
    equal(began(), before + 1, "handshakes")
    converse([connect(n["client"], SERVICE) for _ in range(8)], b"filtered")
    equal(filtered(), [1], "hashers' packets are not")
    sock.close()


def flow_of(p):
    ip = p.ip[-1]
    return (ip.text("ipv6.src"), p.tcp.text("tcp.srcport"),
            p.tcp.text("tcp.dstport"))


def judged_by_tshark():
    """All that was captured: who saw which flow, and how it was wrapped."""
    n = captured()
    n.capture.stop()
    selectors, labels = collections.defaultdict(set), {}
    own, wrapped = 0, 0
    for p in n.capture.packets():
        equal(p.errors, [], str(p))
        to_service = p.tcp and p.ip[-1].text("ipv6.dst") == SERVICE
        if not to_service or p.ip[0].text("ipv6.src")[:7] != "fc00:b:":
            continue
        wrapped += 1
        equal(p.ip[0].text("ipv6.dst"), decap(int(p.link[3:])), str(p))
        equal(p.order[:2], ["ipv6", "ipv6"], "one segment, no SRH")
        if len(p.ip) == 3:
            own += 1
            equal((p.ip[1].text("ipv6.src"), p.ip[1].text("ipv6.dst")),
                  (OWN_SID, SERVICE), "packet 1 within")
        selectors[flow_of(p)].add(p.link)
        labels.setdefault(flow_of(p), set()).add(p.ip[0].text("ipv6.flow"))
    equal(own, 12, "packets 1")
    equal(len(selectors), 24 + 16 + 12, "flows")
    true(wrapped > 2 * len(selectors), "more than SYNs")
    equal({len(s) for s in selectors.values()}, {1}, "selectors of a flow")
    equal({len(s) for s in labels.values()}, {1}, "flow labels of a flow")
    true(len(set.union(*labels.values())) > len(labels) // 2,
         "flow labels of different flows")
    equal(set.union(*selectors.values()), {"sel1", "sel2"}, "both share")


def main():
    try:
        ktap.run([
            the_packet_is_wrapped,
            waypoints_need_an_srh,
            two_hashers_agree,
            order_does_not_matter,
            weights_are_shares,
            all_of_a_flow_stays_together,
            syns_of_edges_follow_their_client,
            errors_follow_the_flow,
            errors_that_quote_little,
            errors_about_what_is_in_the_way,
            fragments_stay_together,
            others_go_by_addresses,
            hop_limit_is_taken,
            too_big_is_told,
            below_the_minimum_mtu_the_outer_is_fragmented,
            drained_by_weight,
            key_and_slots_decide,
            what_the_hasher_itself_sends,
            a_selector_in_the_service_prefix,
            what_is_shown_can_be_given,
            without_a_key_there_is_a_warning,
            bulk_through_a_hasher,
            real_connections,
            a_hasher_fails,
            a_client_with_an_edge,
            judged_by_tshark,
            nobody_else_uses_the_hashers_sid,
        ])
    finally:
        for h in MADE.values():
            h.remove()
        if NET:
            NET.__exit__()


if __name__ == "__main__":
    main()
