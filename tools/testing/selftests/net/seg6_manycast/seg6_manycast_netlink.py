#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 35
"""Configuration: each bad request is refused with an extended ack that says
which attribute and why, what is shown can be given again, and namespaces and
users see and change what is theirs.
"""

import json
import socket
import struct
import subprocess
import tempfile

from lib import ktap, netns, nl
from lib.klog import Klog
from lib.monitor import Monitor
from lib.nl import addr, name, u8, u16, u32
from lib.topology import SEL_SID, sid

(SERVICE_ADD, SERVICE_SET, SERVICE_DEL, SERVICE_GET, INSTANCE_ADD,
 INSTANCE_SET, INSTANCE_DEL, INSTANCE_GET, LISTENER_SET, LISTENER_DEL,
 LISTENER_GET, STATS_GET, PERIOD_GET, PERIOD_SET) = range(1, 15)
(NAME, SID, POLICY, CANDIDATES, FANOUT, QUORUM, HOLD, TIMEOUT, TOMBSTONE,
 LIMIT, RATE, IOAM_NS, IOAM_NODES, COEF_NETWORK, COEF_RESIDENCE, COEF_LOAD,
 KEY, SERVICE_STATS, OPEN, SLOTS, AFFINITY, PINS, PINNED, FAILS, PROBE,
 MARK, MODE, PERIOD, BITS, STRETCH, GRACE, OFFSET, DAMPING, THRESHOLD,
 METRICS, SERVICE_PAD) = range(1, 37)
(I_SERVICE, I_SID, SEGS, ADDR, WEIGHT, INSTANCE_STATS, RTT, RESIDENCE,
 LOAD, TIER, STATE, REMOTE, METRIC, FROM, PENDING,
 INSTANCE_PAD, RTT_HISTOGRAM, RTT_SUM) = range(1, 19)
DUMP_INTR = 0x10
L_ADDR, L_PORT, L_LOAD, L_STATS = range(1, 5)
P_SERVICE, P_INDEX, P_NUMBER, P_SID, P_PACKETS, P_PAD = range(1, 7)
(R_SERVICE, R_TABLE, R_SID, R_SERVERS, R_ACL, R_LIMIT,
 R_SERVICES, R_MARK, R_POSITION, R_PORT, R_COUNTERS) = range(1, 12)
SELECTOR, SERVER, EDGE, ANSWER, HASHER, DYNCAST = range(0x8001, 0x8007)
ACTION, EXT, RTA_ENCAP = 1, 0x2001, 22
SEL = (SID, addr(SEL_SID))
NOT_UNICAST = "::", "ff02::1", "ff0e::1:2"


class Fixture:
    """Two namespaces with a device each, a service in the first one."""

    def __init__(self):
        self.klog = Klog()
        self.ns, self.other = netns.Netns("nl-a"), netns.Netns("nl-b")
        for ns in (self.ns, self.other):
            ns.later("link add net type dummy")
            ns.later("link set net up")
            ns.later("addr add 2001:db8:e::1/64 dev net nodad")
            ns.flush()
        self.nl = nl.Genl(self.ns)
        self.rtnl = nl.Rtnl(self.ns)
        self.dev = self.ns.ip_json("link show net")[0]["ifindex"]
        self.nl.call(SERVICE_ADD, [(NAME, name("web")), SEL])

    def close(self):
        self.nl.close()
        self.rtnl.close()
        self.ns.remove()
        self.other.remove()
        self.klog.quiet()

    def configured(self):
        return self.ns.ip("manycast save"), self.ns.ip(
            "-6 route show table all")

    def reset(self):
        """After a failure: what the next case expects."""
        for line in self.ns.ip("-6 route show").splitlines():
            if "Anycast" in line:
                self.ns.ip("-6 route flush exact " + line.split()[0])
        clear(self.ns)
        self.nl.call(SERVICE_ADD, [(NAME, name("web")), SEL])


F = None


def unchanged(function):
    """A case after which everything is configured as before."""
    def case():
        before = F.configured()
        try:
            function()
            ktap.equal(F.configured(), before, "configuration")
        except BaseException:
            F.reset()
            clear(F.other)
            raise
        F.klog.quiet()
    case.__name__ = function.__name__
    return case


def refused(what, call, path=None, errno=None, words=""):
    """The kernel refuses; the attribute at fault, why, and in which words."""
    try:
        call()
    except nl.Refused as e:
        ktap.true(e.message, f"{what}: there is a reason for {e.errno}")
        if path is not None:
            ktap.equal(e.path, path, f"{what}: attribute ({e.message})")
        if errno:
            ktap.equal(e.errno, errno, f"{what}: error ({e.message})")
        ktap.true(words in e.message, f"{what}: {words!r} is in {e.message!r}")
        return
    raise AssertionError(f"{what}: it was done")


def without(attrs, kind):
    return [a for a in attrs if a[0] != kind]


def replaced(attrs, kind, value):
    return without(attrs, kind) + [(kind, value)]


def refuse_lengths(cmd, attrs, lengths):
    """Every attribute of a request too short, too long, or unknown."""
    for kind, length in lengths.items():
        for wrong in {0, 1, length - 1, length + 1, 64} - {length}:
            refused(f"command {cmd}: attribute {kind} of {wrong} octets",
                    lambda k=kind, w=wrong: F.nl.call(
                        cmd, replaced(attrs, k, b"\1" * w)), (kind,))


def refuse_unknown(cmd, attrs, kinds):
    for kind in kinds:
        refused(f"command {cmd}: attribute {kind}", lambda k=kind: F.nl.call(
            cmd, [*attrs, (k, u32(1))]), (kind,), "EINVAL")


SERVICE_LENGTHS = {SID: 16, KEY: 16, IOAM_NS: 2, OFFSET: 8} | {
    kind: 4 for kind in (POLICY, CANDIDATES, FANOUT, QUORUM, HOLD, TIMEOUT,
                         TOMBSTONE, LIMIT, RATE, IOAM_NODES, COEF_NETWORK,
                         COEF_RESIDENCE, COEF_LOAD, SLOTS, PINS, FAILS,
                         PROBE, MARK, MODE, PERIOD, BITS, STRETCH, GRACE,
                         DAMPING, THRESHOLD, METRICS)}
SERVICE_RANGES = (
    (POLICY, 5), (POLICY, 0xffffffff), (CANDIDATES, 4), (FANOUT, 0),
    (FANOUT, 17), (QUORUM, 17), (HOLD, 60001), (TIMEOUT, 0),
    (TIMEOUT, 60001), (TOMBSTONE, 0), (TOMBSTONE, 60001), (LIMIT, 0),
    (LIMIT, (1 << 24) + 1), (RATE, 1000000001), (IOAM_NODES, 16),
    (COEF_NETWORK, 1000001), (COEF_RESIDENCE, 1000001), (COEF_LOAD, 1000001),
    (SLOTS, 0), (SLOTS, 4093), (SLOTS, 655379), (SLOTS, 0xffffffff),
    (AFFINITY, 2), (AFFINITY, 0xffffffff), (PINS, 0), (PINS, (1 << 24) + 1),
    (FAILS, 1001), (PROBE, 1000001), (MARK, 0), (MARK, 101),
    (MODE, 2), (MODE, 0xffffffff), (PERIOD, 99), (PERIOD, 3600001), (BITS, 0),
    (BITS, 9), (STRETCH, 256), (GRACE, 3600001), (DAMPING, 256),
    (THRESHOLD, 256), (METRICS, 2))


