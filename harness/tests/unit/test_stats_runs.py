# SPDX-License-Identifier: MIT
"""Statistics between runs: known answers worked out by hand, properties, independent oracles."""

import itertools
import math
import random

import pytest
from hypothesis import given, settings, strategies as st

from dunelab import hdr, stats, tables
from dunelab.errors import UsageError
from dunelab.stats import dependence

QUICK = settings(max_examples=60, deadline=None)
reals = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3))
samples = st.lists(st.integers(0, 1 << 20), min_size=1, max_size=60)


def filled(numbers):
    histogram = hdr.Histogram()
    for number in numbers:
        histogram.record(number)
    return histogram


# -- pairs ---------------------------------------------------------------------------------

@pytest.mark.parametrize("n, p", [(5, 1 / 16), (6, 1 / 32), (8, 1 / 128), (10, 1 / 512)])
def test_all_of_one_sign_reach_the_floor(n, p):
    assert stats.sign_flip([1.0] * n).p == p
    assert stats.sign_flip([-1.0 - i for i in range(n)]).p == p


def test_sign_flip_by_hand():
    """Of the eight sums of +-1 +-2 +-3 four are as far from 0 as 1 + 2 - 3 = 0: all of them."""
    assert stats.sign_flip([1.0, 2.0, 3.0]).p == 2 / 8
    assert stats.sign_flip([1.0, 2.0, -3.0]).p == 1.0
    assert stats.sign_flip([-1.0, 2.0, 3.0]).p == 4 / 8


def test_darwins_maize():
    """Fisher's own example (1935): 15 pairs of plants, 1,726 of 32,768 patterns as extreme."""
    inches = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    found = stats.sign_flip([float(x) for x in inches])
    assert found.p == 1726 / 32768
    assert found.ci[0] < 0 < found.ci[1]


@QUICK
@given(st.lists(reals, min_size=1, max_size=8))
def test_sign_flip_is_the_count_of_all_patterns(values):
    limit = abs(sum(values)) - 1e-9 * sum(map(abs, values))
    count = sum(abs(sum(s * v for s, v in zip(signs, values))) >= limit
                for signs in itertools.product((1, -1), repeat=len(values)))
    assert stats.sign_flip(values).p == count / 2 ** len(values)


@QUICK
@given(st.lists(reals, min_size=6, max_size=10), reals)
def test_the_interval_is_the_test_inverted(values, shift):
    """What lies outside of it is rejected, and it moves with the data."""
    low, high = stats.sign_flip(values).ci
    spread = max(map(abs, values)) + 1.0
    for point in (low - 0.01 * spread, high + 0.01 * spread):
        assert stats.sign_flip([v - point for v in values]).p <= 0.05
    moved = stats.sign_flip([v + shift for v in values]).ci
    assert moved == pytest.approx((low + shift, high + shift), abs=1e-6 * (spread + abs(shift)))
    assert low - 1e-6 * spread <= sum(values) / len(values) <= high + 1e-6 * spread


def test_too_few_pairs_have_no_interval_and_too_many_are_refused():
    assert stats.sign_flip([1.0] * 5).ci is None and stats.sign_flip([1.0] * 6).ci == (1.0, 1.0)
    with pytest.raises(UsageError, match="at most 20"):
        stats.sign_flip([1.0] * 21)
    for bad in ([], [1.0, float("nan")], [float("inf")]):
        with pytest.raises(ValueError, match="finite"):
            stats.sign_flip(bad)


def test_pairs_for_several_gates():
    """Two-sided, n pairs reach 2 / 2**n, and Holm multiplies the smallest by the gates."""
    assert [stats.pairs_needed(0.05, gates) for gates in (1, 2, 10, 25)] == [6, 7, 9, 10]


@given(st.integers(1, 20), st.integers())
def test_the_order_is_balanced_and_repeatable(pairs, seed):
    arms = stats.order(pairs, seed)
    assert arms == stats.order(pairs, seed) and len(arms) == 2 * pairs
    blocks = [arms[i:i + 4] for i in range(0, len(arms), 4)]
    assert all(block in ("ABBA", "BAAB", "AB", "BA") for block in blocks)
    assert arms.count("A") == arms.count("B") == pairs


