# SPDX-License-Identifier: GPL-2.0
"""Raw netlink: what `ip` would never send, and extended acks word by word.

Attributes are lists of (type, value); a value is bytes or a list: a nest.
"""

import contextlib
import errno
import os
import socket
import struct

NETLINK_ROUTE, NETLINK_GENERIC = 0, 16
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11
NETLINK_ADD_MEMBERSHIP, SO_RCVBUFFORCE = 1, 33
NLMSG_ERROR, NLMSG_DONE = 2, 3
REQUEST, ACK, DUMP = 1, 4, 0x300
CREATE, EXCL, REPLACE, APPEND = 0x400, 0x200, 0x100, 0x800
CAPPED, ACK_TLVS = 0x100, 0x200
NESTED, TYPE_MASK = 0x8000, 0x3fff
GENL_ID_CTRL = 16
RTM_NEWROUTE, RTM_GETROUTE = 24, 26


class Refused(Exception):
    """What the kernel says against a request.

    errno     as a name: EINVAL
    message   of the extended ack, or ""
    path      types of the attributes that lead to the bad one, or ()
    """

    def __init__(self, number, message, path):
        self.errno = errno.errorcode.get(number, str(number))
        if number == errno.EOPNOTSUPP:
            self.errno = "EOPNOTSUPP"  # it has two names
        self.message, self.path = message, path
        super().__init__(f"{self.errno} {message!r} {path}")


def u8(n):
    return struct.pack("=B", n)


def u16(n):
    return struct.pack("=H", n)


def u32(n):
    return struct.pack("=I", n)


def name(text):
    return text.encode() + b"\0"


def addr(text):
    return socket.inet_pton(socket.AF_INET6, text)


def encode(attrs, at=0, path=(), where=None):
    """The octets; where[offset] becomes the path of the attribute there."""
    where = {} if where is None else where
    out = b""
    for kind, value in attrs:
        here = at + len(out)
        where[here] = path + (kind,)
        if isinstance(value, list):
            value = encode(value, here + 4, path + (kind,), where)
            kind |= NESTED
        out += struct.pack("=HH", 4 + len(value), kind) + value
        out += bytes(-len(out) % 4)
    return out


def decode(data):
    """Attributes as a list of (type, value), nests undecoded."""
    out = []
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        out.append((kind & TYPE_MASK, data[4:size]))
        data = data[(size + 3) & ~3:]
    return out


class Socket:
    """A netlink socket of a namespace (None: this one); stays there."""

    def __init__(self, ns, protocol):
        with ns or contextlib.nullcontext():
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                      protocol)
        for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK):
            self.sock.setsockopt(SOL_NETLINK, option, 1)
        self.sock.settimeout(30)
        self.seq = self.seen = 0

    def close(self):
        self.sock.close()

    def talk(self, kind, flags, head, attrs, between=None):
        """Send a request; returns the answers' payloads. Call between() after
        the first message; self.seen becomes all flags of the answers.
        """
        where = {}
        body = head + encode(attrs, 16 + len(head), (), where)
        self.seq += 1
        self.sock.send(struct.pack("=IHHII", 16 + len(body), kind,
                                   REQUEST | ACK | flags, self.seq, 0) + body)
        answers, self.seen = [], 0
        while True:
            data = self.sock.recv(1 << 18)
            if between:
                between = between()
            while data:
                size, kind, flags, seq, _ = struct.unpack_from("=IHHII", data)
                message, data = data[16:size], data[(size + 3) & ~3:]
                if seq != self.seq:
                    continue
                self.seen |= flags
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    self._check(kind, message, flags, where)
                    return answers
                answers.append(message)

    @staticmethod
    def _check(kind, message, flags, where):
        number = -struct.unpack_from("=i", message)[0] if message else 0
        if number <= 0:
            return
        skip = 20 if kind == NLMSG_ERROR else 4
        tlvs = dict(decode(message[skip:])) if flags & ACK_TLVS else {}
        text = tlvs.get(1, b"").rstrip(b"\0").decode()
        at = struct.unpack("=I", tlvs[2])[0] if 2 in tlvs else None
        raise Refused(number, text, where.get(at, ()))


class Genl(Socket):
    """The module's family in a namespace."""

    def __init__(self, ns, family="seg6_manycast"):
        super().__init__(ns, NETLINK_GENERIC)
        answer, = self.talk(GENL_ID_CTRL, 0, struct.pack("=BBH", 3, 1, 0),
                            [(2, name(family))])
        told = dict(decode(answer[4:]))
        self.family, = struct.unpack("=H", told[1])
        groups = [dict(decode(nest)) for _, nest in decode(told.get(7, b""))]
        self.groups = {g[1].rstrip(b"\0").decode():
                       struct.unpack("=I", g[2])[0] for g in groups}

    def call(self, cmd, attrs=(), flags=0, reserved=0, between=None):
        head = struct.pack("=BBH", cmd, 1, reserved)
        return [decode(a[4:]) for a in
                self.talk(self.family, flags, head, list(attrs), between)]


