#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 35
"""ip manycast: sync brings about what a file says and changes nothing else,
and what show and monitor tell is so.
"""

import json
import random
import re
import subprocess
import tempfile

from lib import ktap, netns
from lib.klog import Klog
from lib.ktap import equal, true, wait_for
from lib.monitor import Monitor, listening
from lib.selector import case as selector_case
from lib.selector import the_selector
from lib.topology import SEL_SID, SERVICE, Topology, sid
from lib.traffic import Server, Traffic


class Host:
    """A namespace with a device that routes can have."""

    def __init__(self):
        self.klog = Klog()
        self.ns = netns.Netns("ip")
        self.ns.later("link add net type dummy")
        self.ns.later("link set net up")
        self.ns.flush()

    def ip(self, *words, text=None, status=0):
        """What it prints; or with another status, what it complains of."""
        done = subprocess.run(["ip", "-n", self.ns.name, *words], input=text,
                              text=True, capture_output=True, check=False)
        equal(done.returncode, status, f"status of ip {' '.join(words)}: "
              f"{done.stderr}")
        return done.stderr if status else done.stdout

    def sync(self, text, *options, status=0):
        return self.ip(*options, "manycast", "sync", "-", text=text,
                       status=status)

    def differences(self, text):
        """What sync would do."""
        return self.ip("manycast", "sync", "dry-run", "-",
                       text=text).splitlines()

    def batch(self, lines):
        self.ip("-batch", "-", text="\n".join(lines))

    def saved(self):
        return self.ns.ip("manycast save").splitlines()

    def restore(self):
        self.sync("")
        equal(self.saved(), [], "nothing is left")
        self.klog.quiet()

    def remove(self):
        self.ns.remove()


host_ = ktap.Shared(Host)
CASES = []
case = ktap.case_of(host_, CASES)

FILE = """\
# a comment, then a blank line

service add web sid fc00:a::1 policy weighted coef 1 2 3 \
	key 00112233445566778899aabbccddeeff
manycast service replace 'dns' sid fc00:a::2 candidates hash
instance add service web sid fc00:5:1::1
instance add service web sid fc00:5:2::1 weight 5 segs fc00:9::1,fc00:9::2
manycast instance replace service dns sid fc00:5:1::1 addr fd00::1 remote tier 1
listener set 2001:db8::1 port 80 load 5
"""
WEB = "service add web sid fc00:a::1\n"
ONE = WEB + "instance add service web sid fc00:5:1::1\n"


@case
def sync_brings_about_what_a_file_says(host):
    equal(host.sync(FILE), "", "nothing is said")
    saved = host.saved()
    equal([line.split()[1] for line in saved],
          ["service", "instance", "instance", "service", "instance",
           "listener"], "what there is")
    for words in ("policy weighted", "coef 1 2 3", "weight 5",
                  "key 00112233445566778899aabbccddeeff",
                  "segs fc00:9::1,fc00:9::2", "candidates hash",
                  "addr fd00::1", "tier 1", "remote", "load 5"):
        true(words in "\n".join(saved), f"{words} in {saved}")
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(FILE)
        file.flush()
        equal(host.ip("-s", "manycast", "sync", file.name),
              "added 0 changed 0 deleted 0 failed 0 kept 6\n", "again")
    counts = json.loads(host.sync("\n".join(saved), "-s", "-j"))
    equal(counts, {"added": 0, "changed": 0, "deleted": 0, "failed": 0,
                   "kept": 6}, "what was saved")
    equal(host.saved(), saved, "as it was")


