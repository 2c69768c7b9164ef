// SPDX-License-Identifier: MIT
/* The schedule: determinism, rates, laws of arrivals, keys and values. */
#include "lib/rng.h"
#include "lib/schedule.h"
#include "tests/check.h"
#include "tests/ks.h"

#define N 100000

static double sample[N];

static struct schedule_spec spec_of(enum schedule_law law, enum schedule_arrival arrival)
{
	return (struct schedule_spec){ .seed = 9, .law = law, .arrival = arrival, .rate = 50000.0,
				       .count = N, .records = 1000000 };
}

static void same_seed_same_schedule(void)
{
	struct schedule_spec spec = spec_of(LAW_ETC, ARRIVAL_ETC);
	struct schedule a, b;

	schedule_make(&a, &spec);
	schedule_make(&b, &spec);
	check(a.fnv64 == b.fnv64, "digest");
	check(!memcmp(a.request, b.request, N * sizeof(*a.request)), "requests");
	schedule_free(&b);
	spec.seed = 10;
	schedule_make(&b, &spec);
	check(a.fnv64 != b.fnv64, "another seed, another digest");
	schedule_free(&a);
	schedule_free(&b);
}

static void digests_are_the_same_everywhere(void)
{
	/* Recorded once: a change means that old and new runs are not comparable. */
	static const struct {
		enum schedule_law law;
		enum schedule_arrival arrival;
		uint64_t fnv64;
	} known[] = {
		{ LAW_USR, ARRIVAL_POISSON, 0x5d316b6455960591 },
		{ LAW_USR, ARRIVAL_FIXED, 0xefcf819491c83dd5 },
		{ LAW_ETC, ARRIVAL_ETC, 0x5658a8a1833d80b7 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct schedule_spec spec = spec_of(known[i].law, known[i].arrival);
		struct schedule schedule;

		schedule_make(&schedule, &spec);
		check(schedule.fnv64 == known[i].fnv64, "%u: %016llx", i,
		      (unsigned long long)schedule.fnv64);
		schedule_free(&schedule);
	}
}

static void a_longer_schedule_begins_with_the_shorter(void)
{
	struct schedule_spec spec = spec_of(LAW_ETC, ARRIVAL_POISSON);
	struct schedule a, b;

	schedule_make(&a, &spec);
	spec.count = 1000;
	schedule_make(&b, &spec);
	check(!memcmp(a.request, b.request, 1000 * sizeof(*a.request)), "prefix");
	schedule_free(&a);
	schedule_free(&b);
}

static void rates_are_as_asked(void)
{
	static const double rates[] = { 100.0, 33333.3, 1e6 };
	unsigned int i, arrival;

	for (arrival = 0; arrival < ARRIVAL_COUNT; arrival++) {
		for (i = 0; i < 3; i++) {
			struct schedule_spec spec =
				spec_of(LAW_USR, (enum schedule_arrival)arrival);
			struct schedule schedule;
			double got;

			spec.rate = rates[i];
			schedule_make(&schedule, &spec);
			got = (N - 1) * 1e9 / (double)(schedule.request[N - 1].at_ns -
						       schedule.request[0].at_ns);
			check(fabs(got / rates[i] - 1.0) < 0.015, "%s: %f, not %f",
			      schedule_arrival_name[arrival], got, rates[i]);
			schedule_free(&schedule);
		}
	}
}

static double poisson_gap_cdf(double x)
{
	return 1.0 - exp(-x / 20000.0);
}

static double etc_gap_cdf(double x)
{
	/* GPareto(0, 16.0292, 0.154971) stretched to a mean of 20000 ns. */
	double scale = 20000.0 * (1.0 - 0.154971);

	return 1.0 - pow(1.0 + 0.154971 * x / scale, -1.0 / 0.154971);
}

static double ks_of_gaps(enum schedule_arrival arrival, double (*cdf)(double))
{
	struct schedule_spec spec = spec_of(LAW_USR, arrival);
	struct schedule schedule;
	double d;
	int i;

	schedule_make(&schedule, &spec);
	for (i = 0; i < N; i++)
		sample[i] = (double)(schedule.request[i].at_ns -
				     (i ? schedule.request[i - 1].at_ns : 0));
	schedule_free(&schedule);
	d = ks_distance(sample, N, cdf);
	return d;
}

static void gaps_pass_kolmogorov_smirnov(void)
{
	double d = ks_of_gaps(ARRIVAL_POISSON, poisson_gap_cdf);

	check(d < KS_LIMIT, "poisson %f", d);
	d = ks_of_gaps(ARRIVAL_ETC, etc_gap_cdf);
	check(d < KS_LIMIT, "etc %f", d);
	/* The test can tell the two apart. */
	d = ks_of_gaps(ARRIVAL_ETC, poisson_gap_cdf);
	check(d > 3 * KS_LIMIT, "etc taken for poisson %f", d);
}

static void poisson_counts_are_dispersed_as_poisson(void)
{
	struct schedule_spec spec = spec_of(LAW_USR, ARRIVAL_POISSON);
	struct schedule schedule;
	double mean, var = 0.0;
	static int counts[2000];
	int i, bins = 0;

	schedule_make(&schedule, &spec);
	memset(counts, 0, sizeof(counts));
	for (i = 0; i < N; i++) {
		int bin = (int)(schedule.request[i].at_ns / 1000000);

		if (bin < 2000) {
			counts[bin]++;
			bins = bin > bins ? bin : bins;
		}
	}
	mean = (double)N / (bins + 1);
	for (i = 0; i < bins; i++)
		var += (counts[i] - mean) * (counts[i] - mean) / bins;
	check(fabs(var / mean - 1.0) < 0.12, "variance over mean %f", var / mean);
	schedule_free(&schedule);
}

static void fixed_gaps_never_drift(void)
{
	struct schedule_spec spec = spec_of(LAW_USR, ARRIVAL_FIXED);
	struct schedule schedule;
	int i;

	spec.rate = 30000.0;
	schedule_make(&schedule, &spec);
	for (i = 0; i < N; i++)
		check(fabs((double)schedule.request[i].at_ns - i * 1e9 / 30000.0) <= 0.51, "%d", i);
	schedule_free(&schedule);
}

static void usr_law(void)
{
	struct schedule_spec spec = spec_of(LAW_USR, ARRIVAL_POISSON);
	struct schedule schedule;
	int i, sets = 0;

	schedule_make(&schedule, &spec);
	for (i = 0; i < N; i++) {
		check(schedule.request[i].key_len == 19 && schedule.request[i].value_len == 2, "%d",
		      i);
		sets += schedule.request[i].op == OP_SET;
		sample[i] = (schedule.request[i].record + 0.5) / 1e6;
	}
	check(abs(sets - N / 500) < 60, "%d sets of %d", sets, N);
	schedule_free(&schedule);
}

static double uniform_cdf(double x)
{
	return x;
}

static void keys_are_uniform(void)
{
	double d;

	usr_law();
	d = ks_distance(sample, N, uniform_cdf);
	check(d < KS_LIMIT, "%f", d);
}

static double etc_key_cdf(double x)
{
	return exp(-pow(1.0 + 0.078688 * (x + 0.5 - 30.7984) / 8.20449, -1.0 / 0.078688));
}

static void etc_key_lengths(void)
{
	struct schedule_spec spec = spec_of(LAW_ETC, ARRIVAL_POISSON);
	static int counts[SCHEDULE_KEY_MAX + 1];
	unsigned int len;
	uint32_t i;
	int sum = 0;

	memset(counts, 0, sizeof(counts));
	for (i = 0; i < N; i++) {
		len = schedule_key_len(&spec, i);
		check(len >= 6 && len <= 250, "%u", len);
		counts[len]++;
	}
	/* Compare the cumulated shares: rounding makes them steps of the GEV law. */
	for (len = 10; len < 120; len++) {
		int j;

		for (sum = 0, j = 0; j <= (int)len; j++)
			sum += counts[j];
		check(fabs((double)sum / N - etc_key_cdf(len)) < 0.006, "length %u: %f, not %f",
		      len, (double)sum / N, etc_key_cdf(len));
	}
}

static void etc_value_lengths(void)
{
	static const double small[] = { .00536, .00047, .17820, .09239, .00018, .02740, .00065,
					.00606, .00023, .00837, .00837, .08989, .00092, .00326,
					.01980 };
	struct schedule_spec spec = spec_of(LAW_ETC, ARRIVAL_POISSON);
	int counts[15] = { 0 }, large = 0;
	double mass = 0.0;
	uint32_t i, at_least_500 = 0;

	for (i = 0; i < N; i++) {
		uint32_t len = schedule_value_len(&spec, i);

		check(len <= SCHEDULE_VALUE_MAX, "%u", len);
		if (len < 15)
			counts[len]++;
		else
			large++;
		at_least_500 += len >= 500;
	}
	for (i = 0; i < 15; i++) {
		double sigma = sqrt(small[i] * (1 - small[i]) / N);

		mass += small[i];
		check(fabs((double)counts[i] / N - small[i]) < 4.5 * sigma, "length %u: %f, not %f",
		      i, (double)counts[i] / N, small[i]);
	}
	check(fabs((double)large / N - (1 - mass)) < 0.007, "rest %f", (double)large / N);
	mass = (1 - mass) * pow(1 + 0.348238 * 485 / 214.476, -1 / 0.348238);
	check(fabs((double)at_least_500 / N - mass) < 0.004, "tail %f, not %f",
	      (double)at_least_500 / N, mass);
}

static void etc_sets(void)
{
	struct schedule_spec spec = spec_of(LAW_ETC, ARRIVAL_POISSON);
	struct schedule schedule;
	int i, sets = 0;

	schedule_make(&schedule, &spec);
	for (i = 0; i < N; i++) {
		const struct schedule_request *r = &schedule.request[i];

		sets += r->op == OP_SET;
		check(r->key_len == schedule_key_len(&spec, r->record), "%d", i);
		check(r->value_len == schedule_value_len(&spec, r->record), "%d", i);
	}
	check(abs(sets - N * 33 / 1000) < 260, "%d sets", sets);
	schedule_free(&schedule);
}

static void keys_are_padded_numbers(void)
{
	struct schedule_spec spec = spec_of(LAW_ETC, ARRIVAL_FIXED);
	char key[SCHEDULE_KEY_MAX];

	schedule_key(key, 19, 1234567);
	check(!memcmp(key, "0000000000001234567", 19), "%.19s", key);
	spec.records = 1;
	check(schedule_key_len(&spec, 0) >= 1, "one record");
}

static const struct test_case cases[] = {
	{ "schedule: same seed, same schedule", same_seed_same_schedule },
	{ "schedule: digests are the same everywhere", digests_are_the_same_everywhere },
	{ "schedule: a longer one begins with the shorter",
	  a_longer_schedule_begins_with_the_shorter },
	{ "schedule: rates are as asked", rates_are_as_asked },
	{ "schedule: gaps pass Kolmogorov-Smirnov", gaps_pass_kolmogorov_smirnov },
	{ "schedule: counts per ms are Poisson", poisson_counts_are_dispersed_as_poisson },
	{ "schedule: fixed gaps never drift", fixed_gaps_never_drift },
	{ "schedule: USR sizes, share of sets, uniform keys", keys_are_uniform },
	{ "schedule: ETC key lengths", etc_key_lengths },
	{ "schedule: ETC value lengths", etc_value_lengths },
	{ "schedule: ETC share of sets, sizes by record", etc_sets },
	{ "schedule: keys are padded numbers", keys_are_padded_numbers },
};
TEST_MAIN(cases)
