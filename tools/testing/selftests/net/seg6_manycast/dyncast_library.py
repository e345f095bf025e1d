#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 10
"""libdyncast and the dyncast command. Needs no module and no network."""

import ipaddress
import os
import random
import shutil
import subprocess
import tempfile
import time

from lib import ktap, libdyncast
from lib.libdyncast import Service, numbered
from lib.ktap import equal, true

ONES = (1 << 128) - 1
PREFIX = int(ipaddress.ip_address("2001:db8:d::80"))
OFFSETS = 0, 1, -1, 999, 123456, -123456, -10 ** 13
# The last one is none of the clock's.
PERIODS = 1, 7, 1000, 10000, 86400000, (1 << 32) - 1
GRACE = 1000
PROGRAM = """
#include <stdio.h>
#include <arpa/inet.h>
#include <dyncast.h>

int main(void)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	struct dyncast d;

	dyncast_init(&d, 58);
	inet_pton(AF_INET6, "2001:db8:d::80", &addr);
	dyncast_renew(&d, &addr, 630000);
	return puts(inet_ntop(AF_INET6, &addr, text, sizeof(text))) < 0;
}
"""


def every_position():
    """Whatever is there before, and across octets."""
    chance = random.Random(1)
    for bits in range(2, 17):
        for position in range(0, 129 - bits):
            s = Service(position, bits=bits, stretch=1, period=1)
            equal(s.error(), None, f"position {position}, {bits} bits")
            number = chance.getrandbits(bits)
            for number in 0, number, (1 << bits) - 1:
                for rest in 0, ONES, chance.getrandbits(128):
                    equal(hex(s.address(rest, number)),
                          hex(numbered(rest, number, position, bits)),
                          f"position {position}, {bits} bits")


def numbers_wrap():
    for bits in 2, 6, 16:
        last = (1 << bits) - 1
        s = Service(bits=bits, stretch=1)
        for turn in range(3):
            first = 10000 * (last + 1) * turn
            equal([s.number(first - 1), s.number(first)], [last, 0],
                  f"{bits} bits")
        equal(s.number(10000 * last), last, f"{bits} bits, the last one")
        equal(s.index(10000 * (last + 1)), last + 1, "the index does not")


def edges():
    """To the millisecond, with every offset, and before 1970."""
    for period in PERIODS:
        for offset in OFFSETS:
            s = Service(period=period, offset=offset)
            for index in -1000, -1, 0, 1, 63, 64, 178000000:
                begin = index * period - offset
                what = f"period {period}, offset {offset}, index {index}"
                equal([s.index(begin - 1), s.index(begin),
                       s.index(begin + period - 1)],
                      [index - 1, index, index], what)
                equal(s.number(begin), index % 64, what)
                equal([s.expires(begin), s.expires(begin + period - 1),
                       s.expires(begin + period)],
                      [begin + period, begin + period, begin + 2 * period],
                      what)


def accepted(s, number, now):
    """A router's rule: is it the number of a period that it still knows?"""
    newest = s.index(now + GRACE)
    oldest = s.index(now - GRACE) - s.config.stretch
    return any(p % (1 << s.config.bits) == number
               for p in range(oldest, newest + 1))


def nobody_is_refused_before_the_deadline():
    """While clocks differ by no more than the grace."""
    s = Service()
    chance = random.Random(2)
    for i in range(2000 if ktap.SLOW else 20000):
        # A client's clock, the begin of its invocation as that tells it.
        skew = chance.choice((-GRACE, 0, GRACE, chance.randint(-GRACE, GRACE)))
        begun = 10 ** 12 + chance.randrange(10 ** 7)
        if i % 2:
            begun = s.expires(begun) - chance.randint(0, 1)
        number = s.number(begun)
        end = s.deadline(begun)
        for now in begun, chance.randint(begun, end), end:
            true(accepted(s, number, now - skew),
                 f"begun {begun}, now {now}, skew {skew}")


