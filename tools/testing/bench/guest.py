# SPDX-License-Identifier: GPL-2.0
"""Inside the kernel that is measured: namespaces, and the packets of a plan."""

import ctypes
import os
import shutil
import socket
import struct
import subprocess
import time

DIR = "/sys/kernel/debug/packet_bench/"
FREE, RECEIVE = 0, 1
FIELDS = 4
CLONE_NEWNET = 0x40000000
SO_ATTACH_FILTER = 26
_libc = ctypes.CDLL(None, use_errno=True)


def _enter(path):
    fd = os.open(path, os.O_RDONLY)
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), path)
    os.close(fd)


def run(words, **kwargs):
    """A command; what it says is shown only if it fails."""
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, check=False, **kwargs)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout.strip()}")


def request(op, ifindex, first, bursts, burst, packet, varies):
    """struct bench_request and the template."""
    fields = [struct.pack("=4I", *(v[name] for name in
                                   ("offset", "check", "div", "mod")))
              for v in varies]
    return struct.pack("=7I", op, ifindex, first, bursts, burst, len(packet),
                       len(varies)) + \
        b"".join(fields).ljust(16 * FIELDS, b"\0") + packet


def listen(port):
    """A socket that drops whatever comes."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    sock.bind(("::", port))
    sock.listen()
    code = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                    struct.pack("HxxxxxxP", 1, ctypes.addressof(code)))
    return sock


class Space:
    """A namespace of the plan, until remove()."""

    def __init__(self, name, plan):
        self.name = name
        run(["ip", "netns", "add", name])
        with self:
            for key, value in plan["sysctl"].items():
                with open("/proc/sys/" + key.replace(".", "/"), "w") as f:
                    f.write(str(value))
            if "listen" in plan:
                self.socket = listen(plan["listen"])
        run(["ip", "-n", name, "-6", "-batch", "-"],
            input="\n".join(plan["ip"]) + "\n")
        if "ipvs" in plan:
            run(["ip", "netns", "exec", name, "ipvsadm", "-R"],
                input="\n".join(plan["ipvs"]) + "\n")

    def __enter__(self):
        _enter(f"/run/netns/{self.name}")
        return self

    def __exit__(self, *_):
        _enter("/proc/1/ns/net")

    def remove(self):
        if hasattr(self, "socket"):
            self.socket.close()
        run(["ip", "netns", "del", self.name])

    def sent(self):
        """Packets and octets that have left through "out"."""
        with self, open("/proc/thread-self/net/dev") as f:
            for line in f:
                name, _, numbers = line.partition(":")
                if name.strip() == "out":
                    columns = numbers.split()
                    return int(columns[9]), int(columns[8])
        raise RuntimeError(f"{self.name} has no device out")

    def inject(self, op, first, bursts, burst, what, dev="in"):
        """Returns (cycles, ns) of each burst."""
        with self, open(DIR + "run", "r+b", buffering=0) as f:
            index = socket.if_nametoindex(dev)
            f.write(request(op, index, first, bursts, burst,
                            bytes.fromhex(what["packet"]), what["varies"]))
            got = b""
            while True:
                data = f.read(1 << 20)
                if not data:
                    break
                got += data
        return list(struct.iter_unpack("=QQ", got))


def slabs():
    """Objects in use, and the size of each, by the name of their cache."""
    found = {}
    with open("/proc/slabinfo") as f:
        for line in f.readlines()[2:]:
            name, active, _, size, *_ = line.split()
            found[name] = int(active), int(size)
    return found


def grown(before, count):
    """Octets for each of so many things, and which caches they are in."""
    per = {}
    for name, (active, size) in slabs().items():
        more = (active - before.get(name, (0, 0))[0]) / count
        # Less than half an object for each is somebody else's.
        if abs(more) > 0.5:
            per[name] = more * size
    return sum(per.values()), per


def settle():
    """Let the kernel free what it owes."""
    time.sleep(0.2)


def profile(period):
    """From now on take a sample of every burst each so many nanoseconds."""
    with open(DIR + "period", "w") as f:
        f.write(period)


def save_profile(path):
    shutil.copyfile(DIR + "samples", path)
