# SPDX-License-Identifier: GPL-2.0
"""Network namespaces: made, linked, entered and removed."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        err = ctypes.get_errno()
        raise OSError(err, os.strerror(err))


class Failed(Exception):
    """A command ended with another status than zero."""


def batch(lines, *options):
    """Many ip commands in one process: to start one takes longest."""
    done = subprocess.run(["ip", *options, "-batch", "-"],
                          input="\n".join(lines), check=False,
                          capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"ip {' '.join(options)}: {done.stderr}")


class Netns:
    """A host of the topology."""

    def __init__(self, name, made=False):
        self.name = name
        self.processes = []
        self.queue = []
        if not made:
            batch([f"netns add {name}"])
        for line in ("all.forwarding=1", "all.seg6_enabled=1",
                     "default.seg6_enabled=1", "default.accept_dad=0",
                     "all.accept_dad=0", "default.accept_ra=0"):
            key, value = line.split("=")
            self.sysctl("net.ipv6.conf." + key, value)
        self.later("link set lo up")

    def __enter__(self):
        """Enter it with this process: sockets opened now belong to it."""
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY)
        fd = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        _setns(fd)
        os.close(fd)
        return self

    def __exit__(self, *_):
        _setns(self._home)
        os.close(self._home)

    def command(self, words):
        if isinstance(words, str):
            words = words.split()
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, words, check=True, **kwargs):
        """Run a command here; returns what it printed."""
        done = subprocess.run(self.command(words), capture_output=True,
                              text=True, check=False, **kwargs)
        if check and done.returncode:
            raise Failed(f"{self.name}: {words}: {done.stderr or done.stdout}")
        return done.stdout if check else done

    def ip(self, words, check=True):
        if isinstance(words, str):
            words = words.split()
        # With -n, ip enters the namespace itself: one process less.
        done = subprocess.run(["ip", "-n", self.name, *words], check=False,
                              capture_output=True, text=True)
        if check and done.returncode:
            raise Failed(f"{self.name}: ip {' '.join(words)}: {done.stderr}")
        return done.stdout if check else done

    def later(self, words):
        """Queue an ip command: one process for many, at flush()."""
        self.queue.append(words)

    def flush(self):
        lines, self.queue = self.queue, []
        batch(lines, "-n", self.name)

    def ip_json(self, words):
        return json.loads(self.ip("-j " + words) or "[]")

    def sysctl(self, key, value):
        """Set one; dots within a device's name are not for us."""
        path = "/proc/sys/" + key.replace(".", "/")
        with self, open(path, "w", encoding="ascii") as f:
            f.write(str(value))

    def start(self, words, **kwargs):
        """Start a daemon; stopped with the topology."""
        kwargs.setdefault("stdout", subprocess.DEVNULL)
        kwargs.setdefault("stderr", subprocess.DEVNULL)
        p = subprocess.Popen(self.command(words), start_new_session=True,
                             **kwargs)
        self.processes.append(p)
        return p

    def stop(self):
        """What start() started."""
        for p in self.processes:
            if p.poll() is None:
                os.killpg(p.pid, signal.SIGKILL)
            p.wait()
        self.processes = []

    def remove(self):
        remove([self])

    # What the module counts.

    def stats(self):
        return self.ip_json("-s manycast stats")[0]["stats"]

    def service(self, name="web"):
        return self.ip_json(f"-s manycast service show {name}")[0]

    def instances(self, service="web"):
        return self.ip_json(f"-s manycast instance show service {service}")


def create(names):
    """Several at once."""
    names = list(names)
    batch(f"netns add {name}" for name in names)
    return [Netns(name, made=True) for name in names]


def inhabitants(hosts):
    """The processes in these namespaces, whoever started them."""
    inodes = {os.stat(f"/run/netns/{ns.name}").st_ino for ns in hosts}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}/ns/net").st_ino in inodes:
                yield int(pid)
        except OSError:
            pass        # gone meanwhile


def remove(hosts):
    """Several at once, with all that runs in them."""
    hosts = list(hosts)
    for ns in hosts:
        ns.stop()
    for pid in inhabitants(hosts):
        if pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    batch(f"netns del {ns.name}" for ns in hosts)


def link(a, b, addr_a=None, addr_b=None, name_a=None, name_b=None):
    """A veth pair; addresses with their prefix length. Flush both."""
    links([(a, b, addr_a, addr_b, name_a or b.name, name_b or a.name)])


def links(pairs):
    """Several at once, each given as link() has it, with all names."""
    batch(f"link add {name_a} netns {a.name} type veth "
          f"peer name {name_b} netns {b.name}"
          for a, b, _, _, name_a, name_b in pairs)
    for a, b, addr_a, addr_b, name_a, name_b in pairs:
        for ns, dev, addr in ((a, name_a, addr_a), (b, name_b, addr_b)):
            ns.later(f"link set {dev} up")
            if addr:
                ns.later(f"addr add {addr} dev {dev} nodad")
