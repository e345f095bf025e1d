#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# time: 12
"""The family as Documentation/netlink/specs/seg6_manycast.yaml describes it,
driven by the kernel's own library for such specs: what the spec says is what
the kernel does, and the reverse.
"""

import bisect
import importlib.util
import itertools
import os
import struct
import sys

from lib import ktap, nl
from lib.ktap import equal, true, wait_for
from lib.nl import addr, decode
from lib.selector import Service, run, the_selector
from lib.topology import SEL_SID, sid

YNL = os.environ.get("YNL")
SPEC = os.path.abspath(os.path.join(
    os.path.dirname(__file__), "../../../../..",
    "Documentation/netlink/specs/seg6_manycast.yaml"))
GETFAMILY, GETPOLICY = 3, 10
A_FAMILY_ID, A_OPS, A_GROUPS, A_POLICY, A_OP_POLICY = 1, 6, 7, 8, 9
ADMIN, DO, DUMP = 1, 2, 4
TYPES = (None, "flag", "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64",
         "binary", "string", "nul-string")
(P_TYPE, P_MIN_S, P_MAX_S, P_MIN_U, P_MAX_U, P_MIN_LEN,
 P_MAX_LEN) = range(1, 8)
# The schema knows no negative numbers.
OUTSIDE_THE_SCHEMA = {("service", "offset"): {"min": -10**12, "max": 10**12}}


def load(path):
    """Under another name: the library calls itself lib, as ours does."""
    spec = importlib.util.spec_from_file_location(
        "ynl", os.path.join(path, "__init__.py"),
        submodule_search_locations=[path])
    module = importlib.util.module_from_spec(spec)
    sys.modules["ynl"] = module
    spec.loader.exec_module(module)
    return module


class Family:
    """The family in the selector's namespace, by its spec and by itself.

    used, seen   operations that were done, and attributes that were told by
                 each
    """

    def __init__(self):
        if not YNL:
            raise ktap.Skip("YNL does not say where the kernel's ynl is")
        self.module = load(os.path.join(YNL, "tools/net/ynl/lib"))
        self.schema = os.path.join(YNL, "Documentation/netlink/genetlink.yaml")
        self.ns = the_selector().ns
        self.spec = self.open()
        self.raw = nl.Genl(self.ns)
        self.used, self.seen = set(), {}

    def open(self):
        """One more socket. The library takes what pads for unknown."""
        with self.ns:
            return self.module.YnlFamily(SPEC, self.schema, True)

    def ask_kernel(self, cmd, flags):
        """The attributes of all answers of the family "nlctrl"."""
        answers = self.raw.talk(nl.GENL_ID_CTRL, flags,
                                struct.pack("=BBH", cmd, 1, 0),
                                [(A_FAMILY_ID, nl.u16(self.raw.family))])
        return [a for answer in answers for a in decode(answer[4:])]

    def note(self, op, mode, message):
        """An answer has what the spec says that it may have."""
        told = self.spec.msgs[op].yaml[mode]
        known = told.get("reply", told)["attributes"]
        names = set(message) - {"pad"}
        true(names <= set(known), f"{op} tells {names - set(known)}")
        self.seen.setdefault((op, mode), set()).update(names)
        if "stats" in message:
            nest = self.spec.msgs[op].attr_set["stats"]["nested-attributes"]
            equal(set(message["stats"]) | {"pad"},
                  set(self.spec.attr_sets[nest]), f"statistics of {op}")

    def do(self, op, **attrs):
        self.used.add((op, "do"))
        answer = self.spec.do(op, spelled(attrs))
        if answer is not None:
            self.note(op, "do", answer)
        return answer

    def dump(self, op, **attrs):
        self.used.add((op, "dump"))
        answers = self.spec.dump(op, spelled(attrs))
        answers = [answers] if isinstance(answers, dict) else answers or []
        for answer in answers:
            self.note(op, "dump", answer)
        return answers

    def remove(self):
        self.raw.close()


def spelled(attrs):
    return {name.replace("_", "-"): value for name, value in attrs.items()}


the_family = ktap.Shared(Family)


def flags_of(op):
    """As the kernel has them, without those of policies."""
    return (ADMIN * ("admin-perm" in op.get("flags", ())) |
            DO * ("do" in op.yaml) | DUMP * ("dump" in op.yaml))