def refuse_settings(cmd, attrs):
    """What no service may be set to, in an otherwise good request."""
    for kind, value in SERVICE_RANGES:
        refused(f"attribute {kind} of {value}", lambda k=kind, v=value:
                F.nl.call(cmd, [*attrs, (k, u32(v))]), (kind,), "ERANGE",
                "range")
    refuse_lengths(cmd, attrs, SERVICE_LENGTHS)
    for offset in -10**12 - 1, 10**12 + 1, 1 << 62:
        refused(f"offset {offset}", lambda o=offset: F.nl.call(
            cmd, [*attrs, (OFFSET, struct.pack("=q", o))]), (OFFSET,),
            "ERANGE", "range")
    refuse_unknown(cmd, attrs, (SERVICE_STATS, OPEN, PINNED, SERVICE_PAD,
                                SERVICE_PAD + 1, 100, 0x3fff))
    for text in NOT_UNICAST:
        refused(f"sid {text}", lambda t=text: F.nl.call(
            cmd, replaced(attrs, SID, addr(t))), (SID,), "EINVAL", "unicast")
    for slots in 4100, 65535, 65536, 66049:
        refused(f"{slots} slots", lambda n=slots: F.nl.call(
            cmd, [*attrs, (SLOTS, u32(n))]), (SLOTS,), "EINVAL", "prime")
    refused("quorum above fanout", lambda: F.nl.call(
        cmd, [*attrs, (FANOUT, u32(2)), (QUORUM, u32(3))]),
        None, "EINVAL", "quorum is larger than fanout")
    refused("hold above timeout", lambda: F.nl.call(
        cmd, [*attrs, (HOLD, u32(500)), (TIMEOUT, u32(499))]),
        None, "EINVAL", "hold is longer than timeout")
    hunt = (MODE, u32(1))
    refused("a hunt for one", lambda: F.nl.call(
        cmd, [*attrs, hunt, (FANOUT, u32(1))]), None, "EINVAL",
        "mode hunt needs a fanout of 2 or more")
    for policy in range(1, 5):
        refused(f"a hunt with policy {policy}", lambda p=policy: F.nl.call(
            cmd, [*attrs, hunt, (POLICY, u32(p))]), None, "EINVAL",
            "mode hunt needs policy rtt")


@unchanged
def service_add():
    new = [(NAME, name("new")), SEL]
    refuse_settings(SERVICE_ADD, new)
    refused("no name", lambda: F.nl.call(SERVICE_ADD, [SEL]), None, "EINVAL",
            "name of the service is missing")
    refused("no sid", lambda: F.nl.call(SERVICE_ADD, new[:1]), None,
            "EINVAL", "sid of the selector is missing")
    refused("empty name", lambda: F.nl.call(
        SERVICE_ADD, [(NAME, name("")), SEL]), (NAME,), "EINVAL")
    refused("no NUL", lambda: F.nl.call(
        SERVICE_ADD, [(NAME, b"abc"), SEL]), (NAME,))
    refused("32 characters", lambda: F.nl.call(
        SERVICE_ADD, [(NAME, name("x" * 32)), SEL]), (NAME,))
    refused("it exists", lambda: F.nl.call(
        SERVICE_ADD, [(NAME, name("web")), SEL]), (NAME,), "EEXIST",
        "exists")


@unchanged
def names_are_words():
    """A name that `ip` cannot read again would break what save prints."""
    for bad in ("a b", "a\tb", "a\nb", " a", "a\x7f", "\x1b[0m"):
        refused(f"name {bad!r}", lambda n=bad: F.nl.call(
            SERVICE_ADD, [(NAME, name(n)), SEL]), (NAME,), "EINVAL")


@unchanged
def service_set_and_del():
    web = [(NAME, name("web"))]
    refuse_settings(SERVICE_SET, web)
    for cmd in (SERVICE_SET, SERVICE_DEL, SERVICE_GET):
        refused("no name", lambda c=cmd: F.nl.call(c), None, "EINVAL",
                "name of the service is missing")
        refused("unknown", lambda c=cmd: F.nl.call(
            c, [(NAME, name("wob"))]), (NAME,), "ENOENT", "no such service")
        refused("32 characters", lambda c=cmd: F.nl.call(
            c, [(NAME, name("x" * 32))]), (NAME,))
    # Alone each is good, with what the service has it is not.
    refused("hold above the timeout set", lambda: F.nl.call(
        SERVICE_SET, [*web, (HOLD, u32(1001))]), None, "EINVAL", "timeout")
    refused("fanout below the quorum set", lambda: (
        F.nl.call(SERVICE_SET, [*web, (QUORUM, u32(3))]),
        F.nl.call(SERVICE_SET, [*web, (FANOUT, u32(2))])), None, "EINVAL",
        "quorum")
    F.nl.call(SERVICE_SET, [*web, (QUORUM, u32(0))])


INSTANCE = [(I_SERVICE, name("web")), (I_SID, addr(sid(1)))]


def refuse_instances(cmd):
    refuse_lengths(cmd, INSTANCE, {I_SID: 16, WEIGHT: 4, TIER: 4, STATE: 4,
                                   METRIC: 1, FROM: 8})
    refuse_unknown(cmd, INSTANCE, (INSTANCE_STATS, RTT, RESIDENCE, LOAD,
                                   PENDING, INSTANCE_PAD, RTT_HISTOGRAM,
                                   RTT_SUM, RTT_SUM + 1, 100))
    for kind, value in (WEIGHT, 256), (TIER, 8), (STATE, 3):
        refused(f"attribute {kind} of {value}", lambda k=kind, v=value:
                F.nl.call(cmd, [*INSTANCE, (k, u32(v))]), (kind,), "ERANGE",
                "range")
    refused("a flag with a value", lambda: F.nl.call(
        cmd, [*INSTANCE, (REMOTE, u32(1))]), (REMOTE,))
    refused("no service", lambda: F.nl.call(cmd, INSTANCE[1:]), None,
            "EINVAL", "name of the service is missing")
    refused("no sid", lambda: F.nl.call(cmd, INSTANCE[:1]), None, "EINVAL",
            "sid of the instance is missing")
    refused("unknown service", lambda: F.nl.call(
        cmd, replaced(INSTANCE, I_SERVICE, name("wob"))), (I_SERVICE,),
        "ENOENT", "no such service")


