// SPDX-License-Identifier: MIT
/* Every policy against figures of a simulator that has no line in common with ours. */
#include "tests/check.h"
#include "tests/rt_run.h"

/* 14 cores at 0.8; 0.999 of the slowdown as found elsewhere, right to about 10 % as ours. */
static const struct {
	const char *policy, *law;
	double slowdown;
	double quantum, preempt;
	uint32_t reserved;
} rows[] = {
	{ "cfcfs", "w6", 89, 0, 0, 0 },
	{ "cfcfs", "w12", 374, 0, 0, 0 },
	{ "dfcfs", "w6", 1401, 0, 0, 0 },
	{ "steal", "w6", 136, 0, 0, 0 },
	{ "sjf", "w6", 32, 0, 0, 0 },
	{ "darc", "w6", 2.5, 0, 0, 1 },
	{ "darc", "w6", 4.0, 0, 0, 2 },
	{ "darc", "w12", 2.4, 0, 0, 1 },
	{ "rr", "w6", 8.9, 5, 0, 0 },
	{ "rr", "w11", 3.5, 5, 0, 0 },
	{ "rr", "w6", 45, 5, 1, 0 },
	{ "priority", "w6", 1.9, 0, 0, 0 },
	{ "edf", "w6", 1.9, 0, 0, 0 },
	{ "edf", "w11", 1.9, 0, 0, 0 },
	{ "srpt", "w11", 1.8, 0, 0, 0 },
};

static void slowdown_at_four_fifths(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct run r = { .policy = rows[i].policy, .law = rows[i].law, .cores = 14,
				 .load = 0.8, .count = 300000, .seed = 6, .deadline = 10.0,
				 .quantum = rows[i].quantum, .preempt = rows[i].preempt,
				 .reserved = { rows[i].reserved } };

		run(&r);
		check_near(measure_percentile(&r.measure->slowdown, 0.999) / MEASURE_SLOWDOWN,
			   rows[i].slowdown, 0.15, "%s, %s: slowdown", rows[i].policy, rows[i].law);
	}
}

/* The load at which 0.99 reaches 10 mean sizes on 16 cores, by policy and law. */
static void the_yardstick_by_law(void)
{
	static const struct {
		const char *policy, *law;
		double load, quantum, margin;
	} limits[] = {
		{ "cfcfs", "fixed:10", 0.983, 0, 0.012 },
		{ "cfcfs", "w3", 0.940, 0, 0.02 },
		{ "dfcfs", "fixed:10", 0.773, 0, 0.02 },
		{ "dfcfs", "exp:10", 0.537, 0, 0.02 },
		{ "dfcfs", "w3", 0.306, 0, 0.02 },
		{ "rr", "exp:10", 0.935, 1, 0.02 },
		{ "rr", "w3", 0.886, 1, 0.02 },
	};
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct run r = { .policy = limits[i].policy, .law = limits[i].law, .cores = 16,
				 .load = limits[i].load - limits[i].margin,
				 .count = limits[i].quantum > 0 ? 120000 : 300000,
				 .quantum = limits[i].quantum };
		double below;

		run(&r);
		below = run_percentile(&r, 0.99);
		check(below < 10.0, "%s, %s: %f at %g", r.policy, r.law, below, r.load);
		r.load = limits[i].load + limits[i].margin;
		run(&r);
		check(run_percentile(&r, 0.99) > 10.0, "%s, %s: %f at %g", r.policy, r.law,
		      run_percentile(&r, 0.99), r.load);
	}
}

static const struct test_case cases[] = {
	{ "policies: slowdown by policy and law", slowdown_at_four_fifths },
	{ "policies: the yardstick by law", the_yardstick_by_law },
};
TEST_MAIN(cases)
