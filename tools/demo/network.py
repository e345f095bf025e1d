# SPDX-License-Identifier: GPL-2.0
"""The topology of the tests with twelve servers, and a second service.

web     at 2001:db8:5::80: the first of FANOUT servers to answer
random  at 2001:db8:5::81: one server, for comparison
"""

import os
import sys

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(TOP, "tools/testing/selftests/net",
                                "seg6_manycast"))

# pylint: disable=wrong-import-position
from lib.topology import SERVICE, Topology, sid  # noqa: E402

WEB = SERVICE
RANDOM = "2001:db8:5::81"
RANDOM_SID = "fc00:a::2"
FANOUT = 4

# Milliseconds of delay on the link to each server.
DELAYS = (4, 7, 10, 13, 16, 20, 24, 28, 32, 36, 40, 45)


class Network(Topology):
    """Twelve servers at different distances, and both services."""

    def __init__(self):
        super().__init__(servers=len(DELAYS), delays=DELAYS,
                         service=f"policy rtt fanout {FANOUT}")
        self._random_service()

    def _random_service(self):
        sel = self.sel
        sel.later(f"manycast service add random sid {RANDOM_SID} "
                  "fanout 1 candidates random")
        sel.later(f"route add {RANDOM}/128 encap seg6local "
                  "action End.MAnycast service random dev r1")
        sel.later(f"route add {RANDOM_SID}/128 encap seg6local "
                  "action End.MAnycast acl fc00::/16 dev r1")
        for i in range(1, self.count + 1):
            sel.later(f"manycast instance add service random sid {sid(i)}")
        self.r1.later(f"route add {RANDOM_SID}/128 via fd00:3::2")
        for s in self.servers():
            s.later(f"addr add {RANDOM}/128 dev lo nodad")
        for host in [sel, self.r1, *self.servers()]:
            host.flush()