def operations():
    """Commands, who may do them, how they are called, and the groups."""
    f = the_family()
    told = dict(f.ask_kernel(GETFAMILY, 0))
    ops = {}
    for _, nest in decode(told[A_OPS]):
        op = dict(decode(nest))
        number, = struct.unpack("=I", op[1])
        ops[number] = struct.unpack("=I", op[2])[0] & (ADMIN | DO | DUMP)
    equal(ops, {op.value: flags_of(op) for op in f.spec.ops.values()},
          "operations")
    equal(set(f.raw.groups), set(f.spec.mcast_groups), "groups")


def policy_of(nest):
    """What the kernel says of an attribute's policy."""
    p = dict(decode(nest))
    policy = {"type": TYPES[struct.unpack("=I", p[P_TYPE])[0]]}
    for name, kind, form in (("min", P_MIN_S, "=q"), ("max", P_MAX_S, "=q"),
                             ("min", P_MIN_U, "=Q"), ("max", P_MAX_U, "=Q"),
                             ("min-len", P_MIN_LEN, "=I"),
                             ("max-len", P_MAX_LEN, "=I")):
        if kind in p:
            policy[name], = struct.unpack(form, p[kind])
    return policy


def kernel_policies(f):
    """For each command and way to call it, what it takes."""
    policies, index = {}, {}
    for kind, value in f.ask_kernel(GETPOLICY, nl.DUMP):
        if kind == A_POLICY:
            for i, attrs in decode(value):
                policies.setdefault(i, {}).update(
                    (attr, policy_of(nest)) for attr, nest in decode(attrs))
        elif kind == A_OP_POLICY:
            for op, ways in decode(value):
                for way, i in decode(ways):
                    index[op, ("do", "dump")[way - 1]], = \
                        struct.unpack("=I", i)
    return {key: policies.get(i, {}) for key, i in index.items()}


def spec_policy(f, attr_set, name):
    """The same from the spec."""
    attr = f.spec.attr_sets[attr_set][name]
    checks = dict(attr.yaml.get("checks", {}))
    if attr.type == "string":
        return {"type": "nul-string", **checks}
    if attr.type == "flag":
        return {"type": "flag"}
    if attr.type == "binary":
        length = checks.pop("exact-len", None)
        if length is not None:
            checks = {"min-len": length, "max-len": length}
        return {"type": "binary", **checks}
    bits = int(attr.type[1:])
    low, high = (0, 2 ** bits - 1) if attr.type[0] == "u" else \
        (-2 ** (bits - 1), 2 ** (bits - 1) - 1)
    policy = {"type": attr.type, "min": low, "max": high}
    if "enum" in attr.yaml:
        policy["max"] = len(f.spec.consts[attr.yaml["enum"]].entries) - 1
    return policy | checks | OUTSIDE_THE_SCHEMA.get((attr_set, name), {})


def policies():
    """What requests may have: the kernel takes for an object what some request
    in the spec has, with the same type and range, and nothing else.
    """
    f = the_family()
    kernel = kernel_policies(f)
    for attr_set in "service", "instance", "listener", "period", "namespace":
        ops = [op for op in f.spec.ops.values()
               if op.yaml["attribute-set"] == attr_set]
        wanted = {name for op in ops for mode in ("do", "dump")
                  for name in op.yaml.get(mode, {}).get("request", {})
                  .get("attributes", ())}
        numbers = {f.spec.attr_sets[attr_set][name].value:
                   spec_policy(f, attr_set, name) for name in wanted}
        for op in ops:
            for mode in {"do", "dump"} & set(op.yaml):
                equal(kernel.pop((op.value, mode)), numbers,
                      f"policy of {op.name}")
    equal(kernel, {}, "policies that the spec has nothing about")


def configure(f, service):
    """Each object in its richest form."""
    name = "ynl"
    f.do("service-add", name=name, sid=addr(SEL_SID), policy="load",
         key=bytes(range(16)))
    f.do("service-set", name=name, fanout=4, mode="race", offset=-1000)
    got = f.do("service-get", name=name)
    equal((got["policy"], got["fanout"], got["offset"], got["mode"]),
          ("load", 4, -1000, "race"), "a service")
    true(name in [s["name"] for s in f.dump("service-get")], "all services")
    f.do("instance-add", service=service.name, sid=addr("fc00:5:99::1"),
         segs=addr("fc00:9::1") + addr("fc00:9::2"), addr=addr("fc00:f::2"),
         weight=0, tier=1, remote=True, metric=3)
    f.do("instance-set", service=service.name, sid=addr("fc00:5:99::1"),
         state="down", metric=7, metric_from=2**63)
    f.do("listener-set", addr=addr("2001:db8:5::80"), port=80, load=10)
    equal([x["load"] for x in f.dump("listener-get")], [10], "listeners")
    return name


