#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 20
"""Dyncast with real servers: invocations over TCP and UDP, IPv6 and IPv4, of a
client that knows nothing but its address.
"""

import hashlib
import os
import socket
import subprocess
import tempfile

from lib import ktap
from lib.dyncast import (NUMBERS, PORT, POSITION, PREFIX, SERVICE4, START,
                         Network, address)
from lib.ktap import case_of, equal, wait_for
from lib.topology import listening
from lib.traffic import Digest, Server, UdpServer, ask, connect

CASES, NET = [], []
STEP = 8                # periods; a server has not all ports at once


class Invocations(Network):
    """s1 with the kernel's own behaviour, s2 with ours."""

    def __init__(self):
        super().__init__(("End.DT6 table local",
                          "End.MAnycast.S table local services ::1/128"))
        self.index = START
        self.socks = []
        for i in 1, 2:
            Server(self[f"s{i}"], "::", f"s{i}")
            UdpServer(self[f"s{i}"], f"s{i}", 53)
            for number in range(0, NUMBERS, STEP):
                Server(self[f"s{i}"], "::", f"s{i}", PORT + number)
                UdpServer(self[f"s{i}"], f"s{i}", PORT + number)

    def next(self, best):
        """The next period that a server listens in with IPv4, too."""
        self.index += STEP
        self.at(self.index, best)
        return self.index

    def tcp(self, to, port=80):
        sock = connect(self["client"], to, port)
        self.socks.append(sock)
        return sock

    def udp(self, to, port=53):
        """A socket of a client of the service."""
        with self["client"]:
            sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.settimeout(10 * ktap.TIME_FACTOR)
        sock.connect((to, port))
        self.socks.append(sock)
        return sock

    def restore(self):
        for sock in self.socks:
            sock.close()
        self.socks = []


def network():
    if not NET:
        NET.append(Invocations())
    return NET[0]


case = case_of(network, CASES)


def say(sock, word=b"x"):
    """Who answers a datagram?"""
    sock.send(word)
    name, _, echo = sock.recv(4096).decode().partition(" ")
    equal(echo.encode(), word, "echo")
    return name


def asks(net, make, function):
    """Invocations of several periods, each of which stays where it began."""
    begun = []
    for best in 1, 2, 2, 1:
        index = net.next(best)
        begun.append((make(index), f"s{best}"))
        for sock, want in begun:
            equal(function(sock), want, "who answers")


@case
def tcp_stays(net):
    asks(net, lambda index: net.tcp(address(index)), ask)


@case
def udp_stays(net):
    asks(net, lambda index: net.udp(address(index)), say)


@case
def any_address_of_the_prefix(net):
    """What is behind the number is the client's to choose."""
    index = net.next(1)
    for host in 0, 1, 0xffff:
        equal(ask(net.tcp(address(index, host))), "s1", f"host {host}")


@case
def ipv4_stays(net):
    """The number is the port."""
    to = "::ffff:" + SERVICE4
    asks(net, lambda index: net.tcp(to, PORT + index % NUMBERS), ask)
    asks(net, lambda index: net.udp(to, PORT + index % NUMBERS), say)


@case
def bulk_stays(net):
    """Much more than fits into a packet or two, with path MTU discovery."""
    index = net.next(2)
    for i in 1, 2:
        Digest(net[f"s{i}"], "::", 9000)
    sock = net.tcp(address(index), 9000)
    data = os.urandom(1 << 20)
    sock.sendall(data[:1 << 19])
    net.next(1)
    sock.sendall(data[1 << 19:])
    sock.shutdown(socket.SHUT_WR)
    equal(sock.recv(64), hashlib.sha256(data).digest(), "digest")


@case
def the_router_starts_again(net):
    """While invocations are under way: its calendar was saved."""
    begun = []
    for best in 2, 1:
        index = net.next(best)
        begun.append((net.tcp(address(index)), f"s{best}"))
        begun.append((net.tcp(address(index)), f"s{best}"))
    r = net["r"]
    saved = r.ip("manycast save").splitlines()
    periods = r.ip("manycast period show service web").splitlines()
    route = f"-6 route del {PREFIX}"
    r.ip(route)
    wait_for(lambda: r.ip("manycast service del web",
                          check=False).returncode == 0, "deleted")
    for line in saved:
        if " web " in line:
            r.later(line)
    for line in periods:
        r.later("manycast period set " + line)
    r.later(f"route add {PREFIX} encap seg6local action H.Dyncast "
            f"service web position {POSITION} dev s1")
    r.flush()
    for sock, want in begun:
        equal(ask(sock), want, "who answers")


@case
def a_stock_web_server(net):
    """nginx, which listens on [::] and knows nothing of any of this."""
    with tempfile.TemporaryDirectory(prefix="dyncast-") as directory:
        for i in 1, 2:
            conf = os.path.join(directory, f"{i}.conf")
            with open(conf, "w", encoding="ascii") as f:
                f.write(f"""
daemon off; master_process off; error_log stderr crit;
pid {directory}/{i}.pid;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {directory}/t; proxy_temp_path {directory}/t;
    fastcgi_temp_path {directory}/t; uwsgi_temp_path {directory}/t;
    scgi_temp_path {directory}/t;
    server {{ listen [::]:8080; location / {{ return 200 "s{i}"; }} }}
}}""")
            net[f"s{i}"].start(["nginx", "-c", conf])
            wait_for(lambda i=i: listening(net[f"s{i}"], 8080), "nginx")
        first = net.next(1)
        second = net.next(2)
        for index, want in (first, "s1"), (second, "s2"):
            done = subprocess.run(
                net["client"].command(
                    ["curl", "-gsS", "--noproxy", "*", "-m",
                     str(10 * ktap.TIME_FACTOR),
                     f"http://[{address(index)}]:8080/"]),
                capture_output=True, text=True, check=False)
            equal((done.stdout, done.stderr), (want, ""), f"period {index}")


def main():
    try:
        ktap.run(CASES)
    finally:
        for net in NET:
            net.__exit__()


if __name__ == "__main__":
    main()
