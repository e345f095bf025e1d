# SPDX-License-Identifier: GPL-2.0
"""How programs of a site tell what they are doing."""

import os
import socket


def say(text):
    print(text, flush=True)


def notify(text):
    """Tell systemd, as sd_notify(3) does, if it wants to know."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    if path[0] == "@":
        path = "\0" + path[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(text.encode(), path)


class Status:
    """The unit's status. What is new is logged, too, once."""

    def __init__(self):
        self.text = self.whole = None

    def set(self, text, detail=""):
        """The detail may be another one each time."""
        whole = f"{text}: {detail}" if detail else text
        if whole != self.whole:
            notify(f"STATUS={whole}")
        if text != self.text:
            say(whole)
        self.text, self.whole = text, whole


def replace(path, text, mode=0o644):
    """Whoever reads the file finds the old text or the new one, whole."""
    new = path + ".new"
    with open(new, "w", encoding="utf-8",
              opener=lambda name, flags: os.open(name, flags, mode)) as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    os.replace(new, path)