@unchanged
def instance_add():
    def add(*more, attrs=None):
        F.nl.call(INSTANCE_ADD, [*(attrs or INSTANCE), *more])

    refuse_instances(INSTANCE_ADD)
    refuse_lengths(INSTANCE_ADD, INSTANCE, {ADDR: 16})
    for text in NOT_UNICAST:
        refused(f"sid {text}", lambda t=text: add(
            attrs=replaced(INSTANCE, I_SID, addr(t))), (I_SID,), "EINVAL",
            "unicast")
        refused(f"addr {text}", lambda t=text: add((ADDR, addr(t))),
                (ADDR,), "EINVAL", "unicast")
        refused(f"segs with {text}", lambda t=text: add(
            (SEGS, addr("fc00:9::1") + addr(t))), (SEGS,), "EINVAL",
            "unicast")
    for octets in (0, 1, 15, 17, 63):
        refused(f"segs of {octets} octets", lambda o=octets: add(
            (SEGS, b"\xfc" * o)), (SEGS,), None, "segs is not a list")
    refused("five segs", lambda: add((SEGS, addr("fc00:9::1") * 5)), (SEGS,),
            "ERANGE")
    add()
    refused("it exists", add, (I_SID,), "EEXIST", "of this sid")
    refused("its address is another's", lambda: add(
        (ADDR, addr(sid(1))), attrs=replaced(INSTANCE, I_SID, addr(sid(2)))),
        None, "EEXIST", "another instance answers from this address")
    F.nl.call(INSTANCE_DEL, INSTANCE)


@unchanged
def instance_set_and_del():
    F.nl.call(INSTANCE_ADD, INSTANCE)
    refuse_instances(INSTANCE_SET)
    for cmd in (INSTANCE_SET, INSTANCE_DEL):
        refused("unknown sid", lambda c=cmd: F.nl.call(
            c, replaced(INSTANCE, I_SID, addr(sid(2)))), (I_SID,), "ENOENT",
            "no instance of this sid")
        refused("no sid", lambda c=cmd: F.nl.call(c, INSTANCE[:1]), None,
                "EINVAL", "sid of the instance is missing")
    for attr in ((SEGS, addr("fc00:9::1")), (ADDR, addr(sid(3))),
                 (REMOTE, b"")):
        refused("what is fixed", lambda a=attr: F.nl.call(
            INSTANCE_SET, [*INSTANCE, a]), None, "EINVAL", "fixed")
    F.nl.call(INSTANCE_DEL, INSTANCE)


PERIOD_OF = [(P_SERVICE, name("web")), (P_INDEX, struct.pack("=Q", 1)),
             (P_SID, addr(sid(1)))]


@unchanged
def period_set():
    """Nothing here makes a calendar: it would stay."""
    refuse_lengths(PERIOD_SET, PERIOD_OF, {P_INDEX: 8, P_SID: 16})
    refuse_unknown(PERIOD_SET, PERIOD_OF, (P_PACKETS, P_PAD, P_PAD + 1, 100))
    for kind, what in ((P_SERVICE, "name of the service"),
                       (P_INDEX, "index of the period")):
        refused(f"no {what}", lambda k=kind: F.nl.call(
            PERIOD_SET, without(PERIOD_OF, k)), None, "EINVAL",
            what + " is missing")
    refused("unknown service", lambda: F.nl.call(
        PERIOD_SET, replaced(PERIOD_OF, P_SERVICE, name("wob"))),
        (P_SERVICE,), "ENOENT", "no such service")
    refused("long ago", lambda: F.nl.call(PERIOD_SET, PERIOD_OF),
            (P_INDEX,), "ERANGE", "is over")
    refused("to come", lambda: F.nl.call(
        PERIOD_SET, replaced(PERIOD_OF, P_INDEX, b"\x7f" * 8)),
        (P_INDEX,), "ERANGE", "is to come")


LISTENER = [(L_ADDR, addr("2001:db8:5::80")), (L_PORT, u16(80))]


@unchanged
def listener_set_and_del():
    refuse_lengths(LISTENER_SET, LISTENER, {L_ADDR: 16, L_PORT: 2, L_LOAD: 4})
    refuse_unknown(LISTENER_SET, LISTENER, (L_STATS, L_STATS + 1, 100))
    refused("port 0", lambda: F.nl.call(
        LISTENER_SET, replaced(LISTENER, L_PORT, u16(0))), (L_PORT,),
        "ERANGE", "range")
    refused("load 1001", lambda: F.nl.call(
        LISTENER_SET, [*LISTENER, (L_LOAD, u32(1001))]), (L_LOAD,), "ERANGE",
        "range")
    for cmd in (LISTENER_SET, LISTENER_DEL):
        refused("no address", lambda c=cmd: F.nl.call(c, LISTENER[1:]), None,
                "EINVAL", "address is missing")
        refused("no port", lambda c=cmd: F.nl.call(c, LISTENER[:1]), None,
                "EINVAL", "port is missing")
    refused("unknown", lambda: F.nl.call(LISTENER_DEL, LISTENER), None,
            "ENOENT", "no such listener")


@unchanged
def listeners_are_hosts():
    """A listener that no SYN can match is a mistake."""
    for text in NOT_UNICAST:
        refused(f"address {text}", lambda t=text: F.nl.call(
            LISTENER_SET, [(L_ADDR, addr(t)), LISTENER[1],
                           (L_LOAD, u32(1))]), (L_ADDR,), "EINVAL")


@unchanged
def reading():
    refused("instances of an unknown service", lambda: F.nl.call(
        INSTANCE_GET, [(I_SERVICE, name("wob"))], nl.DUMP), None, "ENOENT",
        "no such service")
    refused("periods of an unknown service", lambda: F.nl.call(
        PERIOD_GET, [(P_SERVICE, name("wob"))], nl.DUMP), None, "ENOENT",
        "no such service")
    for cmd, attr in ((SERVICE_GET, SERVICE_PAD + 1),
                      (INSTANCE_GET, RTT_SUM + 1),
                      (LISTENER_GET, L_STATS + 1), (PERIOD_GET, P_PAD + 1)):
        refused(f"command {cmd}, unknown attribute", lambda c=cmd, a=attr:
                F.nl.call(c, [(a, u32(1))], nl.DUMP), (attr,), "EINVAL")


@unchanged
def statistics_take_no_attributes():
    refused("attribute", lambda: F.nl.call(STATS_GET, [(1, u32(1))]), (1,),
            "EINVAL")


@unchanged
def headers():
    """What means nothing today must not be sent, so that it can tomorrow."""
    refused("reserved field", lambda: F.nl.call(STATS_GET, reserved=1), None,
            "EINVAL")
    refused("flags of routes", lambda: F.nl.call(
        SERVICE_GET, [(NAME, name("web"))], nl.APPEND), None, "EINVAL")
    try:
        F.nl.call(STATS_GET + 1)
    except nl.Refused as e:
        ktap.equal(e.errno, "EOPNOTSUPP", "unknown command")
    else:
        raise AssertionError("unknown command")


def ip_refuses(what, command, words):
    done = F.ns.ip(command, check=False)
    ktap.true(done.returncode, f"{what}: it was done")
    ktap.true(words in done.stderr, f"{what}: {words!r} is in {done.stderr}")