# -- groups --------------------------------------------------------------------------------

def test_permutation_floors():
    """Three against three cannot reach 0.05, four against four can: 2 of 20, 2 of 70."""
    assert stats.permutation([1, 2, 3], [4, 5, 6]) == pytest.approx(2 / 20)
    assert stats.permutation([1, 2, 3, 4], [5, 6, 7, 8]) == pytest.approx(2 / 70)
    assert stats.permutation([1, 2, 3, 4], [5, 6, 7, 8, 9]) == pytest.approx(2 / 126)


@QUICK
@given(st.lists(reals, min_size=1, max_size=5), st.lists(reals, min_size=1, max_size=5))
def test_permutation_is_the_count_of_all_labels(base, new):
    pool, k = base + new, len(new)
    limit = abs(sum(new) / k - sum(base) / len(base)) - 1e-9 * sum(map(abs, pool))
    hits = [abs(sum(pool[i] for i in chosen) / k
                - sum(pool[i] for i in range(len(pool)) if i not in chosen) / len(base)) >= limit
            for chosen in itertools.combinations(range(len(pool)), k)]
    assert stats.permutation(base, new) == pytest.approx(sum(hits) / len(hits), abs=1e-12)


def test_many_labels_are_drawn_and_the_same_each_time():
    rng = random.Random(4)
    base, new = [[rng.gauss(i / 2, 1) for _ in range(12)] for i in range(2)]
    assert 0 < stats.permutation(base, new) == stats.permutation(base, new) < 1


def test_the_bootstrap_needs_runs_and_ignores_their_order():
    assert stats.difference([1.0] * 3, [2.0] * 9).ci is None
    assert stats.runs_interval([1.0, 2.0]) is None
    assert stats.difference([1.0] * 4, [2.0] * 4).ci == (1.0, 1.0)
    found = stats.difference([1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 6.0])
    assert found.n == (4, 4) and found.ci[0] < found.mean == 1.25 < found.ci[1]
    for bad in ([], [float("nan")] * 4):
        with pytest.raises(ValueError, match="finite"):
            stats.difference([1.0] * 4, bad)


# -- effects, Holm -------------------------------------------------------------------------

def test_effects_by_hand():
    few, more = filled([1, 2, 3, 4]), filled([3, 4, 5, 6])
    assert stats.ks_distance(few, more) == 0.5
    # Of 16 pairs 13 are larger in `more`, 2 are equal... (3,3) and (4,4); (4,3) alone is smaller.
    assert stats.a12(few, more) == (13 + 2 / 2) / 16
    assert stats.a12(few, few) == 0.5 and stats.ks_distance(few, few) == 0
    assert stats.a12(filled([1]), filled([9])) == 1 and stats.a12(filled([9]), filled([1])) == 0


@QUICK
@given(samples, samples)
def test_effects_are_those_of_the_samples(first, second):
    one, two = filled(first), filled(second)

    def edge(value):
        return one.edges(one.index(value))[1]

    a, b = [edge(v) for v in first], [edge(v) for v in second]
    wins = sum((y > x) + (y == x) / 2 for x in a for y in b) / len(a) / len(b)
    apart = max(abs(sum(x <= v for x in a) / len(a) - sum(y <= v for y in b) / len(b))
                for v in a + b)
    assert stats.a12(one, two) == pytest.approx(wins)
    assert stats.ks_distance(one, two) == pytest.approx(apart)
    assert stats.a12(one, two) + stats.a12(two, one) == pytest.approx(1)


def test_effects_of_nothing_and_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="empty"):
        stats.a12(hdr.Histogram(), filled([1]))
    other = hdr.Histogram(digits=2)
    other.record(1)
    with pytest.raises(ValueError, match="shapes differ"):
        stats.ks_distance(other, filled([1]))


def test_holm_by_hand():
    """Holm (1979): the smallest times their number, then monotone."""
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([0.5, None, 0.9]) == [1.0, None, 1.0] and stats.holm([]) == []