def the_deadline():
    """Not a period later, or the stretch would be for nothing."""
    s = Service()
    begun = s.expires(10 ** 12) - 1     # the last moment of a period
    end = s.deadline(begun)
    equal(end, begun + 320000, "deadline")
    equal(accepted(s, s.number(begun), end), True, "then")
    equal(accepted(s, s.number(begun), end + GRACE), True, "in the grace")
    equal(accepted(s, s.number(begun), end + GRACE + 1), False, "beyond it")


def renewal():
    s = Service()
    old = s.address(PREFIX, 10 ** 12)
    edge = s.expires(10 ** 12)
    equal(s.renew(old, edge - 1), (False, old), "still current")
    changed, new = s.renew(old, edge)
    equal(changed, True, "no longer")
    equal(hex(new), hex(s.address(PREFIX, edge)), "the next one")
    equal(s.renew(new, edge), (False, new), "done")
    # After a full turn the numbers are the same.
    equal(s.renew(old, 10 ** 12 + 64 * 10000), (False, old), "a turn later")


def ages():
    s = Service()
    begun = 370000
    address = s.address(PREFIX, begun)
    for age in range(64):
        equal(s.age(address, begun + age * 10000), age, "age")
    equal(s.age(address, begun - 10000), 63, "a clock that is ahead")


def services():
    """Same up to the number; position 0 makes everything one."""
    s = Service()
    a = s.address(PREFIX, 0)
    equal(s.same_service(a, s.address(PREFIX, 630000)), True, "other period")
    equal(s.same_service(a, a ^ 1), True, "other application")
    for bit in range(128):
        equal(s.same_service(a, a ^ 1 << (127 - bit)), bit >= 58,
              f"bit {bit}")
    equal(Service(0).same_service(0, ONES), True, "no prefix")


def ports():
    s = Service()
    equal([s.port(8000, i * 10000) for i in (0, 63, 64)],
          [8000, 8063, 8000], "ports")
    equal(s.port(65472, 630000), 65535, "up to the last one")
    equal(s.port(65473, 0), -1, "beyond it")


def configurations():
    s = Service()
    c = s.config
    equal([c.offset, c.period, c.stretch, c.position, c.bits],
          [0, 10000, 32, 58, 6], "defaults")
    good = (dict(stretch=62), dict(bits=16, stretch=65534),
            dict(bits=2, stretch=2), dict(position=122), dict(position=0))
    bad = (dict(period=0), dict(stretch=0), dict(bits=0),
           dict(bits=1, stretch=1), dict(bits=17), dict(position=123),
           dict(stretch=63), dict(bits=6, stretch=(1 << 32) - 1),
           dict(position=113, bits=16, stretch=9))
    for more in good:
        equal(Service(**more).error(), None, str(more))
    for more in bad:
        true(Service(**more).error(), f"{more}: something is wrong")
    for position in 128, 314, (1 << 32) - 1:
        true(Service(position).error(), f"position {position}")


def the_command():
    """It says what the library says."""
    chance = random.Random(3)
    for _ in range(30):
        bits = chance.randint(2, 16)
        position = chance.randint(0, 128 - bits)
        period = chance.randint(1, 100000)
        offset = chance.randint(-10 ** 9, 10 ** 9)
        now = chance.randrange(10 ** 13)
        address = chance.getrandbits(128)
        s = Service(position, bits=bits, period=period, offset=offset)
        text = f"{ipaddress.IPv6Address(address)}/{position}"
        done = libdyncast.run("-e", "-b", bits, "-t", period, "-o", offset,
                              "-n", now, text)
        want = ipaddress.IPv6Address(s.address(address, now))
        rest = (s.expires(now) - now) / 1000
        equal(done.stdout, f"{want} {rest:.3f}\n", text)
    equal(libdyncast.run("-n", 630000, "-P", 58, "2001:db8:d::80").stdout,
          "2001:db8:d:3f::80\n", "a position")
    equal(libdyncast.run("-n", 630000, "-p", 8000, "192.0.2.80").stdout,
          "192.0.2.80:8063\n", "IPv4")


