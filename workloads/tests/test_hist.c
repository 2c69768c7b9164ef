// SPDX-License-Identifier: MIT
/* Histogram against exact, sorted data. */
#include <math.h>
#include <stdlib.h>

#include "lib/dist.h"
#include "lib/hist.h"
#include "lib/rng.h"
#include "tests/check.h"

#define N 200000

static uint64_t data[N];
static struct hist hist, other;

static int order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void slots_cover_all_values_without_gap(void)
{
	unsigned int slot, top = hist_slot(HIST_HIGHEST);

	check(top < HIST_SLOTS, "%u", top);
	check(hist_slot_low(0) == 0, "starts at 0");
	for (slot = 0; slot < top; slot++) {
		uint64_t low = hist_slot_low(slot), high = hist_slot_high(slot);

		check(hist_slot(low) == slot && hist_slot(high) == slot, "slot %u", slot);
		check(hist_slot_low(slot + 1) == high + 1, "gap after slot %u", slot);
		check((double)(high - low) <= (double)low / 1000.0, "slot %u too wide", slot);
	}
}

static void known_slots_of_hdrhistogram(void)
{
	/* Worked out by hand from the layout of (1, 2^40, 3). */
	check(hist_slot(1) == 1 && hist_slot(2047) == 2047, "unit buckets");
	check(hist_slot(2048) == 2048 && hist_slot(2049) == 2048, "first pair");
	check(hist_slot(4096) == 3072, "next power");
	check(hist_slot_high(hist_slot(1000000)) == 1000447, "%llu",
	      (unsigned long long)hist_slot_high(hist_slot(1000000)));
}

static void fill(int kind)
{
	struct rng rng;
	int i;

	rng_init(&rng, 7, (uint64_t)kind);
	hist_reset(&hist);
	for (i = 0; i < N; i++) {
		double u = rng_unit(&rng);

		if (kind == 0)
			data[i] = rng_below(&rng, 100000);
		else if (kind == 1)
			data[i] = (uint64_t)dist_exponential(u, 50000.0);
		else
			data[i] = (uint64_t)dist_gpareto(u, 0.0, 1000.0, 0.7);
		check(hist_record(&hist, data[i]), "recorded");
	}
	qsort(data, N, sizeof(data[0]), order);
}

static void percentiles_are_the_edge_above_the_exact_one(void)
{
	static const uint64_t numerators[] = { 1, 500, 1000, 5000, 9000, 9900, 9990, 9999, 10000 };
	unsigned int kind, i;

	for (kind = 0; kind < 3; kind++) {
		fill((int)kind);
		for (i = 0; i < sizeof(numerators) / sizeof(numerators[0]); i++) {
			uint64_t rank = (N * numerators[i] + 9999) / 10000;
			uint64_t exact = data[rank - 1];
			uint64_t got = hist_percentile(&hist, numerators[i], 10000);

			check(got == hist_slot_high(hist_slot(exact)),
			      "law %u p %llu/10000: %llu, exact %llu", kind,
			      (unsigned long long)numerators[i], (unsigned long long)got,
			      (unsigned long long)exact);
		}
	}
}

static void moments_and_extremes_are_exact(void)
{
	long double sum = 0, squares = 0, mean;
	int i;

	fill(2);
	for (i = 0; i < N; i++)
		sum += data[i];
	mean = sum / N;
	for (i = 0; i < N; i++)
		squares += (data[i] - mean) * (data[i] - mean);
	check(hist.min == data[0] && hist.max == data[N - 1], "min, max");
	check(fabs(hist_mean(&hist) / (double)mean - 1) < 1e-12, "mean %f", hist_mean(&hist));
	check(fabs(hist_stddev(&hist) / sqrt((double)(squares / N)) - 1) < 1e-9, "stddev %f",
	      hist_stddev(&hist));
}

static void small_counts(void)
{
	hist_reset(&hist);
	check(hist_percentile(&hist, 1, 2) == 0 && hist_mean(&hist) == 0.0 &&
	      hist_stddev(&hist) == 0.0, "empty");
	hist_record(&hist, 0);
	check(hist.n == 1 && hist.min == 0 && hist.max == 0, "zero is a value");
	hist_record(&hist, 10);
	check(hist_percentile(&hist, 50, 100) == 0, "p50 of two is the lower");
	check(hist_percentile(&hist, 51, 100) == 10, "p51 of two is the upper");
	check(fabs(hist_stddev(&hist) - 5.0) < 1e-12, "%f", hist_stddev(&hist));
}

static void overflow_is_counted_and_kept_out(void)
{
	hist_reset(&hist);
	check(hist_record(&hist, HIST_HIGHEST), "the highest value itself fits");
	check(!hist_record(&hist, HIST_HIGHEST + 1), "one more does not");
	check(!hist_record(&hist, UINT64_MAX), "nor does the largest");
	check(hist.n == 1 && hist.overflow == 2 && hist.max == HIST_HIGHEST, "kept apart");
}

static void merging_equals_recording_together(void)
{
	static struct hist all;
	int i;

	fill(1);
	hist_reset(&hist);
	hist_reset(&other);
	hist_reset(&all);
	for (i = 0; i < N; i++) {
		hist_record(i % 3 ? &hist : &other, data[i]);
		hist_record(&all, data[i]);
	}
	hist_record(&other, UINT64_MAX);
	hist_record(&all, UINT64_MAX);
	hist_merge(&hist, &other);
	check(!memcmp(&hist, &all, sizeof(all)), "same bytes");
}

static const struct test_case cases[] = {
	{ "hist: slots cover all values without gap", slots_cover_all_values_without_gap },
	{ "hist: known slots of HdrHistogram's layout", known_slots_of_hdrhistogram },
	{ "hist: percentiles against sorted data", percentiles_are_the_edge_above_the_exact_one },
	{ "hist: moments and extremes are exact", moments_and_extremes_are_exact },
	{ "hist: empty, zero, one and two values", small_counts },
	{ "hist: overflow is counted and kept out", overflow_is_counted_and_kept_out },
	{ "hist: merging equals recording together", merging_equals_recording_together },
};
TEST_MAIN(cases)