class Events(Genl):
    """What the module tells in some of its groups, from now on."""

    def __init__(self, ns, *groups):
        super().__init__(ns)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        for group in groups:
            self.sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
                                 self.groups[group])

    def read(self, timeout=0.0):
        """All that have come, as pairs of a command and its attributes; the
        first of them may take so long.
        """
        events = []
        self.sock.settimeout(timeout)
        with contextlib.suppress(TimeoutError, BlockingIOError):
            while True:
                message = self.sock.recv(1 << 16)[16:]
                events.append((message[0], dict(decode(message[4:]))))
                self.sock.settimeout(0)
        return events


class Counters(Genl):
    """What a namespace counts, without starting `ip` for every look. The
    names are those of `ip`, which prints them in the order of their numbers.
    """

    SERVICE_GET, INSTANCE_GET, STATS_GET = 4, 8, 12
    NAME, SERVICE_STATS, OPEN = 1, 18, 19
    SID, INSTANCE_STATS, RESIDENCE = 2, 6, 8

    def __init__(self, ns, service=None):
        super().__init__(ns)
        self.names = list(ns.stats())
        if service:
            self.service_names = list(ns.service(service)["stats"])
            self.instance_names = list(ns.instances(service)[0]["stats"])

    @staticmethod
    def _values(names, nest):
        values = [struct.unpack("=Q", v)[0] for kind, v in decode(nest)
                  if kind != 1]
        return dict(zip(names, values, strict=True))

    def read(self):
        """Of the namespace."""
        (_, nest), = self.call(self.STATS_GET)[0]
        return self._values(self.names, nest)

    def services(self):
        """Of each, by name, and how many handshakes are open."""
        out = {}
        for message in map(dict, self.call(self.SERVICE_GET, (), DUMP)):
            name_ = message[self.NAME].rstrip(b"\0").decode()
            out[name_] = self._values(self.service_names,
                                      message[self.SERVICE_STATS])
            out[name_]["open"], = struct.unpack("=I", message[self.OPEN])
        return out

    def instances(self):
        """Of each, by SID, and its residence time."""
        return {
            socket.inet_ntop(socket.AF_INET6, m[self.SID]):
                self._values(self.instance_names, m[self.INSTANCE_STATS]) |
                {"residence": m.get(self.RESIDENCE)}
            for m in map(dict, self.call(self.INSTANCE_GET, (), DUMP))}


class Rtnl(Socket):
    """Routes with a lightweight tunnel, as raw as can be."""

    LWT_SEG6_LOCAL = 7
    ACTION, EXT, COUNTERS = 1, 0x2001, 11
    PACKETS, BYTES, ERRORS = 2, 3, 4

    def __init__(self, ns):
        super().__init__(ns, NETLINK_ROUTE)

    def route(self, encap, dev, dst="2001:db8:ffff::/64", flags=CREATE,
              family=socket.AF_INET6, via=None):
        """Add a route whose RTA_ENCAP has these attributes."""
        text, bits = dst.split("/")
        head = struct.pack("=BBBBBBBBI", family, int(bits), 0, 0, 254, 3, 0,
                           1, 0)
        gateway = [(5, socket.inet_pton(family, via))] if via else []
        self.talk(RTM_NEWROUTE, flags, head, [
            (1, socket.inet_pton(family, text)), (4, u32(dev)), *gateway,
            (22, encap), (21, u16(self.LWT_SEG6_LOCAL))])

    def behaviour(self, dst):
        """What SEG6_LOCAL_EXT of the IPv6 route to dst holds."""
        text, bits = dst.split("/")
        head = struct.pack("=BBBBBBBBI", socket.AF_INET6, *bytes(7), 0)
        for message in self.talk(RTM_GETROUTE, DUMP, head, ()):
            route = dict(decode(message[12:]))
            if (route.get(1), message[1]) == (addr(text), int(bits)):
                return dict(decode(dict(decode(route[22]))[self.EXT]))
        raise LookupError(dst)

    def counters(self, dst):
        """What a route has counted: packets, bytes, errors."""
        nest = dict(decode(self.behaviour(dst)[self.COUNTERS]))
        return tuple(struct.unpack("=Q", nest[kind])[0] for kind in
                     (self.PACKETS, self.BYTES, self.ERRORS))


def as_nobody(function):
    """Run it without any privilege; returns whether it returned."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            function()
            status = 0
        except Exception as e:  # pylint: disable=broad-except
            print(f"# as nobody: {e!r}", flush=True)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