@QUICK
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_lowers_and_keeps_the_order(values):
    adjusted = stats.holm(values)
    assert all(a >= p and a <= 1 for a, p in zip(adjusted, values))
    assert all(adjusted[i] <= adjusted[j] for i in range(len(values))
               for j in range(len(values)) if values[i] < values[j])


# -- one run -------------------------------------------------------------------------------

@QUICK
@given(st.integers(5, 4000), st.sampled_from(("50", "90", "99", "99.9")))
def test_the_ranks_cover_at_least_what_they_say(n, name):
    """Summed over the binomial distribution itself: no simulation, no approximation."""
    ranks = stats.ci_ranks(n, name)
    beyond = float(1 - hdr.as_fraction(name))
    if ranks is None:
        return
    low, high = ranks
    covered = sum(math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
                           + k * math.log(beyond) + (n - k) * math.log1p(-beyond))
                  for k in range(high, low))
    assert covered >= 0.95 - 1e-9


@QUICK
@given(st.lists(st.integers(0, 1 << 39), min_size=1, max_size=300),
       st.sampled_from(("50", "90", "99", "99.9", "100")))
def test_a_percentile_is_the_sample_of_its_rank(values, name):
    histogram = filled(values)
    rank = math.ceil(hdr.as_fraction(name) * len(values))
    exact = sorted(values)[rank - 1]
    assert histogram.percentile(name) == histogram.edges(histogram.index(exact))[1]


def in_order(numbers, parts=20):
    """The Histogram of samples that knows its parts in order of time."""
    step = len(numbers) // parts
    pieces = [filled(numbers[i:i + step]) for i in range(0, len(numbers), step)]
    result = hdr.merge(pieces)
    result.parts = tuple(pieces)
    return result


def test_what_comes_in_clumps_is_worth_less():
    """By hand: of 20 parts of 100, one has all 100 samples beyond, or each has 5 of them."""
    clumped = in_order([9000] * 100 + [10] * 1900)
    even = in_order(([9000] * 5 + [10] * 95) * 20)
    # Residuals 95, and 19 times 5; 20 / 19 for the mean that is their own; Student's t of 19.
    by_hand = (95 ** 2 + 19 * 5 ** 2) * 20 / 19 / (2000 * 0.05 * 0.95) * (2.093 / 1.96) ** 2
    assert stats.inflation(clumped.parts, 10) == pytest.approx(by_hand, rel=1e-4)
    # Another level has another t.
    assert stats.inflation(clumped.parts, 10, 0.975) == pytest.approx(
        by_hand * (2.4334 / 2.2414 / 2.093 * 1.96) ** 2, rel=2e-4)
    assert stats.inflation(even.parts, 10) == 1.0
    assert stats.ci_ranks(2000, "95", factor=1.0) == stats.ci_ranks(2000, "95")
    assert stats.ci_ranks(2000, "95", factor=by_hand) is None
    low, high = stats.ci_ranks(2000, "95", factor=2.0)
    assert low > stats.ci_ranks(2000, "95")[0] and high < stats.ci_ranks(2000, "95")[1]


@QUICK
@given(st.lists(st.integers(0, 1000), min_size=40, max_size=400), st.integers(0, 1000),
       st.integers(10, 40))
def test_dependence_only_ever_widens(numbers, value, parts):
    whole = in_order(numbers, parts)
    factor = stats.inflation(whole.parts, value)
    assert factor is None or factor >= 1.0
    known, plain = stats.confidence_interval(whole, "50"), hdr.merge([whole])
    assert plain.parts == () and sum(part.total for part in stats.split(whole.parts)) == len(
        numbers)
    wide = stats.confidence_interval(plain, "50")
    assert known is None or wide[0] >= known[0] and wide[1] <= known[1]


def test_parts_are_forgotten_when_something_is_added():
    whole = in_order(list(range(200)))
    whole.record(5)
    assert whole.parts == ()


