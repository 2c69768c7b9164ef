# SPDX-License-Identifier: MIT
"""Bodies that attract each other, and a sieve: floating point, lists and dictionaries."""

SIZE = int(input())
BODIES = [[float(i), float(i * i % 7), float(i % 3), 0.1 * i, -0.05 * i, 0.02, 1.0 + i]
          for i in range(5)]


def step(bodies, time):
    """One step of all."""
    for i, one in enumerate(bodies):
        for other in bodies[i + 1:]:
            away = [one[k] - other[k] for k in range(3)]
            force = time / (sum(d * d for d in away) + 0.01) ** 1.5
            for k in range(3):
                one[3 + k] -= away[k] * other[6] * force
                other[3 + k] += away[k] * one[6] * force
    for one in bodies:
        for k in range(3):
            one[k] += time * one[3 + k]


def sieve(limit):
    """The primes below a limit."""
    found = {}
    for number in range(2, limit):
        if number not in found:
            for multiple in range(number * number, limit, number):
                found[multiple] = number
    return [number for number in range(2, limit) if number not in found]


for _ in range(800 * SIZE):
    step(BODIES, 0.001)
print(*(f"{value:.9f}" for body in BODIES for value in body), sep="\n")
PRIMES = sieve(10000 * SIZE)
print(len(PRIMES), sum(PRIMES))