@case
def what_is_not_said_is_the_default(host):
    """The kernel's and ip's are the same."""
    host.batch(["manycast " + line for line in ONE.splitlines()])
    equal(host.differences(ONE), [], "of what has been added so")
    before = host.saved()
    host.batch(["manycast service set web policy load candidates hash "
                "fanout 9 quorum 2 hold 3 timeout 77 tombstone 5 limit 6 "
                "rate 8 ioam 4 nodes 2 coef 4 5 6 key " + "0f" * 16 +
                " slots 4099 affinity hunt pins 70 fails 7 probe 9 mark 50 "
                "period 20000 bits 7 stretch 33 grace 500 offset -1 "
                "damping 1 threshold 1 metrics telemetry",
                "manycast instance set service web sid fc00:5:1::1 "
                "weight 3 tier 2"])
    equal(len(host.differences(ONE)), 2, "a service and an instance")
    equal(host.sync(ONE, "-s"),
          "added 0 changed 2 deleted 0 failed 0 kept 0\n", "changed back")
    equal(host.saved(), before, "as it was")
    host.batch(["manycast service set web policy rtt mode hunt"])
    equal(host.differences(ONE), ["manycast service set web mode race"],
          "the mode")


STEPS = (
    ("sid fc00:5:2::1 weight 5", "sid fc00:5:2::1 weight 0",
     ["instance set service web sid fc00:5:2::1 weight 0"]),
    ("remote tier 1", "remote",
     ["instance set service dns sid fc00:5:1::1 tier 0"]),
    ("coef 1 2 3", "coef 1 2 4", ["service set web coef 1 2 4"]),
    ("candidates hash", "candidates hash hold 5 fails 0",
     ["service set dns hold 5 fails 0"]),
    ("fc00:a::2", "fc00:a::3", ["service set dns sid fc00:a::3"]),
    ("load 5", "load 6", ["listener set 2001:db8::1 port 80 load 6"]),
    ("listener set 2001:db8::1 port 80 load 6\n", "",
     ["listener set 2001:db8::1 port 80 load auto"]),
    # Who comes is there before others go.
    ("instance add service web sid fc00:5:1::1\n",
     "instance add service web sid fc00:5:3::1\n",
     ["instance add service web sid fc00:5:3::1",
      "instance del service web sid fc00:5:1::1"]),
    # What is fixed takes another instance, and so do SIDs and addresses that
    # somebody has.
    ("segs fc00:9::1,fc00:9::2", "segs fc00:9::1",
     ["instance del service web sid fc00:5:2::1",
      "instance add service web sid fc00:5:2::1 segs fc00:9::1 weight 0"]),
    ("addr fd00::1 remote", "addr fd00::1",
     ["instance del service dns sid fc00:5:1::1",
      "instance add service dns sid fc00:5:1::1 addr fd00::1"]),
    ("sid fc00:5:1::1 addr fd00::1", "sid fc00:5:4::1 addr fd00::1",
     ["instance del service dns sid fc00:5:1::1",
      "instance add service dns sid fc00:5:4::1 addr fd00::1"]),
    # A service goes with its instances.
    ("manycast service replace 'dns' sid fc00:a::3 candidates hash hold 5 "
     "fails 0\n", "", ["service del dns"]))


@case
def what_differs_is_a_command_each(host):
    """And the commands bring it about."""
    text = FILE
    host.sync(text)
    for old, new, want in STEPS:
        true(old in text, f"{old} in {text}")
        text = text.replace(old, new)
        if want == ["service del dns"]:
            text = "".join(line for line in text.splitlines(True)
                           if "service dns" not in line)
        got = host.differences(text)
        equal(got, ["manycast " + line for line in want], f"{old} -> {new}")
        host.batch(got)
        equal(host.differences(text), [], "done")
        equal(host.sync(text), "", "nothing to do")


@case
def who_tells_states_and_metrics_is_not_contradicted(host):
    """A file without them is not about them, and the module's own finding is
    not undone by the state that was saved.
    """
    def shown():
        return [(i["state"], i["metric"]) for i in host.ns.instances()]

    change = "manycast instance set service web sid fc00:5:1::1 "
    host.sync(ONE)
    for now, more, after in (
            ("state down metric 7", "", ("down", 7)),
            ("state down", " state up", ("up", 7)),
            ("state suspect", " state up", ("suspect", 7)),
            ("state up", " state suspect", ("up", 7)),
            ("state up", " state down", ("down", 7)),
            ("state down", " state suspect", ("suspect", 7)),
            ("metric 0", " metric 9", ("suspect", 9)),
            ("metric 0", " metric 0", ("suspect", 0))):
        host.batch([change + now])
        host.sync(ONE.strip() + more)
        equal(shown(), [after], f"{now}, then{more}")