@unchanged
def as_ip_tells():
    """The reason reaches the user."""
    for command, words in (
            ("service add web sid fc00::1", "a service of this name exists"),
            ("service add x", "sid of the selector is missing"),
            ("service add x sid ff02::1", "sid: not a unicast address"),
            ("service set web fanout 17", "fanout: "),
            ("service set web hold 2000", "hold is longer than timeout"),
            ("service set web policy best", '"policy" value is invalid'),
            ("service del wob", "no such service"),
            ("service show wob", "no such service"),
            ("instance add service wob sid fc00::1", "no such service"),
            ("instance show service wob", "no such service"),
            ("instance del service web sid fc00::1", "no instance of this"),
            ("instance add service web sid fc00::1 segs "
             + ",".join(["fc00:9::1"] * 5), "segs: "),
            ("listener del 2001:db8::1 port 80", "no such listener"),
            ("listener set 2001:db8::1 port 80 load 1001", "load: ")):
        ip_refuses(command, "manycast " + command, words)


def encap(action, *ext, more=()):
    """Attributes of RTA_ENCAP."""
    nest = [(EXT, list(ext))] if ext else []
    return [(ACTION, u32(action)), *nest, *more]


def prefix(text, bits):
    return addr(text) + u8(bits)


EDGE_OK = (R_SID, addr("fc00:c::1"))
NEED = {EDGE: [EDGE_OK], HASHER: [(R_SERVICE, name("web"))],
        DYNCAST: [(R_SERVICE, name("web")), (R_POSITION, u8(58))]}


def add_route(attrs, **kwargs):
    F.rtnl.route(attrs, F.dev, **kwargs)


def refuse_route(what, attrs, path, errno="EINVAL", words="", **kwargs):
    refused(what, lambda: add_route(attrs, **kwargs), path, errno, words)


@unchanged
def route_parameters():
    values = {R_SERVICE: ("service", name("web")), R_TABLE: ("table", u32(9)),
              R_SID: ("sid", addr("fc00:c::1")),
              R_SERVERS: ("servers", prefix("fc00:5::", 32)),
              R_ACL: ("acl", prefix("fc00::", 16)), R_LIMIT: ("limit", u32(5)),
              R_SERVICES: ("services", prefix("2001:db8:5::", 64)),
              R_MARK: ("mark", u32(300)), R_POSITION: ("position", u8(58)),
              R_PORT: ("port", u16(8000))}
    lengths = {R_TABLE: 4, R_SID: 16, R_SERVERS: 17, R_ACL: 17, R_LIMIT: 4,
               R_SERVICES: 17, R_MARK: 4, R_POSITION: 1, R_PORT: 2}
    known = {SELECTOR: (R_SERVICE, R_ACL),
             SERVER: (R_TABLE, R_SERVICES, R_ACL, R_MARK),
             EDGE: (R_SID, R_SERVERS, R_LIMIT), ANSWER: (R_TABLE, R_ACL),
             HASHER: (R_SERVICE,), DYNCAST: (R_SERVICE, R_POSITION, R_PORT)}
    for action, takes in known.items():
        need = NEED.get(action, [])
        for kind, (word, value) in values.items():
            if kind not in takes:
                refuse_route(f"{action:#x} {word}",
                             encap(action, *need, (kind, value)),
                             (RTA_ENCAP, EXT, kind),
                             words=f"takes no {word}")
        for kind in set(takes) & set(lengths):
            for wrong in {0, 1, lengths[kind] - 1, lengths[kind] + 1} - \
                    {lengths[kind]}:
                refuse_route(f"{action:#x} attribute {kind} of {wrong}",
                             encap(action, *without(need, kind),
                                   (kind, b"\1" * wrong)),
                             (RTA_ENCAP, EXT, kind), None)
        for kind in (R_COUNTERS + 1, 100, 0x3fff):
            refuse_route(f"{action:#x} attribute {kind}",
                         encap(action, *need, (kind, u32(1))),
                         (RTA_ENCAP, EXT, kind))
        for kind in {R_TABLE, R_LIMIT, R_MARK} & set(takes):
            refuse_route(f"{action:#x} attribute {kind} zero",
                         encap(action, *need, (kind, u32(0))),
                         (RTA_ENCAP, EXT, kind), "ERANGE", "range")
        if action == EDGE:
            refuse_route("limit of 2^24 + 1", encap(
                EDGE, EDGE_OK, (R_LIMIT, u32((1 << 24) + 1))),
                (RTA_ENCAP, EXT, R_LIMIT), "ERANGE", "range")
        if action == DYNCAST:
            for bit in 0, 128, 255:
                refuse_route(f"position {bit}", encap(
                    DYNCAST, need[0], (R_POSITION, u8(bit))),
                    (RTA_ENCAP, EXT, R_POSITION), "ERANGE", "range")
        if action == SERVER:
            refuse_route("mark of 1001", encap(
                SERVER, (R_MARK, u32(1001))),
                (RTA_ENCAP, EXT, R_MARK), "ERANGE", "range")
        for kind in {R_SERVERS, R_SERVICES, R_ACL} & set(takes):
            for bits in (129, 255):
                refuse_route(f"{action:#x} prefix of {bits}",
                             encap(action, *need,
                                   (kind, prefix("fc00::", bits))),
                             (RTA_ENCAP, EXT, kind), words="128")


@unchanged
def route_counters():
    """Every behaviour counts; what is shown may be given again."""
    for action in (SELECTOR, SERVER, EDGE, ANSWER, HASHER):
        need = NEED.get(action, [])
        for what, value, path in (
                ("no nest", b"", (R_COUNTERS,)),
                ("of another kind", [(5, bytes(8))], (R_COUNTERS, 5)),
                ("4 octets", [(2, u32(0))], (R_COUNTERS, 2)),
                ("a pad with a value", [(1, u32(0))], (R_COUNTERS, 1))):
            refuse_route(f"{action:#x} counters, {what}",
                         encap(action, *need, (R_COUNTERS, value)),
                         (RTA_ENCAP, EXT, *path), None)
        # Values do not matter: it begins at 0.
        for nest in [], [(kind, b"\7" * 8) for kind in (2, 3, 4)]:
            add_route(encap(action, *need, (R_COUNTERS, nest)))
            ktap.equal(F.rtnl.counters("2001:db8:ffff::/64"), (0, 0, 0),
                       f"{action:#x} counters")
            F.ns.ip("-6 route del 2001:db8:ffff::/64")


@unchanged
def counting_is_configuration():
    """A route that counts is another one than a route that does not."""
    routes_ = encap(SERVER), encap(SERVER, (R_COUNTERS, []))
    more = {"flags": nl.CREATE | nl.APPEND, "via": "2001:db8:e::9"}
    for route in routes_:
        add_route(route, **more)
    for route in routes_:
        try:
            add_route(route, **more)
        except nl.Refused as e:
            ktap.equal(e.errno, "EEXIST", "once more")
        else:
            raise AssertionError(f"{route} was added twice")
    F.ns.ip("-6 route flush exact 2001:db8:ffff::/64")


