#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 12
"""Servers that others wrote accept a whole dyncast prefix, and answer from the
address that was asked. Needs no module: a client and a server beside it.
"""

import ipaddress
import os
import shutil
import socket
import tempfile

from lib import ktap, libdyncast, netns
from lib.libdyncast import numbered
from lib.ktap import TIME_FACTOR, Skip, equal, true, wait_for

PREFIX, LEGACY, PORT = "2001:db8:d::/58", "192.0.2.80", 8000
ONE = "2001:db8:d::80"
ALL = [str(ipaddress.IPv6Address(numbered(ipaddress.ip_address(ONE), n)))
       for n in range(64)]
STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"
FORWARD = f"ip6 daddr {PREFIX} udp dport 9 redirect"
CASES = []
# Whoever is asked tells at which address.
NGINX = """
daemon off; master_process off; error_log stderr crit; pid {dir}/{name}.pid;
events {{ worker_connections 512; }}
"""
HTTP = """
http {{
    access_log off;
    client_body_temp_path {dir}/t; proxy_temp_path {dir}/t;
    fastcgi_temp_path {dir}/t; uwsgi_temp_path {dir}/t; scgi_temp_path {dir}/t;
    server {{
        {listen}
        return 200 "$server_addr $server_port\\n";
    }}
}}
"""
UDP = """
load_module {stream};
stream {{
    server {{
        listen [::]:7 udp;
        return "$server_addr\\n";
    }}
}}
"""


