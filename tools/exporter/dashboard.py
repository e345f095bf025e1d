# SPDX-License-Identifier: GPL-2.0
"""The dashboard's panels, and what Prometheus answers to their queries."""

import json
import os
import re
import urllib.parse
import urllib.request

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "dashboard.json")


def load():
    with open(PATH, encoding="utf-8") as f:
        return json.load(f)


def panels(dashboard):
    """Those that show something."""
    return [panel for panel in dashboard["panels"] if panel.get("targets")]


def expression(target, window, **variables):
    """A target's query as Grafana sends it: window is what it takes rates
    over, and a variable that is not given means all.
    """
    values = {"host": ".*", "service": ".*", **variables,
              "__rate_interval": window}
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], target["expr"])


def legend(target, labels):
    """What Grafana calls a series."""
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""),
                  target.get("legendFormat", ""))


class Prometheus:
    """Its HTTP API."""

    def __init__(self, url):
        self.url = url

    def ask(self, what, **words):
        query = urllib.parse.urlencode(words)
        with urllib.request.urlopen(f"{self.url}/api/v1/{what}?{query}",
                                    timeout=30) as answer:
            return json.load(answer)["data"]

    def now(self, expr):
        """Its series, as pairs of their labels and their value."""
        return [(series["metric"], float(series["value"][1]))
                for series in self.ask("query", query=expr)["result"]]

    def history(self, expr, start, end, step):
        """Its series, as pairs of labels and pairs of time and value."""
        found = self.ask("query_range", query=expr, start=start, end=end,
                         step=step)["result"]
        return [(series["metric"],
                 [(float(at), float(value)) for at, value in series["values"]])
                for series in found]
