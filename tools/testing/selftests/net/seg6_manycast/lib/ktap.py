# SPDX-License-Identifier: GPL-2.0
"""Run test functions and report in KTAP, as kselftest wants it."""

import os
import sys
import time
import traceback

PASS, FAIL, SKIP = 0, 1, 4
# How much longer everything may take, on a machine that is slow.
TIME_FACTOR = float(os.environ.get("TIME_FACTOR", "1"))
# As in the kernel's own tests: let there be less of what takes long.
SLOW = bool(os.environ.get("KSFT_MACHINE_SLOW"))


# An emulated processor takes ten times as long, for whole programs, too.
SKIP_LARGE = bool(os.environ.get("SKIP_LARGE"))


class Skip(Exception):
    """The environment cannot run this case; the reason is the message."""


def large(case):
    """Decorates a case that takes long, and that no kernel makes different."""
    def skipped(*_):
        raise Skip("large, and this processor is emulated: LARGE=1")
    skipped.__name__ = case.__name__
    return skipped if SKIP_LARGE else case


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, expected {want!r}")


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def wait_for(condition, what, timeout=5.0, step=0.02):
    """Poll until condition() is true; state, not time, is what counts."""
    end = time.monotonic() + timeout * TIME_FACTOR
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"timed out: {what}")
        time.sleep(step)


class Shared:
    """What cases share: made when the first of them asks for it."""

    def __init__(self, make):
        self.make, self.made = make, None

    def __call__(self):
        if self.made is None:
            self.made = self.make()
        return self.made

    def remove(self):
        """Unless nobody has asked. It may be made again."""
        if self.made is not None:
            self.made.remove()
            self.made = None


def case_of(fixture, cases):
    """Decorates a case: it gets what fixture() returns, whose restore() is
    called after it, and is added to the list.
    """
    def case(function):
        def wrapped():
            net = fixture()
            try:
                function(net)
            finally:
                net.restore()
        wrapped.__name__ = function.__name__
        cases.append(wrapped)
        return wrapped
    return case


def run(cases):
    """Run functions named by TESTS (all by default) and exit."""
    wanted = os.environ.get("TESTS", "").split()
    if wanted:
        known = {c.__name__ for c in cases}
        for name in wanted:
            if name not in known:
                sys.exit(f"no case {name}; there are: "
                         + " ".join(sorted(known)))
        cases = [c for c in cases if c.__name__ in wanted]
    print("KTAP version 1")
    print(f"1..{len(cases)}", flush=True)
    failed = False
    for i, case in enumerate(cases, 1):
        try:
            case()
        except Skip as reason:
            print(f"ok {i} {case.__name__} # SKIP {reason}", flush=True)
        except BaseException:  # pylint: disable=broad-except
            failed = True
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            print(f"not ok {i} {case.__name__}", flush=True)
        else:
            print(f"ok {i} {case.__name__}", flush=True)
    sys.exit(FAIL if failed else PASS)