def periods(f, service):
    """One is given to somebody else."""
    f.ns.ip("route add 2001:db8:99::/64 encap seg6local action H.Dyncast "
            f"service {service.name} position 58 dev r1")
    found = f.dump("period-get", service=service.name)
    true(found, "there are periods")
    last = found[-1]
    other, *_ = {sid(1), sid(2)} - {last["sid"]}
    f.do("period-set", service=service.name, index=last["index"],
         number=last["number"], sid=addr(other))
    f.ns.ip("route del 2001:db8:99::/64")


def measured(service):
    """What is told of an instance once it has answered."""
    a = service.attempt()
    a.connect()
    a.accept(1, residence=5, load=300)
    for i in (2, 3):
        a.accept(i, load=400)
    b = service.attempt(edge=None)
    b.connect()
    for i in (1, 2, 3):
        b.refuse(i)


def counted(f, service):
    """Each round trip of those three, and not of those who have refused; but
    not in events.
    """
    buckets = f.spec.consts["rtt-buckets"]["value"]
    bounds = [0] + [(4 + i % 4) << i // 4 for i in range(1, buckets)]
    *asked, other = f.dump("instance-get", service=service.name)
    true(not {"rtt-histogram", "rtt-sum"} & set(other), "none of who is down")
    for instance in asked:
        bucket = bisect.bisect(bounds, instance["rtt"]) - 1
        equal((instance["rtt-histogram"], instance["rtt-sum"]),
              ([0] * bucket + [1], instance["rtt"]),
              "a round trip in its bucket, and none behind it")
    f.do("instance-set", service=service.name, sid=addr(sid(1)), weight=2)


def subscribed(f):
    """A socket for each group: more than one the library does not take."""
    listeners = []
    for group in f.spec.mcast_groups:
        listeners.append(f.open())
        listeners[-1].ntf_subscribe(group)
    return listeners


def received(listener):
    """Names and attributes of what was told up to now."""
    listener.check_ntf()
    queue = listener.async_msg_queue
    got = [(m["name"], m["msg"]) for m in queue]
    queue.clear()
    return got


def every_operation():
    """All are done, every event is told, and every attribute that the spec
    says is told is seen, by its name.
    """
    f = the_family()
    listeners = subscribed(f)
    service = Service(the_selector(), policy="load", limit=2)
    name = configure(f, service)
    measured(service)
    for _ in range(3):
        service.attempt().connect()
    counted(f, service)
    periods(f, service)
    f.do("stats-get")
    f.do("instance-del", service=service.name, sid=addr("fc00:5:99::1"))
    f.do("listener-del", addr=addr("2001:db8:5::80"), port=80)
    f.do("service-del", name=name)

    events = {op.name for op in f.spec.ntfs.values()}
    told = set()

    def all_told():
        for event, message in itertools.chain(*map(received, listeners)):
            f.note(event, "event", message)
            told.add(event)
        return told == events

    wait_for(all_told, f"events {events - told}")
    equal(f.used, {(op.name, mode) for op in f.spec.ops.values()
                   for mode in {"do", "dump"} & set(op.yaml)}, "operations")
    for (op, mode), names in f.seen.items():
        told = f.spec.msgs[op].yaml[mode]
        known = told.get("reply", told)["attributes"]
        if mode != "event":
            equal(set(known) - names, set(), f"{op} has not told")
    service.remove()


def a_refusal():
    """By the name of the attribute at fault."""
    f = the_family()
    try:
        f.spec.do("service-set", {"name": "nobody", "fanout": 17})
    except f.module.NlError as e:
        true("fanout" in str(e), f"{e} names the attribute")
    else:
        raise AssertionError("it was done")


if __name__ == "__main__":
    try:
        run([operations, policies, every_operation, a_refusal])
    finally:
        the_family.remove()
