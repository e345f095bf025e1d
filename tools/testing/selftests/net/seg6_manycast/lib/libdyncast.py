# SPDX-License-Identifier: GPL-2.0
"""libdyncast and the command, and what they should say by other arithmetic."""

import ctypes
import functools
import ipaddress
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.abspath(os.path.join(HERE, "../../../../../dyncast"))
ADDRESS = ctypes.c_uint8 * 16


@functools.cache
def folder():
    """Where they are; make check has built them before."""
    found = os.environ.get("DYNCAST")
    return found or subprocess.run(
        [os.path.join(TOOLS, "build")], stdout=subprocess.PIPE, check=True,
        text=True).stdout.strip()


class Config(ctypes.Structure):
    """struct dyncast."""

    _fields_ = [("offset", ctypes.c_int64), ("period", ctypes.c_uint32),
                ("stretch", ctypes.c_uint32), ("position", ctypes.c_uint8),
                ("bits", ctypes.c_uint8)]


TYPES = {
    "init": (None, ctypes.c_uint),
    "error": (ctypes.c_char_p,),
    "now": (ctypes.c_int64,),
    "index": (ctypes.c_int64, ctypes.c_int64),
    "number": (ctypes.c_uint, ctypes.c_int64),
    "expires": (ctypes.c_int64, ctypes.c_int64),
    "deadline": (ctypes.c_int64, ctypes.c_int64),
    "address": (None, ADDRESS, ctypes.c_int64, ADDRESS),
    "renew": (ctypes.c_bool, ADDRESS, ctypes.c_int64),
    "age": (ctypes.c_uint, ADDRESS, ctypes.c_int64),
    "same_service": (ctypes.c_bool, ADDRESS, ADDRESS),
    "port": (ctypes.c_int, ctypes.c_uint16, ctypes.c_int64),
}


@functools.cache
def library():
    lib = ctypes.CDLL(os.path.join(folder(), "libdyncast.so.0"))
    for name, (result, *arguments) in TYPES.items():
        function = getattr(lib, "dyncast_" + name)
        function.restype = result
        if name != "now":
            arguments = [ctypes.POINTER(Config), *arguments]
        function.argtypes = arguments
    return lib


def now():
    return library().dyncast_now()


def octets(address):
    return ADDRESS(*int(address).to_bytes(16, "big"))


def integer(array):
    return int.from_bytes(bytes(array), "big")


class Service:
    """A configuration; addresses are integers."""

    def __init__(self, position=58, **more):
        self.config = Config()
        library().dyncast_init(self.config, position)
        for name, value in more.items():
            setattr(self.config, name, value)

    def __getattr__(self, name):
        function = getattr(library(), "dyncast_" + name)
        return functools.partial(function, self.config)

    def address(self, service, time):
        result = ADDRESS()
        library().dyncast_address(self.config, octets(service), time, result)
        return integer(result)

    def renew(self, address, time):
        """Whether it was another one, and the address."""
        array = octets(address)
        changed = library().dyncast_renew(self.config, array, time)
        return changed, integer(array)

    def age(self, address, time):
        return library().dyncast_age(self.config, octets(address), time)

    def same_service(self, a, b):
        return library().dyncast_same_service(self.config, octets(a),
                                              octets(b))


def numbered(address, number, position=58, bits=6):
    """The address with the number in its place, without the library."""
    shift = 128 - position - bits
    rest = int(address) & ~(((1 << bits) - 1) << shift)
    return rest | number << shift


def run(*words, **more):
    """The command; returns what it did."""
    return subprocess.run([os.path.join(folder(), "dyncast"),
                           *map(str, words)], capture_output=True, text=True,
                          check=False, **more)


def current(prefix, *words):
    """The current address of a service, as the command tells it."""
    done = run(*words, prefix)
    if done.returncode:
        raise AssertionError(done.stderr)
    return ipaddress.ip_address(done.stdout.strip())
