#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A connection from each kind of client lands on a server."""

from lib import ktap
from lib.topology import Topology


def behind_an_edge():
    with Topology() as t:
        ktap.true(t.curl("client") in ("s1", "s2", "s3"), "who answered")


def own_edge():
    with Topology() as t:
        ktap.true(t.curl("own") in ("s1", "s2", "s3"), "who answered")


if __name__ == "__main__":
    ktap.run([behind_an_edge, own_edge])