@unchanged
def route_services_and_sids():
    at = (RTA_ENCAP, EXT, R_SERVICE)
    for action in SELECTOR, HASHER:
        refuse_route("unknown service",
                     encap(action, (R_SERVICE, name("wob"))), at, "ENOENT",
                     "no such service")
        refuse_route("empty name", encap(action, (R_SERVICE, name(""))), at,
                     None)
        refuse_route("no NUL", encap(action, (R_SERVICE, b"web")), at, None)
        refuse_route("32 characters",
                     encap(action, (R_SERVICE, name("x" * 32))), at, None)
    refuse_route("no service", encap(HASHER), None,
                 words="service is missing")
    for attrs in (encap(EDGE), encap(EDGE, (R_LIMIT, u32(1)))):
        refuse_route("no sid", attrs, None, words="sid is missing")
    for text in NOT_UNICAST:
        refuse_route(f"sid {text}", encap(EDGE, (R_SID, addr(text))),
                     (RTA_ENCAP, EXT, R_SID), words="unicast")


@unchanged
def route_attributes_beside_ours():
    """What the kernel's own behaviours take, and what nobody does."""
    words = {2: "srh", 3: "table", 4: "nh4", 5: "nh6", 6: "iif", 7: "oif",
             8: "endpoint", 9: "vrftable", 10: "count", 11: "flavors"}
    for action in (SELECTOR, SERVER, EDGE, ANSWER, HASHER, DYNCAST):
        need = NEED.get(action, [])
        for kind, word in words.items():
            refuse_route(f"{action:#x} {word}", encap(
                action, *need, more=[(kind, u32(1))]), (RTA_ENCAP, kind),
                words=f"{word} is not supported")
        for kind in (0x2000, 0x2002, 0x3fff):
            refuse_route(f"{action:#x} seg6local attribute {kind}", encap(
                action, *need, more=[(kind, u32(1))]), (RTA_ENCAP, kind))
    refuse_route("two nests", encap(EDGE, EDGE_OK, more=[(EXT, [EDGE_OK])]),
                 (RTA_ENCAP, EXT))
    refuse_route("two actions", encap(SERVER, more=[(ACTION, u32(SERVER))]),
                 (RTA_ENCAP, ACTION))
    refuse_route("short action", [(ACTION, u16(1))], (RTA_ENCAP, ACTION),
                 None)
    refuse_route("long action", [(ACTION, u32(SERVER) * 2)],
                 (RTA_ENCAP, ACTION), None)
    for octets in (1, 3):
        refuse_route(f"{octets} octets too many", nl.encode(encap(SERVER)) +
                     b"\1" * octets, (RTA_ENCAP,), words="left over")
    refuse_route("an attribute longer than the nest", nl.encode(
        encap(SERVER)) + b"\x40\0\1\0", (RTA_ENCAP,), None)


@unchanged
def route_actions():
    for action in (0x8000, 0x8007, 0x8050, 0x87ff):
        refuse_route(f"action {action:#x}", encap(action),
                     (RTA_ENCAP, ACTION), "EOPNOTSUPP", "no module")
    refuse_route("IPv4", encap(SERVER), (RTA_ENCAP,),
                 words="IPv6", family=socket.AF_INET, dst="192.0.2.0/24")
    # What is none of ours is for the kernel to refuse as it does.
    for action in (0, 99, 0x7fff, 0x8800, 0xffffffff):
        try:
            add_route(encap(action))
        except nl.Refused as e:
            ktap.true("no module" not in e.message, f"action {action}")
            continue
        raise AssertionError(f"action {action} was taken")


@unchanged
def a_refused_route_leaves_no_trace():
    """Refused after our part was built: the service is free again."""
    F.nl.call(SERVICE_ADD, [(NAME, name("tmp")), SEL])
    for action in 3 * (SELECTOR, HASHER, DYNCAST):
        attrs = encap(action, *replaced(NEED.get(action, []), R_SERVICE,
                                        name("tmp")))
        add_route(attrs, flags=nl.CREATE | nl.EXCL)
        try:
            add_route(attrs, flags=nl.CREATE | nl.EXCL)
            raise AssertionError("the same route twice")
        except nl.Refused as e:
            ktap.equal(e.errno, "EEXIST", "the same route again")
        refused("service in use", lambda: F.nl.call(
            SERVICE_DEL, [(NAME, name("tmp"))]), None, "EBUSY",
            "in use by a route")
        F.ns.ip("-6 route del 2001:db8:ffff::/64")
    F.nl.call(SERVICE_DEL, [(NAME, name("tmp"))])


@unchanged
def limit_of_flows():
    """The limit is that of the route that is there, not of one that was
    refused or is gone.
    """
    def evicted(connections):
        before = F.ns.stats()["edge_evicted"]
        with F.ns:
            socks = [socket.socket(socket.AF_INET6) for _ in
                     range(connections)]
        for sock in socks:
            sock.setblocking(False)
            sock.connect_ex(("2001:db8:5::80", 80))
            sock.close()
        return F.ns.stats()["edge_evicted"] - before

    route = ("2001:db8:5::/64 encap seg6local action H.MAnycast "
             "sid fc00:c::1 {} dev net")
    F.ns.ip("-6 neigh replace 2001:db8:5::80 lladdr 02:00:00:00:00:01 "
            "dev net nud permanent")
    F.ns.ip("-6 route add " + route.format("limit 4"))
    ktap.equal(evicted(6), 2, "pushed out of four")
    ip_refuses("the same prefix", "-6 route add "
               + route.format("limit 100"), "File exists")
    ktap.equal(evicted(3), 3, "pushed out after the refusal")
    F.ns.ip("-6 route replace " + route.format(""))
    ktap.equal(evicted(3), 0, "pushed out without a limit")
    F.ns.ip("-6 route del 2001:db8:5::/64")


# What can be read. Listeners are shown in no particular order.


def lines(text):
    return sorted(line.strip() for line in text.splitlines())



CONFIG = """\
manycast service add plain sid fc00:a::1
manycast service add all sid fc00:a::2 policy weighted candidates all \
fanout 16 quorum 3 hold 7 timeout 900 tombstone 1 limit 16777216 rate 0 \
nodes 15 ioam 65535 coef 1000000 0 3 key 00112233445566778899aabbccddeeff
manycast service add hash sid fc00:a::3 candidates hash policy residence \
fanout 1 hold 0 nodes 0 rate 1000000000 limit 1 slots 655373 affinity hunt \
pins 16777216
manycast service add xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx sid fc00:a::3 \
policy load candidates least
manycast service add net sid fc00:a::4 policy network quorum 0 fails 0 \
probe 1000000 mark 1
manycast service add turn sid fc00:a::5 fanout 2 mode hunt
manycast instance add service plain sid fc00:5:1::1
manycast instance add service plain sid fc00:5:2::1 weight 0
manycast instance add service all sid fc00:5:1::1 \
segs fc00:9::1,fc00:9::2,fc00:9::3,fc00:9::4 addr fd00::1 weight 255
manycast instance add service all sid fc00:5:2::1 segs fc00:9::1
manycast instance add service hash sid fc00:5:3::1 addr fd00::3 tier 7 \
state suspect remote
manycast instance add service hash sid fc00:5:4::1 state down
manycast listener set 2001:db8:5::80 port 80 load 0
manycast listener set 2001:db8:5::80 port 65535 load 1000
"""


