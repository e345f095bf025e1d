# SPDX-License-Identifier: GPL-2.0
"""What random choice by weight comes to, by queueing theory: every server is a
queue of its own, M/M/c. A run of some minutes underestimates it at high loads,
since queues that begin empty take that long to fill.
"""

import math


def waits(c, offered):
    """The probability that all c workers are busy (Erlang C)."""
    free = sum(offered ** k / math.factorial(k) for k in range(c))
    full = offered ** c / math.factorial(c) * c / (c - offered)
    return full / (free + full)


def tail(t, c, rate, arrivals):
    """The probability of a response time beyond t; rate: of one worker."""
    p = waits(c, arrivals / rate)
    drain = c * rate - arrivals
    served = math.exp(-rate * t)
    if math.isclose(drain, rate):
        return served * (1 + p * rate * t)
    return served * (1 - p) + p * (
        drain * served - rate * math.exp(-drain * t)) / (drain - rate)


def percentile(p, workers, rates, load):
    """Of the response time in seconds, over servers whose workers have these
    rates, each at the same load (0..1).
    """
    total = sum(rates)

    def beyond(t):
        return sum(rate / total * tail(t, workers, rate,
                                       workers * rate * load)
                   for rate in rates)
    low, high = 0.0, 1000.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if beyond(middle) > 1 - p / 100 \
            else (low, middle)
    return high


def mean(workers, rates, load):
    return sum(rate / sum(rates) * (
        1 / rate + waits(workers, workers * load) /
        (workers * rate * (1 - load))) for rate in rates)