@case
def a_mistake_changes_nothing(host):
    host.sync(ONE)
    before = host.saved()
    for line, why in (
            ("service add dns sid fc00:a::2 fanout x", '"fanout" value'),
            ("service add dns", '"sid" is required'),
            ("service add web sid fc00:a::2", "has it twice"),
            ("instance add service dns sid fc00:5::1", "no such service"),
            ("service del web", '"add" is expected'),
            ("route add default via fe80::1", '"route" is wrong'),
            ("listener set 2001:db8::1 port 80", '"load" is required'),
            ("instance add service web sid fc00:5:2::1 \\", "continuation")):
        # What comes before it is right, and would change something.
        text = (WEB + "instance add service web sid fc00:5:9::1\n"
                + line + "\n")
        told = host.sync(text, status=255)
        true(why in told, f"{line}: {why} in {told}")
        true("-:3" in told, f"{line}: the number of the line in {told}")
        equal(host.saved(), before, line)
    told = host.ip("manycast", "sync", "/", status=255)
    true("directory" in told, told)
    told = host.ip("manycast", "sync", "/nowhere", status=1)
    true("No such file" in told, told)
    equal(host.saved(), before, "no file")


@case
def what_the_kernel_refuses_is_told_and_the_rest_is_done(host):
    route = (f"-6 route {{}} {SERVICE} encap seg6local "
             "action End.MAnycast service web dev net")
    host.sync(ONE)
    web = host.saved()
    host.ns.ip(route.format("add"))
    try:
        told = host.sync("service add bad sid ff02::1\n"
                         "service add dns sid fc00:a::2\n", status=1)
        for words in ("sid: not a unicast address",
                      "Command failed: manycast service add bad\n",
                      "service is in use by a route",
                      "Command failed: manycast service del web\n"):
            true(words in told, f"{words} in {told}")
        equal([line.split(" policy")[0] for line in host.saved()],
              [line.split(" policy")[0] for line in web]
              + ["manycast service add dns sid fc00:a::2"],
              "the service in use has its instances yet")
    finally:
        host.ns.ip(route.format("del"))


@case
def by_the_hundred(host):
    """Each changed weight and who comes and goes, and nobody else."""
    def text(numbers, weight):
        return WEB + "".join(
            f"instance add service web sid fc00:5:{i:x}::1 weight "
            f"{weight if i % 4 == 0 else 1}\n" for i in numbers)

    equal(host.sync(text(range(300), 1), "-s"),
          "added 301 changed 0 deleted 0 failed 0 kept 0\n", "come")
    equal(host.sync(text(range(100, 400), 2), "-s"),
          "added 100 changed 50 deleted 100 failed 0 kept 151\n", "change")
    equal(len(host.saved()), 301, "there are")
    equal(host.sync(WEB, "-s"),
          "added 0 changed 0 deleted 300 failed 0 kept 1\n", "go")


def random_file(rnd):
    """Services, instances and loads, of few, so that many are met again."""
    lines = []
    for i in range(3):
        if rnd.random() < 0.3:
            continue
        lines.append(f"service add s{i} sid fc00:a::{rnd.randint(1, 2)} hold "
                     f"{rnd.randint(1, 2)} candidates "
                     + rnd.choice(("all", "hash", "random", "least")))
        for k in rnd.sample(range(1, 9), rnd.randint(0, 8)):
            line = (f"instance add service s{i} sid fc00:5:{k}::1 weight "
                    f"{rnd.randint(0, 2)} tier {rnd.randint(0, 1)}")
            # No two answer from the same address.
            line += f" addr fd00::{9 - k}" if rnd.random() < 0.2 else ""
            line += " segs fc00:9::1" if rnd.random() < 0.2 else ""
            line += " remote" if rnd.random() < 0.2 else ""
            lines.append(line)
    lines += [f"listener set 2001:db8::{i} port 80 load {rnd.randint(0, 2)}"
              for i in range(1, 4) if rnd.random() < 0.5]
    return "\n".join(lines) + "\n"


