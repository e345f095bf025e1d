#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 20
"""Clients that know DNS only: PowerDNS computes the current address. Needs no
module.
"""

import ipaddress
import os
import random
import shutil
import tempfile

from lib import ktap, libdyncast, netns, traffic
from lib.libdyncast import Service
from lib.ktap import TIME_FACTOR, equal, true, wait_for

WEB = "web.dyncast.example"
ADDRESS = int(ipaddress.ip_address("2001:db8:d::80"))
QUICK = 3       # seconds: a period of another service
QUICK_ONE = {"quick.dyncast.example": dict(
    address=ADDRESS, position=58, bits=6, period=QUICK, offset=0)}
PROGRAMS = "pdns_server", "dig"
CASES = []


def odd_services(count=60):
    """Services with the number anywhere, by name."""
    chance = random.Random(4)
    found = {}
    for i in range(count):
        bits = chance.randint(2, 16)
        found[f"odd{i}.dyncast.example"] = dict(
            address=chance.getrandbits(128), bits=bits,
            position=chance.randint(0, 128 - bits),
            period=chance.choice((60, 3600, 86400)),
            offset=chance.randint(-10 ** 6, 10 ** 6))
    return found


def in_lua(services):
    """As the site's file has them."""
    lines = []
    for name, words in services.items():
        words = dict(words, address='"{}"'.format(
            ipaddress.IPv6Address(words["address"])))
        lines.append(f'["{name}."] = {{ ' + ", ".join(
            f"{key} = {value}" for key, value in words.items()) + " },\n")
    return "".join(lines)


class Dns:
    """The server, with the files that are installed, in a namespace."""

    def __init__(self):
        for program in PROGRAMS:
            if not shutil.which(program):
                raise ktap.Skip(f"no {program}: "
                                "tools/setup/packages check installs it")
        self.odd = odd_services()
        self.dir = tempfile.mkdtemp(prefix="dyncast-")
        self.ns = netns.Netns("dyncast-dns")
        self.ns.flush()
        self._write("services.lua", "/usr/local/share/dyncast",
                    libdyncast.TOOLS, "\tservices = {\n",
                    "\tservices = {\n" + in_lua({**self.odd, **QUICK_ONE}))
        self._write("pdns.conf", "/etc/powerdns", self.dir)
        self._start()

    def _write(self, name, *replaced):
        """A file of ours with other words at some places."""
        with open(os.path.join(libdyncast.TOOLS, name), encoding="ascii") as f:
            text = f.read()
        for old, new in zip(replaced[::2], replaced[1::2]):
            true(old in text, f"{name} has {old!r}")
            text = text.replace(old, new)
        with open(os.path.join(self.dir, name), "w", encoding="ascii") as f:
            f.write(text)

    def _start(self):
        log = os.path.join(self.dir, "log")
        with open(log, "w", encoding="utf-8") as f:
            process = self.ns.start(
                ["pdns_server", f"--config-dir={self.dir}",
                 f"--socket-dir={self.dir}", "--local-address=::1",
                 "--daemon=no", "--guardian=no", "--disable-syslog",
                 "--security-poll-suffix="], stdout=f, stderr=f)

        def answers():
            if process.poll() is not None:
                with open(log, encoding="utf-8") as f:
                    raise AssertionError(f"pdns_server: {f.read()}")
            return self.dig("dyncast.example", "SOA", check=False)
        wait_for(answers, "pdns_server answers", 20)

    def dig(self, *words, check=True):
        """The answers, as lists of TTL, class, type and content. There may be
        several questions.
        """
        done = self.ns.run(["dig", "+noall", "+answer", "+tries=1",
                            f"+time={int(5 * TIME_FACTOR)}", "@::1", *words],
                           check=check)
        text = done if check else done.stdout
        return [line.split(maxsplit=4)[1:] for line in text.splitlines()
                if line and line[0] != ";"]

    def status(self, *words):
        """NOERROR or NXDOMAIN, and how many answers."""
        text = self.ns.run(["dig", "+tries=1", "@::1", *words])
        return (text.partition("status: ")[2].partition(",")[0],
                int(text.partition("ANSWER: ")[2].partition(",")[0]))

    def remove(self):
        netns.remove([self.ns])
        shutil.rmtree(self.dir)


the_dns = ktap.Shared(Dns)


