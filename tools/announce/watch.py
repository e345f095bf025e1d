# SPDX-License-Identifier: GPL-2.0
"""What is new in this network namespace's routes and services, and what is so.

Sockets tell that something is new, ip tells what is so now. Of a message only
what it is about is read, so it does no harm when some are lost. None is missed
either: whoever has made Events before asking hears of all that changes
afterwards, which `ip monitor` cannot promise, as it does not say since when it
listens.
"""

import ipaddress
import json
import select
import socket
import struct
import subprocess
import time

SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 270, 1
NETLINK_ROUTE, NETLINK_GENERIC = 0, 16
RTNLGRP_IPV6_ROUTE = 11
RTA_DST = 1
NLM_F_REQUEST = 1
# The controller of generic netlink: its type, and the group where it tells of
# families that come and go with their modules.
GENL_ID_CTRL = 16
CTRL_CMD_GETFAMILY = 3
CTRL_ATTR_FAMILY_NAME, CTRL_ATTR_MCAST_GROUPS = 2, 7
CTRL_ATTR_MCAST_GRP_NAME, CTRL_ATTR_MCAST_GRP_ID = 1, 2
FAMILY, GROUP = b"seg6_manycast\0", b"events\0"
# Seconds: what belongs together comes within it, and is looked at once.
GATHER = 0.05


def ask(words):
    """What ip says in JSON, or None if it refuses."""
    done = subprocess.run(["ip", "-j", *words.split()], capture_output=True,
                          check=False)
    if done.returncode or not done.stdout.strip():
        return None
    return json.loads(done.stdout)


def attributes(data):
    """A dictionary, by type. Nests stay octets."""
    found = {}
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        if size < 4:
            break
        found[kind & 0x3fff] = data[4:size]
        data = data[(size + 3) & ~3:]
    return found


def attribute(kind, value):
    size = 4 + len(value)
    return struct.pack("=HH", size, kind) + value + bytes(-size % 4)


def subscribe(protocol, *groups):
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    sock.bind((0, 0))
    for group in groups:
        sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
    sock.setblocking(False)
    return sock


def drain(sock):
    """The messages that have come; None in place of those that were lost."""
    found = []
    while True:
        try:
            data = sock.recv(1 << 16)
        except BlockingIOError:
            return found
        except OSError:
            found.append(None)      # ENOBUFS
            continue
        while data:
            size = struct.unpack_from("=I", data)[0]
            found.append(data[16:size])
            data = data[(size + 3) & ~3:]


def leads_to(message, addresses):
    """Is it about a route to one of these, or may it be?"""
    if message is None:
        return True
    length = message[1]
    prefix = attributes(message[12:]).get(RTA_DST, bytes(16))
    prefix = int.from_bytes(prefix, "big") >> 128 - length
    return any(int(ipaddress.IPv6Address(a)) >> 128 - length == prefix
               for a in addresses)


def group_id():
    """Number of the module's group of events; None while it is not loaded."""
    body = struct.pack("=BBH", CTRL_CMD_GETFAMILY, 1, 0) + \
        attribute(CTRL_ATTR_FAMILY_NAME, FAMILY)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                       NETLINK_GENERIC) as sock:
        sock.send(struct.pack("=IHHII", 16 + len(body), GENL_ID_CTRL,
                              NLM_F_REQUEST, 1, 0) + body)
        reply = sock.recv(1 << 16)
    if struct.unpack_from("=IH", reply)[1] != GENL_ID_CTRL:
        return None
    groups = attributes(reply[20:]).get(CTRL_ATTR_MCAST_GROUPS, b"")
    for group in map(attributes, attributes(groups).values()):
        if group.get(CTRL_ATTR_MCAST_GRP_NAME) == GROUP:
            return struct.unpack("=I", group[CTRL_ATTR_MCAST_GRP_ID])[0]
    return None


class Events:
    """Of services and instances, and of routes to the addresses of about."""

    def __init__(self, *about):
        self.about = about
        self.routes = subscribe(NETLINK_ROUTE, RTNLGRP_IPV6_ROUTE)
        self.families = subscribe(NETLINK_GENERIC, GENL_ID_CTRL)
        self.module = None
        self._join()

    def _join(self):
        """A module that is loaded again is another family."""
        if self.module:
            self.module.close()
        group = group_id()
        self.module = group and subscribe(NETLINK_GENERIC, group)

    def wait(self, timeout):
        """Until something may be new, or for so many seconds; which was it?"""
        socks = [s for s in (self.routes, self.families, self.module) if s]
        if not select.select(socks, [], [], timeout)[0]:
            return False
        time.sleep(GATHER)
        found = {sock: drain(sock) for sock in socks}
        routes = found.pop(self.routes)
        if found[self.families]:
            self._join()
        return any(found.values()) or \
            any(leads_to(message, self.about) for message in routes)
