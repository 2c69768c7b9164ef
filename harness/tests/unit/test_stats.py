# SPDX-License-Identifier: MIT
"""Gates, exact intervals and validity rules against values worked out elsewhere."""

import random

import pytest

from dunelab import hdr, stats


def filled(numbers):
    histogram = hdr.Histogram()
    for number in numbers:
        histogram.record(number)
    return histogram


@pytest.mark.parametrize("percentile, expected", [
    ("99", (299, 368, 459)), ("99.9", (2995, 3688, 4603)),
    ("99.99", (29956, 36887, 46050)), ("99.999", (299572, 368887, 460515))])
def test_samples_so_that_the_maximum_reaches_a_percentile(percentile, expected):
    assert tuple(stats.samples_for_max(percentile, c) for c in (0.95, 0.975, 0.99)) == expected


@pytest.mark.parametrize("percentile, some, usable", [
    ("99", 500, 2000), ("99.9", 5000, 20000), ("99.99", 50000, 200000),
    ("99.999", 500000, 2000000)])
def test_samples_needed(percentile, some, usable):
    assert stats.samples_needed(percentile, stats.FLAG) == some
    assert stats.samples_needed(percentile) == usable


@pytest.mark.parametrize("beyond, ranks", [
    (5, (11, 1)), (10, (18, 4)), (20, (30, 12)), (50, (65, 37)), (100, (121, 81)),
    (1000, (1063, 939))])
def test_interval_ranks_from_the_top(beyond, ranks):
    assert stats.ci_ranks(beyond * 10_000, "99.99") == ranks


def test_binomial_quantile_against_direct_sums():
    from math import comb
    for n, p in ((1, 0.5), (7, 0.3), (40, 0.01), (60, 0.9)):
        for level in (0.01, 0.025, 0.5, 0.975, 0.999):
            total = 0.0
            for k in range(n + 1):
                total += comb(n, k) * p ** k * (1 - p) ** (n - k)
                if total >= level:
                    break
            assert stats.binomial_quantile(n, p, level) == k


def test_interval_covers_as_often_as_it_says():
    rng, truth, hits = random.Random(5), 9500, 0
    for _ in range(400):
        histogram = filled(rng.randrange(10_000) for _ in range(400))
        low, high = stats.confidence_interval(histogram, "95")
        hits += low <= truth <= high
    assert hits >= 400 * 0.93


def test_gate_prints_flags_and_refuses():
    grades = {n: stats.gated(filled(range(n)), "99").grade for n in (499, 500, 1999, 2000)}
    assert grades == {499: "none", 500: "weak", 1999: "weak", 2000: "ok"}
    refused = stats.gated(filled(range(100)), "99.9")
    assert refused.value is None and refused.ci is None
    assert refused.text() == "n/a (need >= 20,000)"
    assert stats.gated(filled(range(1000)), "99").text().endswith("?")


def test_ratio_verdicts():
    slow, fast = filled(range(2000, 6000)), filled(range(1000, 3000))
    result = stats.ratio(fast, slow, "50")
    assert result.verdict == "lower" and result.ci[0] < result.value < result.ci[1] < 1
    assert stats.ratio(slow, fast, "50").verdict == "higher"
    assert stats.ratio(slow, slow, "50").verdict == "inconclusive"
    assert stats.ratio(filled([1]), slow, "99") is None


def summary(**changes):
    base = {"offered_rps": 1000.0, "achieved_rps": 1000.0, "lost": 0, "errors": 0,
            "requests": 4000, "late": {"p99": 10, "mean": 5.0}, "intended": {"overflow": 0}}
    return {**base, **changes}


def test_a_clean_cell_is_valid():
    part = filled(range(1000, 3000))
    result = stats.check(summary(), hdr.merge([part, part]), [part] * 40)
    assert result.ok and result.stationary and not result.saturated


@pytest.mark.parametrize("changes, words", [
    ({"achieved_rps": 900.0}, "90.0% of the scheduled"), ({"lost": 3}, "3 requests lost"),
    ({"errors": 2}, "2 errors"), ({"requests": 5000}, "4,000 of 5,000"),
    ({"intended": {"overflow": 1}}, "beyond")])
def test_each_fault_has_its_reason(changes, words):
    part = filled(range(1000, 3000))
    result = stats.check(summary(**changes), hdr.merge([part, part]), [part, part])
    assert len(result.reasons) == 1 and words in result.reasons[0]


def test_drift_is_noticed():
    early, late = filled(range(1000, 1100)), filled(range(1500, 1600))
    parts = [early] * 20 + [late] * 20
    result = stats.check(summary(), hdr.merge(parts), parts)
    assert result.stationary is False and "not stationary" in result.reasons[0]


def test_waves_that_come_and_go_are_no_drift():
    rng, level, parts = random.Random(3), 1000.0, []
    for _ in range(60):
        level = max(500.0, level * rng.choice((0.8, 1.25)) * 0.5 + 500)
        parts.append(filled(int(level * (1 + rng.random())) for _ in range(70)))
    result = stats.check(summary(requests=4200), hdr.merge(parts), parts)
    assert result.stationary and result.ok


def test_too_few_samples_say_nothing_about_drift():
    part = filled(range(1000, 1010))
    assert stats.check(summary(requests=20), hdr.merge([part] * 2), [part] * 2).stationary is None


def test_lateness_is_a_caution_not_a_fault():
    part = filled(range(1000, 3000))
    result = stats.check(summary(late={"mean": 300.0}), hdr.merge([part, part]), [part, part])
    assert result.ok and "15% of the mean latency" in result.cautions[0]


def test_a_warm_up_that_was_too_short_is_noticed():
    """A first twentieth of twelve times the usual: every percentile from p95 on would be its."""
    rng, usual = random.Random(4), 60_000
    parts = [parts_of(rng, usual * (12 if part == 0 else 1)) for part in range(20)]
    result = stats.check(summary(requests=2000), hdr.merge(parts), parts)
    assert any("in the first 20th" in text and "not warm yet" in text for text in result.cautions)
    # Anywhere else it is what the system does.
    assert not stats.check(summary(requests=2000), hdr.merge(parts), parts[::-1]).cautions


def test_a_warm_run_is_not_called_cold():
    """Of 300 stationary ones, whose first part is the slowest one time in twenty."""
    for seed in range(300):
        rng = random.Random(seed)
        parts = [parts_of(rng, 60_000, 50) for _ in range(20)]
        result = stats.check(summary(requests=1000), hdr.merge(parts), parts)
        assert not any("not warm" in text for text in result.cautions), seed


def parts_of(rng, mean, count=100):
    """A part of a run: exponential latencies."""
    part = hdr.Histogram()
    for _ in range(count):
        part.record(int(mean * (0.5 + 0.5 * rng.expovariate(1))))
    return part
