# SPDX-License-Identifier: GPL-2.0
"""etcd as programs of a site use it: its JSON over HTTP, one member at a time.

Where it is and how to be let in is told by the variables that etcdctl reads:
ETCDCTL_ENDPOINTS, ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY, ETCDCTL_USER.
"""

import base64
import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.request

# Seconds for a member to answer before the next one is asked. An election
# takes one or two.
PATIENCE = 2.0
# Seconds until somebody who had no luck should try again.
PAUSE = 1.0


class Failed(Exception):
    """Why, in words."""


class Unavailable(Failed):
    """No member answers, or none that has a leader."""


class Refused(Failed):
    """A member understands, and says no."""


def encode(text):
    return base64.b64encode(text.encode()).decode()


def decode(data):
    return base64.b64decode(data).decode(errors="replace")


def keys_below(prefix):
    """A request about all keys that begin like that."""
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    return {"key": encode(prefix), "range_end": encode(end)}


def reason(error):
    """What a member says about its failure, in words."""
    try:
        found = json.load(error)
        return found.get("message") or found["error"]
    except (AttributeError, KeyError, TypeError, ValueError):
        return str(getattr(error, "reason", "") or error or repr(error))


def tls(words):
    """How to know the members, and how they know us; None without."""
    if not words.get("CACERT") and not words.get("CERT"):
        return None
    context = ssl.create_default_context(cafile=words.get("CACERT"))
    if words.get("CERT"):
        context.load_cert_chain(words["CERT"], words.get("KEY"))
    return context


class Etcd:
    """A cluster. The member that is asked first is the last that answered."""

    def __init__(self, environ=os.environ):
        words = {name.removeprefix("ETCDCTL_"): value
                 for name, value in environ.items()
                 if name.startswith("ETCDCTL_")}
        context = tls(words)
        scheme = "https://" if context else "http://"
        self.endpoints = [
            end if "://" in end else scheme + end for end in
            words.get("ENDPOINTS", "127.0.0.1:2379").split(",")]
        self.user, _, self.password = words.get("USER", "").partition(":")
        self.token = None
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=context))

    def _open(self, what, body, timeout):
        """The reply of the first member, to be read and closed."""
        if self.user and not self.token and what != "auth/authenticate":
            with self._open("auth/authenticate", {
                    "name": self.user, "password": self.password},
                            PATIENCE) as reply:
                self.token = json.load(reply)["token"]
        headers = {"Authorization": self.token} if self.token else {}
        request = urllib.request.Request(
            f"{self.endpoints[0]}/v3/{what}", json.dumps(body).encode(),
            headers)
        try:
            return self.opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as e:
            if e.code >= 500:
                raise
            # A token that is too old is no token, next time.
            self.token = None
            raise Refused(reason(e)) from e

    def _ask(self, what, body):
        """What the first member says."""
        with self._open(what, body, PATIENCE) as reply:
            found = json.load(reply)
        if "error" in found:    # within a stream
            raise OSError(found["error"].get("message", found["error"]))
        return found

    def _ask_again(self, what, body):
        """Likewise, and with a new token if the one that we have is too old.
        """
        old = self.token
        try:
            return self._ask(what, body)
        except Refused:
            if not old:
                raise
            return self._ask(what, body)

    def call(self, what, body):
        """What a member says; those that fail are asked last in future."""
        trouble = "no endpoints"
        for _ in self.endpoints[:]:
            try:
                return self._ask_again(what, body)
            except (OSError, ValueError, http.client.HTTPException) as e:
                trouble = f"{self.endpoints[0]}: {reason(e)}"
                self.endpoints.append(self.endpoints.pop(0))
        raise Unavailable(trouble)

    def range(self, prefix):
        """The revision, and the values of all keys below as of then.

        A majority agrees that there is nothing newer.
        """
        found = self.call("kv/range", keys_below(prefix))
        return int(found["header"]["revision"]), {
            decode(kv["key"]): decode(kv.get("value", ""))
            for kv in found.get("kvs", ())}

    def get(self, key):
        """Its value, or None."""
        found = self.call("kv/range", {"key": encode(key)})
        for kv in found.get("kvs", ()):
            return decode(kv.get("value", ""))
        return None

    def put(self, key, value, lease=0):
        """Under a lease: the key ends with it."""
        self.call("kv/put", {"key": encode(key), "value": encode(value),
                             "lease": lease})

    def grant(self, seconds):
        """A new lease that ends when it is not kept for so long."""
        return self.call("lease/grant", {"TTL": seconds})["ID"]

    def keep(self, lease):
        """For another while. Returns whether it is still there."""
        found = self.call("lease/keepalive", {"ID": lease})
        return int(found["result"].get("TTL", 0)) > 0

    def revoke(self, lease):
        """It ends now, with its keys."""
        self.call("lease/revoke", {"ID": lease})

    def watch(self, prefix, revision, seconds):
        """Wait until a key below changes or has changed since that revision,
        or for so many seconds. Returns whether one has changed.
        """
        request = keys_below(prefix) | {"start_revision": revision}
        try:
            with self._open("watch", {"create_request": request},
                            seconds) as reply:
                for line in reply:
                    if "events" in json.loads(line).get("result", ()):
                        return True
        except TimeoutError:
            return False
        except (OSError, ValueError, Failed, http.client.HTTPException):
            pass
        # The member is gone. Whoever is asked next finds another.
        time.sleep(min(PAUSE, seconds))
        return False
