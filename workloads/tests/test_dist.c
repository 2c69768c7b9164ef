// SPDX-License-Identifier: MIT
/* Laws against closed forms: moments, Kolmogorov-Smirnov, tables, elementary functions. */
#include <float.h>

#include "lib/dist.h"
#include "lib/fmath.h"
#include "lib/rng.h"
#include "tests/check.h"
#include "tests/ks.h"

#define N 200000

static double sample[N];

static void elementary_functions_agree_with_libm(void)
{
	struct rng rng;
	int i;

	rng_init(&rng, 1, 1);
	for (i = 0; i < 200000; i++) {
		double u = rng_unit(&rng), x = ldexp(u, (int)rng_below(&rng, 200) - 100);
		double y = (u - 0.5) * 1200.0, got;

		got = fmath_log(x);
		check(fabs(got - log(x)) <= 4e-16 + 4e-16 * fabs(log(x)), "log %a: %a", x, got);
		got = fmath_exp(y);
		check(fabs(got / exp(y) - 1.0) < 2e-15, "exp %a: %a", y, got);
		got = fmath_pow(u, -0.35);
		check(fabs(got / pow(u, -0.35) - 1.0) < 4e-14, "pow %a: %a", u, got);
	}
	check(fmath_log(1.0) == 0.0 && fmath_exp(0.0) == 1.0, "exact points");
	check(fmath_exp(-800.0) == 0.0 && fmath_exp(800.0) > DBL_MAX, "limits");
}

static void same_bits_as_ever(void)
{
	/* Written down once: a schedule must not change with compiler or CPU. */
	struct rng rng;

	check(fmath_log(0.1) == -0x1.26bb1bbb55515p+1, "%a", fmath_log(0.1));
	check(fmath_exp(1.0) == 0x1.5bf0a8b14576ap+1, "%a", fmath_exp(1.0));
	rng_init(&rng, 1, 2);
	check(rng_next(&rng) != rng_next(&rng), "moves on");
}

static double exponential_cdf(double x)
{
	return 1.0 - exp(-x / 5.0);
}

static double gpareto_cdf(double x)
{
	return 1.0 - pow(1.0 + 0.348238 * (x - 15.0) / 214.476, -1.0 / 0.348238);
}

static double gev_cdf(double x)
{
	return exp(-pow(1.0 + 0.078688 * (x - 30.7984) / 8.20449, -1.0 / 0.078688));
}

static double uniform_cdf(double x)
{
	return x;
}

static double mean_of(int n)
{
	double sum = 0.0;
	int i;

	for (i = 0; i < n; i++)
		sum += sample[i];
	return sum / n;
}

static void draw(uint64_t stream, int law)
{
	struct rng rng;
	int i;

	rng_init(&rng, 42, stream);
	for (i = 0; i < N; i++) {
		double u = rng_unit(&rng);

		sample[i] = law == 0 ? u :
			    law == 1 ? dist_exponential(u, 5.0) :
			    law == 2 ? dist_gpareto(u, 15.0, 214.476, 0.348238) :
				       dist_gev(u, 30.7984, 8.20449, 0.078688);
	}
}

static void laws_pass_kolmogorov_smirnov(void)
{
	static double (*const cdf[])(double) = { uniform_cdf, exponential_cdf, gpareto_cdf,
						 gev_cdf };
	int law;

	for (law = 0; law < 4; law++) {
		double d;

		draw((uint64_t)law, law);
		d = ks_distance(sample, N, cdf[law]);
		check(d < KS_LIMIT, "law %d: %f", law, d);
	}
}

static void means_match_closed_forms(void)
{
	double want;

	draw(10, 1);
	check(fabs(mean_of(N) / 5.0 - 1.0) < 0.01, "exponential %f", mean_of(N));
	draw(11, 2);
	want = 15.0 + 214.476 / (1.0 - 0.348238);
	check(fabs(dist_gpareto_mean(15.0, 214.476, 0.348238) - want) < 1e-9, "closed form");
	check(fabs(mean_of(N) / want - 1.0) < 0.02, "GPareto %f", mean_of(N));
	draw(12, 3);
	want = 30.7984 + 8.20449 * (tgamma(1.0 - 0.078688) - 1.0) / 0.078688;
	check(fabs(mean_of(N) / want - 1.0) < 0.005, "GEV %f, want %f", mean_of(N), want);
}

static void extremes_are_finite(void)
{
	double u;

	for (u = 0x1p-53; u <= 1.0; u *= 2) {
		check(isfinite(dist_exponential(u, 1.0)), "%a", u);
		check(isfinite(dist_gpareto(u, 0, 16.0292, 0.154971)), "%a", u);
		check(isfinite(dist_gev(u, 30.7984, 8.20449, 0.078688)), "%a", u);
	}
	check(dist_exponential(1.0, 1.0) == 0.0, "no gap at u = 1");
	check(dist_gpareto(1.0, 15.0, 214.476, 0.348238) == 15.0, "starts at its location");
}

static void tables_have_their_probabilities(void)
{
	static const struct dist_point table[] = { { .2, 7 }, { .05, 8 }, { .3, 9 } };
	int counts[3] = { 0 }, left = 0, i;
	struct rng rng;
	double d, value;

	rng_init(&rng, 3, 3);
	for (i = 0; i < N; i++) {
		double rest;

		if (dist_discrete(rng_unit(&rng), table, 3, &value, &rest))
			counts[(int)value - 7]++;
		else
			sample[left++] = rest;
	}
	check(fabs(counts[0] / (double)N - .2) < .004, "%d", counts[0]);
	check(fabs(counts[1] / (double)N - .05) < .002, "%d", counts[1]);
	check(fabs(counts[2] / (double)N - .3) < .005, "%d", counts[2]);
	/* What the table leaves over is uniform again, so it can drive the next law. */
	d = ks_distance(sample, left, uniform_cdf);
	check(d < KS_LIMIT, "%f", d);
}

static void below_is_uniform(void)
{
	int counts[7] = { 0 }, i;
	double chi = 0.0;
	struct rng rng;

	rng_init(&rng, 5, 5);
	for (i = 0; i < N; i++)
		counts[rng_below(&rng, 7)]++;
	for (i = 0; i < 7; i++)
		chi += pow(counts[i] - N / 7.0, 2) / (N / 7.0);
	check(chi < 22.46, "chi square, 6 degrees, 0.001: %f", chi);
	for (i = 0; i < 1000; i++)
		check(rng_below(&rng, 1) == 0, "only one choice");
}

static void streams_differ(void)
{
	struct rng a, b, c, again;
	int i, same = 0;

	rng_init(&a, 1, 1);
	rng_init(&b, 1, 2);
	rng_init(&c, 2, 1);
	rng_init(&again, 1, 1);
	for (i = 0; i < 1000; i++) {
		uint64_t x = rng_next(&a);

		check(x == rng_next(&again), "repeats");
		same += x == rng_next(&b);
		same += x == rng_next(&c);
	}
	check(!same, "%d", same);
}

static const struct test_case cases[] = {
	{ "fmath: agrees with the C library", elementary_functions_agree_with_libm },
	{ "fmath: same bits as ever", same_bits_as_ever },
	{ "dist: Kolmogorov-Smirnov", laws_pass_kolmogorov_smirnov },
	{ "dist: means match closed forms", means_match_closed_forms },
	{ "dist: extremes are finite", extremes_are_finite },
	{ "dist: discrete tables", tables_have_their_probabilities },
	{ "rng: below is uniform", below_is_uniform },
	{ "rng: streams and seeds differ, repeats are equal", streams_differ },
};
TEST_MAIN(cases)