class Net:
    """A client, a server, and a link between them."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="dyncast-")
        self.client, self.server = netns.create(["dyn-client", "dyn-server"])
        netns.link(self.client, self.server, "fd00::1/64", "fd00::2/64",
                   "server", "client")
        self.client.later(f"route add {PREFIX} via fd00::2")
        self.client.later("addr add 192.0.2.1/25 dev server")
        self.server.later("addr add 192.0.2.2/25 dev client")
        # All that makes a host accept the prefix.
        self.server.later(f"route add local {PREFIX} dev lo")
        self.server.later(f"addr add {LEGACY}/32 dev lo")
        self.client.later(f"route add {LEGACY}/32 via 192.0.2.2")
        self.client.flush()
        self.server.flush()
        self.nonlocal_bind(0)

    def nonlocal_bind(self, on):
        self.server.sysctl("net.ipv6.ip_nonlocal_bind", on)

    def nginx(self, name, config, **words):
        """Start one with this configuration, and return the process."""
        path = os.path.join(self.dir, name + ".conf")
        text = (NGINX + config).format(dir=self.dir, name=name, **words)
        # What loads a module comes first.
        lines = sorted(text.splitlines(),
                       key=lambda line: not line.startswith("load_module"))
        with open(path, "w", encoding="ascii") as f:
            f.write("\n".join(lines))
        return self.server.start(["nginx", "-c", path])

    def curl(self, *urls, check=True):
        """What each said."""
        done = self.client.run(
            ["curl", "-gsS", "--noproxy", "*", "--retry-connrefused",
             "--retry", "20", "--retry-delay", "1", "--retry-max-time", "20",
             "-m", str(30 * TIME_FACTOR), *urls], check=check)
        return (done if check else done.stdout).splitlines()

    def udp(self, address, port, timeout=1.0):
        """What came back, and from where; None if nothing did."""
        with self.client:
            sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        with sock:
            sock.settimeout(timeout * TIME_FACTOR)
            sock.sendto(b"who\n", (address, port))
            try:
                data, sender = sock.recvfrom(2048)
            except TimeoutError:
                return None
            return data.decode().strip(), sender[0]

    def ask(self, address, port):
        """The same of a client that repeats what is not answered."""
        return wait_for(lambda: self.udp(address, port),
                        f"an answer of {address} port {port}", 20)

    def remove(self):
        netns.remove([self.client, self.server])
        shutil.rmtree(self.dir)


the_net = ktap.Shared(Net)


def case(function):
    def wrapped():
        net = the_net()
        try:
            function(net)
        finally:
            net.server.stop()
            net.nonlocal_bind(0)
    wrapped.__name__ = function.__name__
    CASES.append(wrapped)
    return wrapped


def needed(name, path):
    if not path or not os.path.exists(path):
        raise Skip(f"no {name}: tools/setup/packages check installs it")


@case
def tcp_at_every_number(net):
    """A wildcard socket, and the route; nothing else."""
    net.nginx("http", HTTP, listen="listen [::]:80;")
    equal(net.curl(*(f"http://[{address}]/" for address in ALL)),
          [f"{address} 80" for address in ALL], "answers")


@case
def as_in_the_manual(net):
    net.nginx("http", HTTP, listen="listen [::]:80;")
    command = os.path.join(libdyncast.folder(), "dyncast")
    url = f'http://[$({command} 2001:db8:d::80/58)]/'
    told = net.client.run(["sh", "-c", "curl -gsS --retry-connrefused "
                           f'--retry 20 --retry-delay 1 "{url}"'])
    true(told.split()[0] in ALL, told)


@case
def udp_at_every_number(net):
    """It answers from where it was asked, which wants ip_nonlocal_bind."""
    needed("nginx's stream module", STREAM)
    net.nginx("udp", UDP, stream=STREAM)
    net.nonlocal_bind(1)
    net.ask(ONE, 7)
    for address in ALL:
        equal(net.ask(address, 7), (address, address), "answer")
    net.nonlocal_bind(0)
    equal(net.udp(ONE, 7), None, "answer without ip_nonlocal_bind")


@case
def udp_of_who_does_not_know(net):
    """It answers from another address, unless the host translates."""
    needed("socat", shutil.which("socat"))
    net.server.start(["socat", "UDP6-LISTEN:9,fork", "PIPE"])
    equal(net.ask(ONE, 9), ("who", "fd00::2"), "answer")
    net.server.run(["nft", "add table ip6 dyncast; add chain ip6 dyncast in "
                    "{ type nat hook prerouting priority -100; }; "
                    f"add rule ip6 dyncast in {FORWARD}"])
    try:
        for address in ALL[::9]:
            equal(net.ask(address, 9), ("who", address), "answer")
    finally:
        net.server.run(["nft", "delete table ip6 dyncast"])


@case
def an_address_alone(net):
    """To bind to one of the prefix needs leave."""
    listen = f"listen [{ONE}]:81;"
    refused = net.nginx("alone", HTTP, listen=listen)
    equal(refused.wait(20), 1, "nginx without ip_nonlocal_bind")
    net.nonlocal_bind(1)
    net.nginx("alone", HTTP, listen=listen)
    equal(net.curl(f"http://[{ONE}]:81/"), [f"{ONE} 81"], "answer")


@case
def freebind(net):
    """The same for a program that can ask for it."""
    with net.server:
        sock = socket.socket(socket.AF_INET6)
    with sock:
        try:
            sock.bind((ONE, 82))
        except OSError as e:
            true("assign" in str(e), f"{e}")
        else:
            raise AssertionError("it was bound without leave")
        sock.setsockopt(socket.IPPROTO_IPV6, 78, 1)     # IPV6_FREEBIND
        sock.bind((ONE, 82))


@case
def ports_of_ipv4(net):
    """An address and 64 ports."""
    net.nginx("legacy", HTTP, listen=f"listen {LEGACY}:{PORT}-{PORT + 63};")
    urls = [f"http://{LEGACY}:{PORT + n}/" for n in range(64)]
    equal(net.curl(*urls), [f"{LEGACY} {PORT + n}" for n in range(64)],
          "answers")
    told = libdyncast.run("-p", PORT, LEGACY).stdout.strip()
    equal(net.curl(f"http://{told}/"), [told.replace(":", " ")], "now")


def main():
    try:
        ktap.run(CASES)
    finally:
        the_net.remove()


if __name__ == "__main__":
    main()