@case
def from_anything_to_anything(host):
    """It is as if there had been nothing before."""
    rnd = random.Random(7)
    for number in range(4 if ktap.SLOW else 8):
        text = random_file(rnd)
        host.sync(text)
        got = sorted(host.saved())
        equal(host.differences(text), [], f"file {number}")
        host.sync("")
        host.sync(text)
        equal(got, sorted(host.saved()), f"file {number}:\n{text}")
        host.sync(random_file(rnd))


@case
def routes_count(host):
    """What is shown adds the same route, and with -s tells what it counted."""
    host.sync(ONE)
    words = (f"{SERVICE} encap seg6local action End.MAnycast service web "
             "count dev net")
    host.ns.ip("-6 route add " + words)
    try:
        line = host.ns.ip(f"-6 route show {SERVICE}")
        true(" action End.MAnycast service web count dev net " in line, line)
        told, = host.ns.ip_json(f"-6 route show {SERVICE}")
        equal(told["count"], True, "JSON")
        counts = host.ns.ip(f"-s -6 route show {SERVICE}")
        true(" packets 0 bytes 0 errors 0 " in counts, counts)
        told, = host.ns.ip_json(f"-s -6 route show {SERVICE}")
        equal(told["stats64"], {"packets": 0, "bytes": 0, "errors": 0},
              "JSON")
    finally:
        host.ns.ip(f"-6 route del {SERVICE} dev net")


@case
def nothing_is_told_of_what_is_equal(host):
    host.sync(FILE)
    with Monitor(host.ns, "-j") as monitor:
        host.sync(FILE)
        host.sync(FILE.replace("weight 5", "weight 6"))
        event = monitor.event()
    equal((event["event"], event["object"], event["sid"], event["weight"]),
          ("set", "instance", "fc00:5:2::1", 6), "the first event")


