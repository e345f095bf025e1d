# SPDX-License-Identifier: GPL-2.0
"""A systemd in a network namespace, which has our programs and units where
`make install` puts them, and a file system to write to.
"""

import glob
import os
import shutil
import subprocess
import tempfile

from . import ktap
from .ktap import wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.abspath(os.path.join(HERE, "../../../../.."))
PROGRAM = "/lib/systemd/systemd"
INSTALLED = "local/lib/seg6-manycast"
UNITS = "local/lib/systemd/system"
# As in a container: it leaves the machine's devices and clock alone, and ends.
# Nothing is enabled that is none of ours.
BOOT = """
echo $$ >"$1/cgroup.procs"
exec unshare --mount --pid --uts --ipc --cgroup --fork --kill-child bash -euc '
    for name in etc:/etc local:/usr/local lib:/var/lib modules:/lib/modules; do
        mount --bind "$2/${name%:*}" "${name#*:}"
    done
    mount -t proc proc /proc
    umount /sys/fs/cgroup
    mount -t cgroup2 cgroup /sys/fs/cgroup
    mount -t tmpfs run /run
    mount -t tmpfs tmp /tmp
    mkdir /run/lock
    exec env -i container=selftest PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
        "$3" --system --unit=basic.target
' bash "$@"
"""


def needed():
    if not os.path.exists(PROGRAM):
        raise ktap.Skip("no systemd: tools/setup/packages check installs it")


class Systemd:
    """It sees folders of ours at the places that BOOT names: path("etc") is
    its /etc.
    """

    def __init__(self, ns):
        needed()
        self.ns, self.dir = ns, tempfile.mkdtemp(prefix="systemd-")
        self.cgroup = f"/sys/fs/cgroup/{ns.name}"
        os.mkdir(self.cgroup)
        self._fill()
        with open(f"{self.dir}/log", "w", encoding="utf-8") as log:
            # Not by "ip netns exec", which hides the cgroups.
            self.process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{ns.name}", "bash", "-euc",
                 BOOT, "bash", self.cgroup, self.dir, PROGRAM],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self._ready, "systemd has booted", 60)

    def path(self, name):
        """From here."""
        return os.path.join(self.dir, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="ascii") as f:
            f.write(text)

    def _fill(self):
        """What `make install` makes, among little else."""
        subprocess.run(["cp", "-a", "/etc", self.path("etc")], check=True)
        for folder in glob.glob(self.path("etc/systemd/system/*.wants")):
            shutil.rmtree(folder)
        for folder in UNITS, INSTALLED, "lib/nginx", "modules":
            os.makedirs(self.path(folder))
        for kind in "service", "timer":
            for unit in glob.glob(f"{TOOLS}/*/seg6-manycast*.{kind}"):
                shutil.copy(unit, self.path(UNITS))
        for folder in (*(f"{TOOLS}/{name}" for name in
                         ("announce", "config", "exporter", "site")),
                       os.path.dirname(os.environ["IP"])):
            shutil.copytree(folder, self.path(
                f"{INSTALLED}/{os.path.basename(folder)}"))
        self._modules()

    def _modules(self):
        """They are loaded already, but modprobe wants to know them."""
        updates = self.path(f"modules/{os.uname().release}/updates")
        os.makedirs(updates)
        for name in "seg6_behavior", "seg6_manycast":
            shutil.copy(f"{os.environ['MODDIR']}/{name}.ko", updates)
        os.makedirs(self.path("base/lib"))
        os.symlink(self.path("modules"), self.path("base/lib/modules"))
        subprocess.run(["depmod", "-b", self.path("base"),
                        os.uname().release], check=True, capture_output=True)

    def run(self, *words, check=True, **kwargs):
        """Run a command beside it; returns what it prints, or all of it."""
        done = subprocess.run(
            ["nsenter", "--target", str(self.pid()), "--mount", "--pid",
             "--net", *words], capture_output=True, text=True, check=False,
            **kwargs)
        if check and done.returncode:
            raise AssertionError(f"{words}: {done.stderr or done.stdout}"
                                 f"{self.journal()}")
        return done.stdout if check else done

    def pid(self):
        """Of the first process within, the only one that unshare waits for;
        0 before it is there.
        """
        return int(subprocess.run(["pgrep", "-P", str(self.process.pid)],
                                  capture_output=True, text=True,
                                  check=False).stdout or 0)

    def ctl(self, *words, check=True):
        return self.run("systemctl", *words, check=check)

    def _ready(self):
        if self.process.poll() is not None:
            with open(f"{self.dir}/log", encoding="utf-8") as log:
                raise AssertionError(f"systemd has ended: {log.read()}")
        return self.pid() and self.ctl("is-active", "basic.target",
                                       check=False).returncode == 0

    def show(self, unit, name):
        """What systemd knows of a unit."""
        return self.ctl("show", "--value", "-p", name, unit).strip()

    def state(self, unit):
        return self.show(unit, "ActiveState")

    def journal(self):
        """What our units have said."""
        return self.run("journalctl", "--no-pager", "-o", "cat", "-n", "50",
                        "-u", "seg6-manycast*", check=False).stdout

    def remove(self):
        self.process.kill()
        self.process.wait()
        wait_for(self._empty, "all of its processes are gone", 20)
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            os.rmdir(folder)
        shutil.rmtree(self.dir)

    def _empty(self):
        with open(f"{self.cgroup}/cgroup.events", encoding="ascii") as f:
            return "populated 0" in f.read()