def batch(ns, text):
    done = subprocess.run(["ip", "-n", ns.name, "-batch", "-"], input=text,
                          text=True, capture_output=True, check=False)
    ktap.equal((done.returncode, done.stderr), (0, ""), "batch")


def clear(ns):
    for service in ns.ip_json("manycast service show"):
        ns.ip(f"manycast service del {service['name']}")
    for item in ns.ip_json("manycast listener show"):
        ns.ip(f"manycast listener del {item['addr']} port {item['port']}")


@unchanged
def save_and_restore():
    batch(F.other, CONFIG)
    in_order = F.other.ip_json("manycast service show")
    ktap.equal([s["name"] for s in in_order],
               ["plain", "all", "hash", "x" * 31, "net", "turn"], "in order")
    saved = F.other.ip("manycast save")
    shown = F.other.ip_json("manycast show")["services"]
    ktap.equal(len(lines(saved)), 14, "lines")
    for word in ("weighted", "least", "mode hunt",
                 "segs fc00:9::1,fc00:9::2,fc00:9::3,"
                 "fc00:9::4 addr fd00::1 weight 255", "coef 1000000 0 3",
                 "key 00112233445566778899aabbccddeeff"):
        ktap.true(word in saved, f"{word!r} is saved")
    clear(F.other)
    ktap.equal(F.other.ip("manycast save"), "", "cleared")
    batch(F.other, saved)
    ktap.equal(lines(F.other.ip("manycast save")), lines(saved),
               "saved again")
    ktap.equal(F.other.ip_json("manycast show")["services"], shown,
               "shown again")
    clear(F.other)


@unchanged
def lines_are_commands():
    """Each line of show is what add takes."""
    batch(F.other, CONFIG)
    for kind, verb in (("service", "add"), ("instance", "add"),
                       ("listener", "set")):
        shown = lines(F.other.ip(f"manycast {kind} show"))
        saved = [line for line in lines(F.other.ip("manycast save"))
                 if line.startswith(f"manycast {kind} ")]
        ktap.equal([f"manycast {kind} {verb} {line}" for line in shown],
                   saved, kind)
    clear(F.other)


@unchanged
def set_changes_what_is_given():
    """And nothing else, one parameter after the other."""
    batch(F.other, CONFIG)
    steps = (("sid fc00:a::9", {"sid": "fc00:a::9"}),
             ("policy load", {"policy": "load"}),
             ("candidates hash", {"candidates": "hash"}),
             ("fanout 9", {"fanout": 9}), ("quorum 2", {"quorum": 2}),
             ("hold 3", {"hold": 3}), ("timeout 77", {"timeout": 77}),
             ("tombstone 5", {"tombstone": 5}), ("limit 6", {"limit": 6}),
             ("rate 8", {"rate": 8}), ("ioam 4", {"ioam": 4}),
             ("nodes 2", {"nodes": 2}),
             ("coef 1 2 3", {"coef": {"network": 1, "residence": 2,
                                      "load": 3}}),
             ("key " + "0f" * 16, {"key": "0f" * 16}),
             ("affinity hunt", {"affinity": "hunt"}),
             ("pins 70", {"pins": 70}), ("fails 7", {"fails": 7}),
             ("probe 9", {"probe": 9}), ("mark 50", {"mark": 50}),
             ("policy rtt mode hunt", {"policy": "rtt", "mode": "hunt"}),
             ("mode race", {"mode": "race"}))
    before = F.other.ip_json("manycast service show")
    shown = subprocess.run(
        ["ip", "-n", F.other.name, "-j", "-batch", "-"], text=True,
        input="".join(f"manycast service set all {words}\n"
                      "manycast service show\n" for words, _ in steps),
        capture_output=True, check=True).stdout
    for (words, change), line in zip(steps, shown.splitlines(), strict=True):
        after = json.loads(line)
        ktap.true(after != before, f"{words} changes something")
        before[1] |= change
        ktap.equal(after, before, words)
    before = F.other.instances("all")
    for word, value in (("weight", 7), ("tier", 3), ("state", "down"),
                        ("state", "suspect"), ("weight", 8), ("state", "up")):
        F.other.ip("manycast instance set service all sid fc00:5:1::1 "
                   f"{word} {value}")
        before[0][word] = value
        ktap.equal(F.other.instances("all"), before, f"{word} {value}")
    F.other.ip("manycast listener set 2001:db8:5::80 port 80 load auto")
    ktap.equal(lines(F.other.ip("manycast listener show")),
               ["2001:db8:5::80 port 65535 load 1000",
                "2001:db8:5::80 port 80 load auto"], "listeners")
    clear(F.other)


@unchanged
def namespaces_are_apart():
    batch(F.other, CONFIG)
    ktap.equal(len(F.ns.ip_json("manycast service show")), 1, "services")
    for words in ("service del plain", "service set all hold 1",
                  "instance add service all sid fc00:7::1",
                  "instance del service all sid fc00:5:1::1",
                  "listener del 2001:db8:5::80 port 80"):
        ip_refuses(words, "manycast " + words, "no such")
    F.ns.ip("manycast service add plain sid fc00:b::1")
    ktap.equal(F.other.ip_json("manycast service show plain")[0]["sid"],
               "fc00:a::1", "the other's service")
    F.ns.ip("manycast service del plain")
    ip_refuses("a route to the other's service", "-6 route add fc00:8::1 "
               "encap seg6local action End.MAnycast service plain dev net",
               "no such service")
    clear(F.other)


@unchanged
def strangers_read_only():
    """No privilege: everything may be seen but the key, nothing changed."""
    F.nl.call(SERVICE_ADD, [(NAME, name("secret")), SEL, (KEY, b"k" * 16)])
    F.nl.call(LISTENER_SET, [*LISTENER, (L_LOAD, u32(1))])
    F.nl.call(INSTANCE_ADD, INSTANCE)
    secret = [(NAME, name("secret"))]

    def look():
        genl = nl.Genl(None)
        one = dict(genl.call(SERVICE_GET, secret)[0])
        ktap.true(KEY not in one, "the key is hidden")
        many = genl.call(SERVICE_GET, (), nl.DUMP)
        ktap.equal(len(many), 2, "services")
        ktap.true(all(KEY not in dict(m) for m in many), "in dumps, too")
        for cmd in (INSTANCE_GET, LISTENER_GET):
            ktap.equal(len(genl.call(cmd, (), nl.DUMP)), 1, "objects")
        ktap.equal(len(genl.call(STATS_GET)), 1, "statistics")
        for cmd, attrs in (
                (SERVICE_ADD, [(NAME, name("n")), SEL]),
                (SERVICE_SET, secret), (SERVICE_DEL, secret),
                (INSTANCE_ADD, INSTANCE), (INSTANCE_SET, INSTANCE),
                (INSTANCE_DEL, INSTANCE), (LISTENER_SET, LISTENER),
                (LISTENER_DEL, LISTENER)):
            try:
                genl.call(cmd, attrs)
            except nl.Refused as e:
                ktap.equal(e.errno, "EPERM", f"command {cmd}")
                continue
            raise AssertionError(f"command {cmd} was done")

    with F.ns:
        ktap.true(nl.as_nobody(look), "as nobody")
    one = dict(F.nl.call(SERVICE_GET, secret)[0])
    ktap.equal(one[KEY], b"k" * 16, "root sees the key")
    F.nl.call(SERVICE_DEL, secret)
    F.nl.call(INSTANCE_DEL, INSTANCE)
    F.nl.call(LISTENER_DEL, LISTENER)