@case
def monitor_has_ips_options(host):
    """Time stamps, in JSON, too; one line each; colours; and in a batch."""
    line = ("instance add service web sid fc00:5:1::1 weight {} tier 0 "
            "state up metric 0\n")
    told = "[INSTANCE]" + line.format(2).replace("instance add ", "")
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}"
    for options, want in (
            ((), re.escape(told)),
            (("-ts",), rf"\[{stamp}\] " + re.escape(told)),
            (("-t",), r"Timestamp: \w+ \w+ .* \d+ usec" + "\n"),
            (("-c=always",), r".*\x1b\[.*fc00:5:1::1.*" + "\n"),
            (("-o", "-s"), re.escape(told.strip()) + r"\\    asked 0 .*\n"),
            (("-j", "-t"), rf'.*"timestamp":"{stamp}".*\n')):
        host.sync(WEB + line.format(1))
        with Monitor(host.ns, *options) as monitor:
            host.sync(WEB + line.format(2))
            got = monitor.line()
        true(re.fullmatch(want, got), f"{options}: {got!r} is like {want!r}")
    with subprocess.Popen(["ip", "-n", host.ns.name, "-batch", "-"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as batch:
        batch.stdin.write("manycast instance show\nmanycast monitor\n")
        batch.stdin.close()
        true(batch.stdout.readline().startswith("service web"), "in a batch")
        wait_for(lambda: listening(host.ns), "it listens")
        host.sync(WEB + line.format(1))
        true(batch.stdout.readline().startswith("[INSTANCE]"), "and then")
        batch.kill()


# What is shown: a selector with handshakes.


def shown(s, *options, words=()):
    """The lines about this service and its instances, and what is last. Lines
    of counters end with a blank.
    """
    text = subprocess.run(
        ["ip", "-n", s.sel.ns.name, *options, "manycast", "show", *words],
        capture_output=True, check=True, text=True).stdout
    blocks = re.split(r"\n(?! )", text.replace(" \n", "\n").strip())
    mine = [b for b in blocks if re.match(
        rf"service {s.name} |instance service {s.name} ", b)]
    return mine, blocks[-1]


def shown_json(s, *options, words=()):
    text = subprocess.run(
        ["ip", "-n", s.sel.ns.name, "-j", *options, "manycast", "show",
         *words], capture_output=True, check=True, text=True).stdout
    told = json.loads(text)
    mine, = [x for x in told["services"] if x["name"] == s.name]
    return mine, told


def play(s, wins):
    """Handshakes that these win."""
    for i in wins:
        a = s.attempt()
        a.connect()
        a.accept(i)


@selector_case(instances=4)
def who_wins_and_who_is_there(s):
    play(s, [1, 1, 1, 2])
    a = s.attempt()
    a.connect()
    a.refuse(3)
    for i, words in ((2, "weight 0"), (3, "state suspect"),
                     (4, "state down")):
        s.set(i, words)
    (service, *instances), _ = shown(s)
    true(re.search(r"\n    open 5 pinned now 0 syn 5 decided 4 all_refused 0 "
                   r"timeout 0$", service), service)
    for block, status, wins, refused in zip(
            instances, ("up", "drained", "suspect", "down"),
            ("75.0", "25.0", "0.0", "0.0"), (0, 0, 1, 0), strict=True):
        true(re.search(rf"\n    {status} wins {wins}% .*refused {refused}$",
                       block), block)
    true(re.search(r" rtt \d+us ", instances[0]), instances[0])
    told, _ = shown_json(s)
    equal([(i["status"], i["wins_percent"]) for i in told["instances"]],
          [("up", 75.0), ("drained", 25.0), ("suspect", 0.0), ("down", 0.0)],
          "JSON")
    equal(told["stats"], s.stats(), "all counters")
    true(service.startswith(f"service {s.name} sid {SEL_SID} candidates all "
                            "hold 60000 timeout 60000 tombstone 60000\n"),
         f"what is not the default: {service}")
    lines = [block.splitlines()[0] for block in shown(s, "-d")[0]]
    saved = [line for line in s.sel.ns.ip("manycast save").splitlines()
             if re.search(rf" {s.name} ", line)]
    equal(["manycast " + re.sub(r"^(\w+)", r"\1 add", line)
           for line in lines], saved, "lines are commands")


@selector_case(instances=1)
def why_packets_were_dropped(s):
    s.set(1, "state down")
    a = s.attempt()
    equal(a.connect(), [], "nobody is asked")
    stranger = a.from_server(1, a.synack(1))
    stranger.src = "2001:db8::1"
    s.wire.exchange(stranger)
    (service, _), host = shown(s)
    true(service.endswith(" drop_no_instance 1"), service)
    true(re.match(r"drops .*\bdrop_acl \d+", host), host)
    (service, _), host = shown(s, "-d")
    true(re.search(r"\n    drop_no_instance 1: no instance is up .*$",
                   service), service)
    true(re.search(r"\n    drop_acl \d+: the outer source .*", host), host)
    mine, told = shown_json(s, "-d")
    equal([(d["cause"], d["packets"]) for d in mine["drops"]],
          [("drop_no_instance", 1)], "JSON")
    equal({d["cause"]: d["packets"] for d in told["drops"]},
          {name: value for name, value in told["stats"].items()
           if value and name.startswith("drop_")}, "of the host")
    true(all(d["reason"] for d in told["drops"]), "why")


@selector_case(instances=1)
def what_happens_in_a_second(s):
    """No more than were begun, and not none."""
    with subprocess.Popen(
            ["ip", "-n", s.sel.ns.name, "-j", "manycast", "show", "interval",
             "1"], stdout=subprocess.PIPE, text=True) as show:
        begun = 0
        while show.poll() is None:
            play(s, [1])
            begun += 1
        told, = [x for x in json.load(show.stdout)["services"]
                 if x["name"] == s.name]
    true(0 < told["begun_per_second"] <= begun,
         f"{told['begun_per_second']} of {begun}")
    (service, _), _ = shown(s, words=("interval", "1"))
    true(" begun 0.0/s " in service, service)
    true("begun" not in shown(s)[0][0], "only between two reads")


@selector_case(instances=2)
def selections_are_told(s):
    """To those who want to know, how each has ended."""
    a = s.attempt()
    with Monitor(s.sel.ns, words=["selections"]) as text, \
            Monitor(s.sel.ns, "-j", words=["selections"]) as asjson:
        a.connect()
        a.accept(2)
        b = s.attempt()
        b.connect()
        b.refuse(1)
        b.refuse(2)
        lines = [text.line(), text.line()]
        events = [asjson.event() for _ in range(2)]
    for line, event, label, x in zip(lines, events, ("SELECTED", "REFUSED"),
                                     (a, b), strict=True):
        about = f"client {x.client} port {x.port} addr {s.address} port 80"
        true(re.fullmatch(
            rf"\[{label}\]service {s.name} "
            rf"(sid {sid(2)} )?{about}( rtt \d+us)?\n", line), line)
        equal((event["object"], event["event"], event["client"],
               event["client_port"], event["addr"], event["port"],
               event.get("sid")),
              ("handshake", label.lower(), x.client, x.port, s.address, 80,
               sid(2) if x is a else None), "JSON")


@selector_case(instances=1, limit=1, candidates="random")
def that_there_is_no_room_is_told(s):
    with Monitor(s.sel.ns, words=["all"]) as monitor:
        s.attempt().connect()
        s.attempt(edge=None).connect()
        line = monitor.line()
    equal(line, f"[FULL]{s.name} limit 1 open 1\n", "the event")


# Under traffic.


def site(weights):
    """The file for these instances."""
    return f"service add web sid {SEL_SID} candidates hash fanout 2\n" + \
        "".join(f"instance add service web sid {sid(i)} weight {weight}\n"
                for i, weight in weights.items())


def come_and_go(rnd, servers, drained=()):
    """Weights of the next file: three at least have one, some are drained, and
    who was drained before may be gone.
    """
    present = rnd.sample(servers, rnd.randint(3, len(servers)))
    weights = {i: rnd.randint(1, 3) for i in present}
    for i in set(servers) - set(present) - set(drained):
        weights[i] = 0
    return weights


def sync_under_traffic():
    """Nobody loses a connection: with drained instances, which are then
    deleted, and a client without an edge, whose connections the selector has.
    """
    servers = range(1, 6)
    rnd = random.Random(5)
    with Topology(servers=len(servers), nginx=False, prefix="t-") as net:
        net.add_unaware()
        answering = [Server(net.server(i), "::", f"s{i}") for i in servers]
        traffic = [Traffic(net.hosts[name], SERVICE)
                   for name in ("client", "own", "unaware")]
        weights = dict.fromkeys(servers, 1)
        for _ in range(5 if ktap.SLOW else 8):
            weights = come_and_go(
                rnd, servers, [i for i in servers if not weights.get(i)])
            text = site(weights)
            subprocess.run(["ip", "-n", net.sel.name, "manycast", "sync",
                            "-"], input=text, text=True, check=True)
            equal({i["sid"]: i["weight"] for i in net.sel.instances()},
                  {sid(i): weight for i, weight in weights.items()}, text)
            for client in traffic:
                client.more(3)
        results = [client.stop() for client in traffic]
        for process in answering:
            process.kill()
        equal([r for got in results for r in got if r.startswith("failed")],
              [], "failures")
        stats = net.sel.service()["stats"]
        equal({name: value for name, value in stats.items()
               if value and name.startswith("drop_")}, {}, "drops")
        if not ktap.SLOW:
            equal(stats["syn_again"], 0, "SYNs repeated")
        print(f"# {sum(map(len, results))} connections")


CASES += [selections_are_told, that_there_is_no_room_is_told,
          who_wins_and_who_is_there, why_packets_were_dropped,
          what_happens_in_a_second, sync_under_traffic]


if __name__ == "__main__":
    try:
        ktap.run(CASES)
    finally:
        the_selector.remove()
        host_.remove()
