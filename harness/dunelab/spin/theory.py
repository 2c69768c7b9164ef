# SPDX-License-Identifier: MIT
"""Closed forms of queues without costs, in units of the mean service."""

import math


def erlang_c(cores, rho):
    """Probability that a request finds all cores busy, of M/M/k at that load."""
    term = total = 1.0
    for n in range(1, cores):
        term *= rho * cores / n
        total += term
    last = term * rho / (1 - rho)
    return last / (total + last)


def mmk_mean(cores, rho):
    """Mean time in M/M/k, first come first served."""
    return 1 + erlang_c(cores, rho) / (cores * (1 - rho))


def mmk_percentile(cores, rho, level):
    """The time that a share `level` of requests stays below, of M/M/k."""
    c, d = erlang_c(cores, rho), cores - 1 - rho * cores
    low, high = 0.0, 1.0

    def beyond(t):
        if abs(d) < 1e-9:
            return math.exp(-t) * (1 + c * t)
        return math.exp(-t) * (1 + c / d) - c / d * math.exp(-(1 + d) * t)

    while beyond(high) > 1 - level:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if beyond(middle) > 1 - level else (low, middle)
    return high


def mg1_mean(rho, cv2):
    """Mean time in M/G/1, first come first served (Pollaczek and Khinchine)."""
    return 1 + rho * (1 + cv2) / (2 * (1 - rho))


def sharing_mean(rho):
    """Mean time in M/G/1 of a core that is shared equally, whatever the law; also the mean
    slowdown."""
    return 1 / (1 - rho)


def moments(law):
    """(mean, squared coefficient of variation) of a law's text, as rt-sim reads it."""
    kind, _, rest = law.partition(":")
    if kind == "mix":
        classes = [tuple(map(float, word.split("*"))) for word in rest.split(",")]
        mean = sum(share * size for share, size in classes)
        return mean, sum(share * size * size for share, size in classes) / mean ** 2 - 1
    sizes = [float(word) for word in rest.split(":")]
    return sizes[0], {"fixed": 0.0, "exp": 1.0, "lognormal": (sizes[-1] / sizes[0]) ** 2}[kind]


def ideal(policy, law, cores, rho):
    """law: its text. {"mean": times, "50": ...} of the sojourn without any cost, as far as there
    is a closed form; {} where there is none."""
    exponential = law.startswith("exp:")
    if exponential and policy in ("cfcfs", "dfcfs"):
        k = cores if policy == "cfcfs" else 1
        return {"mean": mmk_mean(k, rho),
                **{name: mmk_percentile(k, rho, float(name) / 100)
                   for name in ("50", "99", "99.9")}}
    if exponential and policy in ("rr", "steal", "priority", "edf"):
        return {"mean": mmk_mean(cores, rho)}       # blind to size
    if cores == 1 and policy in ("cfcfs", "steal", "dfcfs"):
        return {"mean": mg1_mean(rho, moments(law)[1])}
    if cores == 1 and policy == "rr":
        return {"mean": sharing_mean(rho)}          # of a quantum that goes to 0
    return {}