@unchanged
def monitor():
    """Every change of services and instances is told, in this namespace
    only, and the key never.
    """
    text = ("manycast service add m sid fc00:a::1 key " + "0f" * 16 +
            "\nmanycast service set m hold 9\n"
            "manycast instance add service m sid fc00:5:1::1 weight 3\n"
            "manycast instance set service m sid fc00:5:1::1 weight 4\n"
            "manycast instance del service m sid fc00:5:1::1\n"
            "manycast service del m\n")
    with Monitor(F.ns, "-j") as events:
        batch(F.other, text)
        batch(F.ns, text.replace("fc00:a::1", "fc00:a::f"))
        got = [events.event() for _ in range(6)]
    ktap.equal([(e["event"], e["object"]) for e in got],
               [("add", "service"), ("set", "service"), ("add", "instance"),
                ("set", "instance"), ("del", "instance"),
                ("del", "service")], "events")
    ktap.equal(got[0]["sid"], "fc00:a::f", "whose they are")
    ktap.equal((got[1]["hold"], got[2]["weight"], got[3]["weight"]),
               (9, 3, 4), "what they tell")
    ktap.true(not any("key" in e for e in got), "no key")


# Routes.

ROUTES = """\
2001:db8:1::80 encap seg6local action End.MAnycast service web dev net
2001:db8:1::81 encap seg6local action End.MAnycast service web \
acl fc00::/16 dev net
fc00:a::1 encap seg6local action End.MAnycast dev net
fc00:a::2 encap seg6local action End.MAnycast acl fc00:1:2:3:4:5:6:7/128 \
via 2001:db8:e::9 dev net
fc00:5::1 encap seg6local action End.MAnycast.S dev net
fc00:5::2 encap seg6local action End.MAnycast.S table local dev net
fc00:5::3 encap seg6local action End.MAnycast.S table 4000000000 \
acl 8000::/1 dev net
fc00:5::4 encap seg6local action End.MAnycast.S table local \
services 2001:db8:5::/64 acl fc00::/7 mark 750 dev net
2001:db8:5::/64 encap seg6local action H.MAnycast sid fc00:c::1 dev net
2001:db8:6::/64 encap seg6local action H.MAnycast sid fc00:c::1 \
servers fc00:5::/32 limit 16777216 via 2001:db8:e::9 dev net
fc00:c::1 encap seg6local action End.MAnycast.C dev net
fc00:c::2 encap seg6local action End.MAnycast.C table main acl \
fc00:a::/32 dev net
"""


def routes():
    return [" ".join(line.split()) for line in
            F.ns.ip("-6 route show").splitlines() if "Anycast" in line]


@unchanged
def routes_are_commands():
    """What is shown adds the same routes, and so does what is saved."""
    batch(F.ns, "".join(f"route add {line}\n" for line in
                        ROUTES.splitlines()))
    shown = routes()
    ktap.equal(len(shown), 12, "routes")
    for line, want in zip(sorted(shown), sorted(ROUTES.splitlines()),
                          strict=True):
        ktap.true(line.startswith(want.split(" dev")[0].split(" via")[0]),
                  f"{line} is {want}")
    asjson = F.ns.ip_json("-6 route show")
    with tempfile.TemporaryFile() as f:
        subprocess.run(["ip", "-n", F.ns.name, "-6", "route", "save", "root",
                        "fc00::/7"], stdout=f, check=True)
        batch(F.ns, "".join(f"route del {line}\n" for line in shown))
        ktap.equal(routes(), [], "deleted as shown")
        f.seek(0)
        subprocess.run(["ip", "-n", F.ns.name, "-6", "route", "restore"],
                       stdin=f, check=True)
    batch(F.ns, "".join(f"route add {line}\n" for line in shown
                        if not line.startswith("fc00:")))
    ktap.equal(routes(), shown, "restored, and added as shown")
    ktap.equal(F.ns.ip_json("-6 route show"), asjson, "JSON")
    batch(F.ns, "".join(f"route replace {line}\nroute del {line}\n"
                        for line in shown))


@unchanged
def prefixes_are_shown_without_host_bits():
    F.ns.ip("-6 route add fc00:5::3 encap seg6local action End.MAnycast.S "
            "acl fc00:1:2::ffff/32 dev net")
    ktap.true("acl fc00:1::/32 " in routes()[0], routes()[0])
    F.ns.ip("-6 route del fc00:5::3")


@unchanged
def replacing_and_appending():
    """Routes are the same when their parameters are."""
    base = "2001:db8:5::/64 encap seg6local action H.MAnycast sid fc00:c::1"
    via = "via 2001:db8:e::9 dev net"
    variants = [f"{base} {more} {via}" for more in
                ("", "servers fc00:5::/32", "servers fc00:5::/33",
                 "limit 7")]
    variants.append(variants[0].replace("fc00:c::1", "fc00:c::2"))
    variants += [f"2001:db8:5::/64 encap seg6local action End.MAnycast.S "
                 f"{more} {via}" for more in ("mark 1", "mark 2")]
    F.ns.ip("-6 route add " + variants[0])
    for route in variants[:2]:
        ip_refuses("add", "-6 route add " + route, "File exists")
    for route in variants[1:]:
        F.ns.ip("-6 route replace " + route)
        shown, = routes()
        ktap.true(shown.startswith(route.split(" via")[0].strip()),
                  f"{shown} is {route}")
    F.ns.ip("-6 route replace " + variants[0])
    for route in variants[1:]:
        F.ns.ip("-6 route append " + route)
        ip_refuses("append", "-6 route append " + route, "File exists")
    got = "\n".join(routes()) + F.ns.ip("-6 route show")
    for route in variants:
        ktap.true(route.split(" action ")[1].split(" via")[0].strip() in got,
                  f"{route} is shown")
    # Others' states are never equal to ours.
    F.ns.ip("-6 route append 2001:db8:5::/64 encap seg6local action End "
            + via)
    F.ns.ip("-6 route flush 2001:db8:5::/64")
    ktap.equal(routes(), [], "flushed")