def case(function):
    def wrapped():
        function(the_dns())
    wrapped.__name__ = function.__name__
    CASES.append(wrapped)
    return wrapped


def check_answer(s, answer, address, before, after):
    """One AAAA record that came between two times."""
    equal(answer[1:3], ["IN", "AAAA"], "type")
    got = int(ipaddress.ip_address(answer[3]))
    true(got in {s.address(address, before), s.address(address, after)},
         f"{answer[3]} at {before} to {after}")
    left = (s.expires(before) - before) / 1000
    if s.index(before) == s.index(after):
        true(1 <= int(answer[0]) <= max(left, 1),
             f"TTL {answer[0]} with {left} s left")


@case
def across_periods(net):
    """Whenever one asks, and a TTL that ends with the period."""
    services = ((Service(period=QUICK * 1000), "quick.dyncast.example"),
                (Service(), WEB))
    numbers, ttls = set(), set()

    def ask():
        for s, name in services:
            before = libdyncast.now()
            answers = net.dig(name, "AAAA")
            after = libdyncast.now()
            equal(len(answers), 1, "answers")
            check_answer(s, answers[0], ADDRESS, before, after)
            if name != WEB:
                numbers.add(s.number(before))
                ttls.add(int(answers[0][0]))
        return len(numbers) >= 3 and ttls == set(range(1, QUICK))
    wait_for(ask, "answers of three periods, with each TTL", 60, 0.1)


@case
def as_the_command_says(net):
    """Unless a period ends meanwhile."""
    for _ in range(5):
        before = libdyncast.current("2001:db8:d::80/58")
        told = net.dig(WEB, "AAAA")[0][3]
        if before == libdyncast.current("2001:db8:d::80/58"):
            equal(told, str(before), "address")
            return
    raise AssertionError("a period ended each time")


@case
def resolved_and_connected(net):
    """What was answered is an address of the service's."""
    net.ns.ip("route add local 2001:db8:d::/58 dev lo")
    server = traffic.Server(net.ns, "::", "web")
    address = net.dig(WEB, "AAAA")[0][3]
    try:
        with traffic.connect(net.ns, address) as sock:
            equal(traffic.ask(sock), "web", "who answers")
            equal(sock.getpeername()[0], address, "from")
    finally:
        server.kill()


@case
def every_position(net):
    """Lua counts bits as the library does, with all that can be set."""
    before = libdyncast.now()
    answers = net.dig(*(word for name in net.odd for word in (name, "AAAA")))
    after = libdyncast.now()
    equal(len(answers), len(net.odd), "answers")
    for answer, words in zip(answers, net.odd.values()):
        s = Service(words["position"], bits=words["bits"],
                    stretch=1, period=words["period"] * 1000,
                    offset=words["offset"] * 1000)
        check_answer(s, answer, words["address"], before, after)


@case
def ports(net):
    """IPv4: the port is in an SRV record, and its target has an address."""
    s = Service()
    before = libdyncast.now()
    ttl, _, kind, content = net.dig("_web._tcp.dyncast.example", "SRV")[0]
    numbers = {s.number(before), s.number(libdyncast.now())}
    true(int(ttl) <= 10, f"TTL {ttl}")
    equal(kind, "SRV", "type")
    true(content in {f"0 0 {8000 + n} legacy.dyncast.example."
                     for n in numbers}, content)
    equal(net.dig("legacy.dyncast.example", "A")[0][1:],
          ["IN", "A", "192.0.2.80"], "target")


@case
def a_zone_as_others(net):
    equal(net.dig("dyncast.example", "NS")[0][3], "ns.dyncast.example.", "NS")
    equal(net.dig("ns.dyncast.example", "AAAA")[0][0], "3600", "TTL")
    equal(len(net.dig("WeB.dyncast.example", "AAAA")), 1, "letters")
    equal(net.status(WEB, "A"), ("NOERROR", 0), "another type")
    equal(net.status("no.dyncast.example", "AAAA"), ("NXDOMAIN", 0), "no name")
    # Who asks label by label must not hear that there is nothing below.
    equal(net.status("_tcp.dyncast.example", "SRV"), ("NOERROR", 0), "above")
    equal(net.status("example.org", "AAAA")[0], "REFUSED", "another zone")


def main():
    try:
        ktap.run(CASES)
    finally:
        the_dns.remove()


if __name__ == "__main__":
    main()
