# SPDX-License-Identifier: GPL-2.0
"""What a site's keys say, as lines for `ip manycast sync`.

PREFIX/service/NAME          what `ip manycast service add NAME` is followed by,
                             but for the sid, which each node has of its own
PREFIX/instance/SERVICE/SID  what `ip manycast instance add` is followed by
                             beyond service and sid

The lines are the same on all nodes and stand in the same order, whatever order
the keys have been put in. A key that makes no sense is left out, so that one
who can put it does no harm to others.
"""

import collections
import ipaddress
import re

PREFIX = "/seg6-manycast/"
NAME = re.compile(r"[A-Za-z0-9_.-]{1,31}")
ADDRESS, NUMBER = "[0-9a-f:.]+", "[0-9]{1,3}"
# Many put instances, so one that ip would not take is not shown to it. What a
# service can be is for ip to say.
INSTANCE_WORDS = {"segs": rf"{ADDRESS}(,{ADDRESS}){{0,3}}", "addr": ADDRESS,
                  "weight": NUMBER, "tier": "[0-7]", "metric": NUMBER,
                  "remote": None}
SERVICE_WORD = re.compile(r"[A-Za-z0-9:._-]+")

# services    {name: words}
# instances   {(service, sid): words}
# refused     {key: why}
Site = collections.namedtuple("Site", "services instances refused")


class Senseless(Exception):
    """Why a key is left out."""


def prefix(text):
    """For a command line: what it gives as one."""
    if not text.endswith("/"):
        raise ValueError
    return text


def check_name(name):
    if not NAME.fullmatch(name):
        raise Senseless(f"{name!r} is no name of a service")


def service_of(name, value):
    """The words of a service."""
    check_name(name)
    words = value.split()
    for word in words:
        if not SERVICE_WORD.fullmatch(word):
            raise Senseless(f"{word!r} is none of a service's words")
    if "sid" in words:
        raise Senseless("the sid is each node's own")
    return words


def check_value(word, value):
    """Is it what this word of an instance can have?"""
    if value is None or not re.fullmatch(INSTANCE_WORDS[word], value):
        raise Senseless(f"{word!r} cannot be {value!r}")
    if word in ("segs", "addr"):
        for address in value.split(","):
            canonical(address)
    elif int(value) > 255:
        raise Senseless(f"{word} {value} is too much")


def canonical(address):
    """A unicast address as ip writes it."""
    try:
        found = ipaddress.IPv6Address(address)
    except ValueError as e:
        raise Senseless(f"{address!r} is no IPv6 address") from e
    if found.is_multicast or found.is_unspecified or found.scope_id:
        raise Senseless(f"{address} is no unicast address")
    return str(found)


def instance_of(path, value):
    """Service, sid and words of an instance."""
    service, _, sid = path.partition("/")
    check_name(service)
    # Or else two keys may be about the same instance.
    if canonical(sid) != sid:
        raise Senseless(f"write the address as {canonical(sid)}")
    words = value.split()
    rest, seen = iter(words), set()
    for word in rest:
        if word not in INSTANCE_WORDS or word in seen:
            raise Senseless(f"{word!r} is not expected")
        seen.add(word)
        if INSTANCE_WORDS[word]:
            check_value(word, next(rest, None))
    return (service, sid), words


def weight(words):
    """The weight that an instance's words give it."""
    return int(words[words.index("weight") + 1]) if "weight" in words else 1


def drained(words):
    """The same instance, but nobody new gets there."""
    if "weight" in words:
        at = words.index("weight")
        words = words[:at] + words[at + 2:]
    return [*words, "weight", "0"]


def order(which):
    """Of instances."""
    service, sid = which
    return service, ipaddress.IPv6Address(sid)


def read(start, keys):
    """The site that these keys describe, which all start like that."""
    site = Site({}, {}, {})
    for key, value in keys.items():
        kind, _, path = key.removeprefix(start).partition("/")
        try:
            if kind == "service":
                site.services[path] = service_of(path, value)
            elif kind == "instance":
                which, words = instance_of(path, value)
                site.instances[which] = words
            else:
                raise Senseless("neither a service nor an instance")
        except Senseless as e:
            site.refused[key] = str(e)
    _leave_out_strangers(start, site)
    return site


def _leave_out_strangers(start, site):
    """Instances of no service: it may come later."""
    for service, sid in list(site.instances):
        if service not in site.services:
            del site.instances[service, sid]
            site.refused[f"{start}instance/{service}/{sid}"] = \
                f"there is no service {service}"


def service_line(name, words, sid):
    return " ".join(["service add", name, "sid", sid, *words])


def instance_line(which, words):
    service, sid = which
    return " ".join(["instance add service", service, "sid", sid, *words])