@unchanged
def getting():
    """`ip route get` tells the behaviour that a packet would meet."""
    batch(F.ns, "".join(f"route add {line}\n" for line in
                        ROUTES.splitlines()))
    for dst, words in (("2001:db8:1::81", "service web acl fc00::/16"),
                       ("2001:db8:5::7", "H.MAnycast sid fc00:c::1"),
                       ("fc00:5::2", "End.MAnycast.S table local")):
        got = F.ns.ip(f"-6 route get {dst}")
        ktap.true(words in got, f"{words!r} is in {got!r}")
    batch(F.ns, "".join(f"route del {line.split()[0]}\n" for line in
                        ROUTES.splitlines()))


@unchanged
def nexthop_objects():
    """Behaviours live in nexthop objects as well, but not for IPv4."""
    F.ns.ip("nexthop add id 7 via 2001:db8:e::9 dev net encap seg6local "
            "action H.MAnycast sid fc00:c::1 limit 3")
    ktap.true("H.MAnycast sid fc00:c::1 limit 3" in
              F.ns.ip("nexthop show id 7"), "shown")
    F.ns.ip("-6 route add 2001:db8:7::/64 nhid 7")
    ktap.true("H.MAnycast" in F.ns.ip("-6 route show"), "in the route")
    ip_refuses("IPv4", "nexthop add id 8 via 192.0.2.1 dev net onlink encap "
               "seg6local action H.MAnycast sid fc00:c::1", "IPv6")
    F.ns.ip("nexthop del id 7")


@unchanged
def thousands_of_routes():
    """Dumped, notified and deleted; the kernel has reckoned their size."""
    count, hops = 1500, 12
    F.nl.call(SERVICE_ADD, [(NAME, name("x" * 31)), SEL])
    full = {0: encap(SELECTOR, (R_SERVICE, name("x" * 31)),
                     (R_ACL, prefix("fc00::", 16))),
            1: encap(EDGE, EDGE_OK, (R_SERVERS, prefix("fc00:5::", 32)),
                     (R_LIMIT, u32(1000000))),
            2: encap(SERVER, (R_TABLE, u32(254)),
                     (R_SERVICES, prefix("2001:db8::", 32)),
                     (R_ACL, prefix("fc00::", 16)), (R_MARK, u32(1000)))}
    for i in range(count):
        add_route(full[i % 3], dst=f"2001:db8:f000:{i:x}::/64")
    for action in ("H.MAnycast sid fc00:c::1 servers fc00:5::/32 limit 9",
                   "End.MAnycast service " + "x" * 31 + " acl fc00::/16"):
        F.ns.ip("-6 route add 2001:db8:f001::/64 " + " ".join(
            f"nexthop encap seg6local action {action} "
            f"via 2001:db8:e::{i:x} dev net" for i in range(2, hops + 2)))
        ktap.equal(F.ns.ip("-6 route show 2001:db8:f001::/64").count(
            "Anycast"), hops, "nexthops")
        F.klog.quiet()
        F.ns.ip("-6 route del 2001:db8:f001::/64")
    shown = F.ns.ip("-6 route show").splitlines()
    ktap.equal(sum("Anycast" in line for line in shown), count, "routes")
    F.ns.ip("-6 route flush root 2001:db8:f000::/48")
    F.nl.call(SERVICE_DEL, [(NAME, name("x" * 31))])


def interrupted_by(dump, cmd, attrs):
    """A dump tells when what it lists has changed meanwhile."""
    other = nl.Genl(F.ns)
    other.call(dump, (), nl.DUMP)
    ktap.equal(other.seen & DUMP_INTR, 0, "nothing has changed")
    other.call(dump, (), nl.DUMP, between=lambda: F.nl.call(cmd, attrs) and 0)
    ktap.equal(other.seen & DUMP_INTR, DUMP_INTR, f"{cmd} during {dump}")
    other.close()


@unchanged
@ktap.large
def long_dumps():
    """More than one message holds, in order, nothing twice."""
    def dumped(cmd, key):
        return [dict(m)[key] for m in F.nl.call(cmd, (), nl.DUMP)]

    services = [name(f"s{i}") for i in range(100)]
    for service in services:
        F.nl.call(SERVICE_ADD, [(NAME, service), SEL])
    sids = [addr(f"fc00:5:{i:x}::1") for i in range(1000)]
    for i, sid_ in enumerate(sids):
        F.nl.call(INSTANCE_ADD, [(I_SERVICE, services[i // 600]),
                                 (I_SID, sid_)])
    for port in range(1, 501):
        F.nl.call(LISTENER_SET, [LISTENER[0], (L_PORT, u16(port))])
    ktap.equal(dumped(SERVICE_GET, NAME)[1:], services, "services")
    ktap.equal(dumped(INSTANCE_GET, I_SID), sids, "instances")
    ktap.equal(sorted(dumped(LISTENER_GET, L_PORT)),
               sorted(u16(i) for i in range(1, 501)), "listeners")
    ktap.equal([i["sid"] for i in F.ns.ip_json(
        "manycast instance show service s1")],
        [f"fc00:5:{i:x}::1" for i in range(600, 1000)], "of one service")
    ktap.equal(len(F.ns.ip("manycast save").splitlines()), 1 + 100 + 1000,
               "saved")
    one = [(I_SERVICE, name("more")), (I_SID, sids[0])]
    interrupted_by(SERVICE_GET, SERVICE_ADD, [(NAME, name("more")), SEL])
    interrupted_by(INSTANCE_GET, INSTANCE_ADD, one)
    interrupted_by(SERVICE_GET, INSTANCE_DEL, one)
    interrupted_by(INSTANCE_GET, SERVICE_DEL, [(NAME, name("more"))])
    for port in range(501, 1025):
        F.nl.call(LISTENER_SET, [LISTENER[0], (L_PORT, u16(port))])
    refused("listener 1025", lambda: F.nl.call(
        LISTENER_SET, [LISTENER[0], (L_PORT, u16(1025))]), None, "ENOSPC",
        "too many listeners")
    F.nl.call(SERVICE_SET, [(NAME, services[0]), (CANDIDATES, u32(1))])
    for port in range(1, 1025):
        F.nl.call(LISTENER_DEL, [LISTENER[0], (L_PORT, u16(port))])
    for service in services:
        F.nl.call(SERVICE_DEL, [(NAME, service)])


CASES = [service_add, names_are_words, service_set_and_del, instance_add,
         instance_set_and_del, period_set, listener_set_and_del,
         listeners_are_hosts,
         reading, statistics_take_no_attributes, headers, as_ip_tells,
         route_parameters, route_counters, counting_is_configuration,
         route_services_and_sids,
         route_attributes_beside_ours, route_actions,
         a_refused_route_leaves_no_trace, limit_of_flows, save_and_restore,
         lines_are_commands, set_changes_what_is_given, namespaces_are_apart,
         strangers_read_only, monitor, routes_are_commands,
         prefixes_are_shown_without_host_bits, replacing_and_appending,
         getting, nexthop_objects, thousands_of_routes, long_dumps]


if __name__ == "__main__":
    F = Fixture()
    try:
        ktap.run(CASES)
    finally:
        F.close()