def test_what_cannot_be_told_is_not_taken_for_independent():
    few, level = in_order(list(range(1800)), 9), in_order([7] * 2000)
    assert stats.inflation((), 3) is None and stats.inflation(few.parts, 3) is None
    assert stats.inflation(level.parts, level.percentile("50")) is None
    for whole in (few, level):
        gate = stats.gated(whole, "50")
        assert gate.grade == "ok" and gate.value is not None and gate.ci is None
        seen = stats.ratio(whole, in_order(list(range(9000, 11000))), "50")
        assert seen.ci is None and seen.verdict == "inconclusive"
        assert tables.ratio_text(seen).endswith(" [n/a]")
    # Who says nothing of the order of time says that there is none.
    assert stats.confidence_interval(hdr.merge([few]), "50")


@pytest.mark.parametrize("freedom, confidence, expected", [
    (1, 0.95, 12.7062), (2, 0.95, 4.30265), (9, 0.95, 2.26216), (19, 0.95, 2.09302),
    (9, 0.975, 2.68501), (10, 0.99, 3.16927), (19, 0.975, 2.43344)])
def test_students_t_is_that_of_the_tables(freedom, confidence, expected):
    assert dependence.student(freedom, confidence) == pytest.approx(expected, rel=1e-5)


# -- arrivals ------------------------------------------------------------------------------

def test_gaps_of_the_law_pass_and_others_do_not():
    rng = random.Random(6)
    poisson = filled(int(rng.expovariate(1e-5)) for _ in range(4000))
    assert stats.arrivals_caution(poisson, "poisson", 100_000) is None
    even = filled([100_000] * 4000)
    # Beyond twice the pace there is nothing, where the law has e ** -2.
    assert "14% of the gaps" in stats.arrivals_caution(even, "poisson", 100_000)
    # A send takes its time: Poisson's requests leave by a queue of their own, a little late.
    free, last, sends = 0.0, 0.0, []
    for _ in range(4000):
        last += rng.expovariate(1e-5)
        free = max(free, last) + 20_000
        sends.append(free)
    paced = filled(int(b - a) for a, b in zip(sends, sends[1:]))
    assert stats.arrivals_caution(paced, "poisson", 100_000) is None
    # Bursts: half of the gaps gone, the rest twice as long.
    burst = filled(int(rng.expovariate(5e-6)) * (i % 2) for i in range(4000))
    assert "of the gaps" in stats.arrivals_caution(burst, "poisson", 100_000)
    assert stats.arrivals_caution(even, "fixed", 100_000) is None
    shape = 0.154971
    etc = filled(int(1e5 * (1 - shape) / shape * ((1 - rng.random()) ** -shape - 1))
                 for _ in range(4000))
    assert stats.arrivals_caution(etc, "etc", 100_000) is None


# -- the same by other people's code -------------------------------------------------------

def test_scipy_says_the_same():
    """Where it is installed: each figure against a library that was not written here."""
    scipy = pytest.importorskip("scipy.stats")
    rng = random.Random(9)
    values = [rng.gauss(0.3, 1) for _ in range(9)]
    theirs = scipy.permutation_test((values,), lambda x, axis: abs(x.mean(axis=axis)),
                                    permutation_type="samples", alternative="greater",
                                    vectorized=True, n_resamples=10_000)
    assert stats.sign_flip(values).p == pytest.approx(theirs.pvalue)
    for n, p in ((10, 0.01), (2000, 0.01), (20_000, 0.001), (1_000_000, 0.0001)):
        for level in (0.0125, 0.025, 0.5, 0.975):
            assert stats.binomial_quantile(n, p, level) == scipy.binom.ppf(level, n, p)
    first, second = ([rng.randrange(1000) for _ in range(200 + i)] for i in range(2))
    assert stats.ks_distance(filled(first), filled(second)) == \
        pytest.approx(scipy.ks_2samp(first, second).statistic)
    u = scipy.mannwhitneyu(second, first).statistic
    assert stats.a12(filled(first), filled(second)) == pytest.approx(u / 200 / 201)
    theirs = scipy.permutation_test((first[:6], second[:6]),
                                    lambda x, y: abs(sum(x) / 6 - sum(y) / 6),
                                    alternative="greater", n_resamples=10_000)
    assert stats.permutation(first[:6], second[:6]) == pytest.approx(theirs.pvalue)
