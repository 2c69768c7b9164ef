# SPDX-License-Identifier: MIT
"""How often the verdicts are wrong: thousands of simulated experiments of which the truth is known.

Short forms run in the host ring; DUNELAB_EXPERIMENTS=10000 runs as many of each.
"""

import math
import os
import random

import pytest

import simulated
from dunelab import hdr, stats

EXPERIMENTS = int(os.environ.get("DUNELAB_EXPERIMENTS", 1000))
# What a p99 of an instruction count moves by between seeds, and what it moves by in a pair.
SEED_NOISE, PAIR_NOISE = 0.02, 0.006
NOISES = {
    "normal": lambda rng: rng.gauss(0, 1),
    "heavy tails": lambda rng: rng.gauss(0, 1) * (5 if rng.random() < 0.05 else 1),
    "uniform": lambda rng: rng.uniform(-1.7, 1.7),
}


def differences(rng, shift, pairs, noise):
    """Log ratios of so many pairs with a common seed each."""
    return [shift + PAIR_NOISE * (noise(rng) - noise(rng)) / 2 ** 0.5 for _ in range(pairs)]


def verdicts(shift, pairs, noise, margin=stats.MARGIN):
    """{verdict: how many} over all experiments."""
    rng, found = random.Random(f"{shift} {pairs}"), {}
    for _ in range(EXPERIMENTS):
        seen = stats.sign_flip(differences(rng, shift, pairs, noise))
        ci = tuple(math.exp(end) for end in seen.ci)
        said = stats.judge(ci, seen.p, margin).verdict
        found[said] = found.get(said, 0) + 1
    return found


@pytest.mark.parametrize("noise", NOISES)
def test_a_null_comparison_is_flagged_at_most_one_time_in_twenty(noise):
    """Even without a margin, where nothing but the test stands between noise and a verdict."""
    for margin, limit in ((0.0, 0.05), (stats.MARGIN, 0.001)):
        found = verdicts(0.0, 8, NOISES[noise], margin)
        flagged = found.get("regressed", 0) + found.get("improved", 0)
        # Three standard deviations of the count itself.
        assert flagged <= EXPERIMENTS * limit + 3 * (EXPERIMENTS * limit) ** 0.5, found


@pytest.mark.parametrize("noise", NOISES)
def test_a_shift_of_two_per_cent_is_found(noise):
    found = verdicts(0.02, 10, NOISES[noise])
    assert found.get("improved", 0) == found.get("ok", 0) == 0, found
    # A run in twenty with five times the noise hides it now and then, and then says so.
    enough = (0.8 if noise == "heavy tails" else 0.95) * EXPERIMENTS
    assert found["regressed"] >= enough, found
    found = verdicts(-0.02, 10, NOISES[noise])
    assert found["improved"] >= enough, found


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("pairs", (6, 10))
def test_paired_intervals_cover_the_truth(pairs, noise):
    rng, hits = random.Random(pairs), 0
    for _ in range(EXPERIMENTS):
        low, high = stats.sign_flip(differences(rng, 0.01, pairs, NOISES[noise])).ci
        hits += low <= 0.01 <= high
    # Six pairs have 62 of 64 as their nearest level above 95 %.
    expected = 62 / 64 if pairs == 6 else 0.95
    assert abs(hits / EXPERIMENTS - expected) < 3 * (0.05 / EXPERIMENTS) ** 0.5, hits
    assert 0.93 < hits / EXPERIMENTS < 0.985


@pytest.mark.parametrize("runs", (6, 10))
def test_unpaired_intervals_cover_the_truth(runs):
    rng, hits, count = random.Random(runs), 0, max(EXPERIMENTS // 5, 1)
    for _ in range(count):
        base = [rng.gauss(0, SEED_NOISE) for _ in range(runs)]
        new = [rng.gauss(0.02, 1.5 * SEED_NOISE) for _ in range(runs)]
        low, high = stats.difference(base, new, resamples=400).ci
        hits += low <= 0.02 <= high
    slack = 3 * (0.05 / count) ** 0.5
    assert 0.93 - slack < hits / count < 0.97 + slack, hits / count


def test_intervals_within_a_run_cover_the_truth():
    """p99 of 2,000 requests: the smallest run that prints it without a question mark."""
    rng, hits, count = random.Random(2), 0, max(EXPERIMENTS // 5, 1)
    for _ in range(count):
        histogram = hdr.Histogram()
        # Only the largest 2 % matter: of 2,000 samples below 2**30 draw how many they are.
        beyond = sum(rng.random() < 0.02 for _ in range(2000))
        histogram.record(1, 2000 - beyond)
        for _ in range(beyond):
            histogram.record(1_000_000 + rng.randrange(1_000_000))
        low, high = stats.confidence_interval(histogram, "99")
        hits += low <= histogram.edges(histogram.index(1_500_000))[1] <= high
    slack = 3 * (0.05 / count) ** 0.5
    assert 0.93 - slack < hits / count < 0.97 + slack, hits / count


@pytest.mark.parametrize("what, make, truth, n, parameter, name", simulated.WITHIN)
def test_intervals_within_a_run_cover_the_truth_of_what_depends(what, make, truth, n, parameter,
                                                                name):
    """Of requests that queue, and of those without a variance; taken for independent they do not.

    Where few clumps lie beyond a percentile, p99 at 70 % of the load, it is 90 %.
    """
    count = max(EXPERIMENTS // 20, 1)
    covered, given, naive = simulated.coverage(make, truth, n, parameter, name, count)
    slack = 3 * (0.05 / count) ** 0.5
    assert covered > (0.89 if given < 1 else 0.93) - slack and given > 0.8, what
    if make is simulated.queue:
        assert naive < 0.85, "then nobody would need the factor"


def test_whole_experiments_on_queues_with_stalls():
    """Ten pairs of runs whose requests queue and are stalled now and then by heavy-tailed times."""
    count = max(EXPERIMENTS // 20, 1)
    slack = 3 * (0.05 / count) ** 0.5
    (found,), covered = simulated.verdicts(0.0, 10, count, (0.0,))
    assert found.get("regressed", 0) + found.get("improved", 0) <= 0.05 + slack
    assert covered > 0.93 - slack
    (found,), covered = simulated.verdicts(math.log(1.02), 10, count)
    assert found["regressed"] > 0.6 and set(found) <= {"regressed", "inconclusive"}, found
    assert covered > 0.93 - slack


@pytest.mark.parametrize("factor", (1e-3, 0.5, 2.0, 1e3, 1e9))
def test_a_stray_run_never_decides(factor):
    """One run of twenty is wild, the others differ by noise, or by nothing at all."""
    rng = random.Random(factor)
    for noise in (0.0, PAIR_NOISE):
        for _ in range(50):
            found = [noise * rng.gauss(0, 1) for _ in range(10)]
            found[rng.randrange(10)] += math.log(factor)
            seen = stats.sign_flip(found)
            said = stats.judge(tuple(math.exp(end) for end in seen.ci), seen.p).verdict
            assert said in ("ok", "inconclusive"), (factor, noise, seen)


@pytest.mark.parametrize("stray", (0, 1 << 39))
def test_a_stray_request_never_decides(stray):
    """It moves a percentile by a rank at most: less than its interval is wide."""
    rng = random.Random(stray)
    for _ in range(20):
        base = hdr.Histogram()
        for _ in range(2000):
            base.record(int(rng.expovariate(1e-5)))
        new = hdr.merge([base])
        new.record(stray)
        for name in ("50", "90", "99"):
            assert stats.ratio(new, base, name).verdict == "inconclusive"
