# SPDX-License-Identifier: GPL-2.0
"""The hosts that are measured: network namespaces, as lists of commands.

Each has two devices without a far end. What is injected has been received on
"in"; what is sent leaves through "out", which counts it and frees it.
"""

from packets import CLIENT
from lib.topology import EDGE_SID, SEL_SID, SERVICE, sid

CLIENTS = CLIENT + "/64"
VIA = "via fd00:2::2 dev out"
SYSCTL = {
    "net.ipv6.conf.all.forwarding": 1,
    "net.ipv6.conf.all.seg6_enabled": 1,
    "net.ipv6.conf.default.seg6_enabled": 1,
    "net.ipv6.conf.default.accept_dad": 0,
    "net.ipv6.conf.default.accept_ra": 0,
    # No addresses by themselves: no noise.
    "net.ipv6.conf.default.addr_gen_mode": 1,
}
IPVS_SYSCTL = {
    "net.ipv4.vs.sloppy_tcp": 1,
    "net.ipv4.vs.conn_reuse_mode": 2,
    "net.ipv4.vs.schedule_icmp": 1,
    "net.ipv4.vs.expire_nodest_conn": 1,
}
# Nothing expires while it is measured, and nothing is refused.
LONG = "timeout 60000 limit 16777216 rate 1000000000"


def space(*ip, sysctl=None, **more):
    """A namespace; ip: commands on top of what all have."""
    return {"sysctl": {**SYSCTL, **(sysctl or {})}, "ip": [
        "link set lo up",
        "link add in type dummy",
        "link add out type dummy",
        "link set in up",
        "link set out up",
        "addr add fd00:1::1/64 dev in nodad",
        "addr add fd00:2::1/64 dev out nodad",
        f"route add default {VIA}",
        # Else mainline looks for a source address for each packet.
        "sr tunsrc set fd00:2::1",
        *ip], **more}


def forward():
    return space()


def encap(segments, prefix=SERVICE + "/128"):
    """Mainline H.Encaps, the first segment first."""
    return space(f"route add {prefix} encap seg6 mode encap "
                 f"segs {','.join(segments)} {VIA}")


def dt6_encap():
    """What comes to the selector's SID is decapsulated, and encapsulated
    again on its way to the client.
    """
    return space(f"route add {SEL_SID}/128 encap seg6local action End.DT6 "
                 "table 100 dev in",
                 f"route add {CLIENTS} table 100 encap seg6 mode encap "
                 f"segs {sid(1)},{EDGE_SID} {VIA}")


def address(i):
    """Of service i."""
    return f"{SERVICE[:-2]}{0x80 + i:x}"


def _service(i, instances, idle, settings):
    name = f"s{i}"
    if "tombstone" not in settings:
        settings += " tombstone 60000"
    yield f"manycast service add {name} sid {SEL_SID} {LONG} {settings}"
    for n in range(1, instances + idle + 1):
        weight = " weight 0" if n > instances else ""
        yield f"manycast instance add service {name} sid {sid(n)}{weight}"
    yield (f"route add {address(i)}/128 encap seg6local action End.MAnycast "
           f"service {name} acl fc00::/16 {VIA}")


def selector(instances, services=1, idle=0, settings="candidates all"):
    """Services with so many instances each, and idle ones without weight."""
    ip = [f"route add {SEL_SID}/128 encap seg6local action End.MAnycast "
          f"acl fc00::/16 {VIA}"]
    for i in range(services):
        ip += _service(i, instances, idle, settings)
    return space(*ip)


def ipvs(instances):
    rules = [f"-A -t [{SERVICE}]:80 -s mh -b mh-port,mh-fallback"]
    rules += [f"-a -t [{SERVICE}]:80 -r [{sid(i)}]:80 -i -w 1"
              for i in range(1, instances + 1)]
    return space(f"addr add {SERVICE}/128 dev lo nodad", sysctl=IPVS_SYSCTL,
                 ipvs=rules)


def edge():
    return space(f"route add {SERVICE}/128 encap seg6local action H.MAnycast "
                 f"sid {EDGE_SID} servers fc00:5::/32 {VIA}",
                 f"route add {EDGE_SID}/128 encap seg6local action "
                 "End.MAnycast.C acl fc00:a::/32 dev out",
                 f"route add {CLIENTS} via fd00:1::2 dev in")


def server(action):
    """Two SIDs: what comes to the first is delivered locally, where a socket
    drops it, what comes to the second is sent on through "out".
    """
    return space(f"addr add {SERVICE}/128 dev lo nodad",
                 f"route add {sid(1)}/128 encap seg6local action {action} "
                 "table local dev in",
                 f"route add {sid(2)}/128 encap seg6local action {action} "
                 "table 100 dev in",
                 f"route add default table 100 {VIA}", listen=80)


def standard():
    """Behaviours of the kernel's own."""
    return space("route add fc00:9::e/128 encap seg6local action End dev in",
                 "route add fc00:9::6/128 encap seg6local action End.DX6 "
                 "nh6 fd00:2::2 dev in",
                 f"route add {SERVICE}/128 encap seg6 mode encap "
                 f"segs {sid(1)} {VIA}")