def the_clock():
    def now():
        return time.time_ns() // 10 ** 6
    before = now()
    told = libdyncast.now()
    true(before <= told <= now(), "the library's")
    before = now()
    told = libdyncast.current("2001:db8:d::/58", "-t", 1)
    true(any(numbered(PREFIX & ~0xff, t % 64) == int(told)
             for t in range(before, now() + 1)), f"the command's: {told}")


def wrong_words():
    """Each is told on stderr, and nothing is printed."""
    for words, want in (
            ("", "one service"), ("::/58 ::/59", "one service"),
            ("2001:db8:d::", "/LENGTH"), ("::/129", "0 to 128"),
            ("::/x", "'x'"), ("::/123", "does not fit"),
            ("-P 57 ::/58", "within the prefix"), ("-P 128 ::/58", "'128'"),
            ("-b 1 ::/58", "bits"), ("-b 17 ::/58", "bits"),
            ("-t 0 ::/58", "period"), ("-t 1s ::/58", "'1s'"),
            ("-o x ::/58", "offset"), ("-n -1 ::/58", "now"),
            ("-p 80 ::/58", "IPv4"), ("192.0.2.80", "first port"),
            ("-p 65473 192.0.2.80", "64 ports"), ("-p 0 192.0.2.80", "port"),
            ("-P 5 -p 80 192.0.2.80", "position"), ("web", "'web'"),
            ("-p 80 192.0.2.80/24", "neither"), ("1::2::3/58", "'1::2::3'"),
            ("-x", "--help")):
        done = libdyncast.run(*words.split())
        equal([done.returncode, done.stdout], [2, ""], words)
        true(want in done.stderr, f"{words}: {want!r} in {done.stderr!r}")
    full = subprocess.run(f"{libdyncast.folder()}/dyncast ::/58 >/dev/full",
                          shell=True, capture_output=True, text=True,
                          check=False)
    equal(full.returncode, 1, "a full disk")
    equal(libdyncast.run("--help").returncode, 0, "help")


def _install(directory, target):
    subprocess.run(["make", "-s", "-C", libdyncast.TOOLS, target,
                    f"O={directory}/build", f"DESTDIR={directory}/root"],
                   check=True, env=dict(os.environ, MAKEFLAGS=""))


def _compile(directory, *words):
    """A program that has nothing but what was installed."""
    with open(f"{directory}/program.c", "w", encoding="ascii") as f:
        f.write(PROGRAM)
    root = f"{directory}/root"
    env = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=root,
               PKG_CONFIG_PATH=f"{root}/usr/local/lib/pkgconfig")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libdyncast"],
                           env=env, capture_output=True, check=True,
                           text=True).stdout.split()
    subprocess.run(["cc", "-o", f"{directory}/program",
                    f"{directory}/program.c", *words, *flags], check=True)
    env["LD_LIBRARY_PATH"] = f"{root}/usr/local/lib"
    return subprocess.run([f"{directory}/program"], env=env, check=True,
                          capture_output=True, text=True).stdout


def installation():
    if not shutil.which("pkg-config"):
        raise ktap.Skip("no pkg-config: tools/setup/packages iproute2")
    with tempfile.TemporaryDirectory() as directory:
        _install(directory, "install")
        for words in [], ["-static"]:
            equal(_compile(directory, *words), "2001:db8:d:3f::80\n",
                  f"a program {words}")
        pages = subprocess.run(["find", f"{directory}/root", "-name", "*.[13]",
                                "-exec", "test", "-e", "{}", ";", "-print"],
                               capture_output=True, check=True, text=True)
        # One for each function, and the two that there are.
        equal(len(pages.stdout.split()), len(libdyncast.TYPES) + 2, "pages")
        _install(directory, "uninstall")
        left = [name for _, _, names in os.walk(f"{directory}/root")
                for name in names]
        equal(left, [], "left behind")


if __name__ == "__main__":
    ktap.run([every_position, numbers_wrap, edges,
              nobody_is_refused_before_the_deadline, the_deadline, renewal,
              ages, services, ports, configurations, the_command, the_clock,
              wrong_words, installation])
