// SPDX-License-Identifier: MIT
/* Policies that look at size, class or quantum against their closed forms. */
#include "lib/dist.h"
#include "tests/check.h"
#include "tests/queueing.h"
#include "tests/rt_run.h"

static void closed_forms_agree_with_each_other(void)
{
	static const double size[] = { 10.0, 10.0 }, load[] = { 0.3, 0.5 };
	double mean;

	/* Two classes of the same size, without interruption, are M/D/1 on the whole. */
	mean = 0.375 * priority_mean(0, 2, size, load, 0) +
	       0.625 * priority_mean(1, 2, size, load, 0);
	check_near(mean, 30.0, 1e-9, "Cobham and M/D/1");
	/* Who is first sees nobody else. */
	check_near(priority_mean(0, 2, size, load, 1), 10.0 * mg1_mean(0.3, 0.0), 1e-9, "alone");
	/* Less than half of what it is in order of arrival. */
	check(srpt_mm1_mean(0.8) > 2.2 && srpt_mm1_mean(0.8) < 2.5, "%f", srpt_mm1_mean(0.8));
	check(sjf_mm1_mean(0.8) > srpt_mm1_mean(0.8) && sjf_mm1_mean(0.8) < 4.0, "%f",
	      sjf_mm1_mean(0.8));
	check_near(srpt_mm1_mean(1e-6), 1.0, 1e-3, "alone");
}

/* The error of a quantum is proportional to it: two of them give that of none. */
static double at_no_quantum(struct run *r, double quantum, double (*value)(const struct run *))
{
	double coarse;

	r->quantum = 2.0 * quantum;
	run(r);
	coarse = value(r);
	r->quantum = quantum;
	run(r);
	return 2.0 * value(r) - coarse;
}

static double class0(const struct run *r)
{
	return run_class_mean(r, 0);
}

static void round_robin_is_processor_sharing(void)
{
	struct run r = { .policy = "rr", .law = "exp:10", .load = 0.8, .count = 1500000, .seed = 2,
			 .quantum = 5.0 };

	/* Exponential service has no memory: the mean is 5 with any quantum. */
	run(&r);
	check_near(run_mean(&r), 5.0, 0.01, "M/M/1 round robin: mean");
	r = (struct run){ .policy = "rr", .law = "fixed:10", .load = 0.8, .count = 700000,
			  .seed = 2 };
	check_near(at_no_quantum(&r, 1.0, run_mean), 5.0, 0.01, "M/D/1 sharing: mean");
}

static void processor_sharing_does_not_see_the_law(void)
{
	struct run r = { .policy = "rr", .law = "w3", .load = 0.6, .count = 200000 };

	check_near(at_no_quantum(&r, 0.5, class0), ps_mean(0.6, 5.0), 0.03, "sharing: short");
	check_near(run_class_mean(&r, 1), ps_mean(0.6, 55.0), 0.03, "sharing: long");
	/* In order of arrival the short ones wait as long as the long ones. */
	r.policy = "cfcfs";
	r.quantum = 0.0;
	run(&r);
	check(run_class_mean(&r, 0) > 2.0 * ps_mean(0.6, 5.0), "%f", run_class_mean(&r, 0));
}

/* Beyond saturation the share that service gets is the capacity. */
static void interruptions_cost_capacity(void)
{
	static const struct {
		const char *law;
		double quantum, cost, mean, n, golden;
		uint64_t count;
	} rows[] = {
		/* golden: found elsewhere by simulation; n = E[ceil(S / q)] - 1. */
		{ "w5", 5, 1, 2.9975, 0.005 * 99, 0.858, 200000 },
		{ "w6", 5, 1, 50.5, 0.5 * 19, 0.842, 30000 },
		{ "w12", 5, 1, 318.25, 0.5 * 126, 0.835, 8000 },
		{ "w11", 5, 1, 19.068, 0.48 + 0.44 * 3 + 0.04 * 17 + 0.04 * 19, 0.855, 50000 },
		{ "exp:10", 5, 1, 10, 1.5415, 0.867, 100000 },
		{ "exp:10", 10, 2.3, 10, 0.58198, 0, 100000 },
		{ "exp:10", 30, 2.3, 10, 0.052396, 0, 100000 },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double want = capacity(rows[i].mean, rows[i].cost, rows[i].n), used;
		struct run r = { .policy = "rr", .law = rows[i].law, .cores = 4, .load = 1.2,
				 .count = rows[i].count, .quantum = rows[i].quantum,
				 .preempt = rows[i].cost };

		if (rows[i].golden > 0.0)
			check_near(want, rows[i].golden, 0.002, "%s: golden", rows[i].law);
		run(&r);
		used = (double)r.totals.service_ns / (double)r.totals.end / 4.0;
		check_near(used, want, 0.01, "%s: capacity", rows[i].law);
		check_near(law_interruptions(&r.parsed, rows[i].quantum * 1e3), rows[i].n, 0.001,
			   "%s: interruptions", rows[i].law);
		/* Below it everything that comes is served. */
		r.load = 0.93 * want;
		run(&r);
		check_near((double)r.totals.service_ns / (double)r.totals.end / 4.0, r.load, 0.05,
			   "%s: below capacity", rows[i].law);
	}
}

static void shortest_first(void)
{
	struct run r = { .policy = "srpt", .law = "exp:10", .load = 0.8, .count = 1000000 };

	run(&r);
	check_near(run_mean(&r), srpt_mm1_mean(0.8), 0.01, "SRPT in M/M/1: mean");
	r.policy = "sjf";
	run(&r);
	check_near(run_mean(&r), sjf_mm1_mean(0.8), 0.015, "SJF in M/M/1: mean");
}

static void classes_by_priority(void)
{
	/* 0.6 x 5, 0.3 x 20, 0.1 x 60: 15 on average; loads at 0.8 in all. */
	static const double size[] = { 5, 20, 60 }, load[] = { 0.16, 0.32, 0.32 };
	static const char *const names[] = { "priority", "sjf" };
	struct run r;
	int p, i;

	for (p = 0; p < 2; p++) {
		r = (struct run){ .policy = names[p], .law = "mix:0.6*5,0.3*20,0.1*60", .load = 0.8,
				  .count = 1000000, .seed = 2 };
		run(&r);
		for (i = 0; i < 3; i++)
			check_near(run_class_mean(&r, i), priority_mean(i, 3, size, load, p == 0),
				   i == 2 ? 0.03 : 0.01, "%s: class %d", names[p], i);
	}
}

/* Exponential requests of one mean with a class that their size does not depend on. */
struct blind {
	struct rng rng;
	uint64_t left;
	double at, gap;
};

static bool blind_next(void *arg, struct sim_job *job)
{
	struct blind *blind = arg;
	uint32_t class;

	if (!blind->left--)
		return false;
	blind->at += dist_exponential(rng_unit(&blind->rng), blind->gap);
	class = (uint32_t)rng_below(&blind->rng, 2);
	job->arrival = (uint64_t)blind->at;
	job->size = 1 + (uint64_t)dist_exponential(rng_unit(&blind->rng), 10000.0);
	job->task = (struct rt_task){ .class = (uint16_t)class, .priority = (uint16_t)class,
				      .deadline = job->arrival + 5000 * class };
	job->task.flow = (uint32_t)rng_next(&blind->rng);
	return true;
}

/*
 * On k cores: who is first in M/M/k sees only its own kind, and on the whole no policy that is
 * blind to size changes how many there are.
 */
static void several_cores(void)
{
	static const char *const names[] = { "priority", "edf", "rr", "darc" };
	double whole = mmk_mean(4, 0.8), mean;
	struct sim_totals totals;
	const char *wrong;
	size_t i;

	for (i = 0; i < 4; i++) {
		struct blind blind = { .left = 600000, .gap = 10000.0 / (4 * 0.8) };
		struct sim_spec spec = { .policy = rt_policy_find(names[i]),
					 .params = { .cores = 4, .classes = 2 }, .seed = 1 };

		rng_init(&blind.rng, 3, 0);
		if (spec.policy->flags & RT_TAKES_QUANTUM)
			spec.params.quantum = 5000;
		if (spec.policy->flags & RT_TAKES_RESERVED)
			spec.params.reserved[1] = 1;	/* and class 0 may go there, too */
		measure_start(&run_measure, 20000);
		wrong = sim_run(&spec, (struct sim_source){ blind_next, &blind },
				(struct sim_sink){ measure_done, &run_measure }, &totals);
		check(!wrong, "%s: %s", names[i], wrong);
		mean = hist_mean(&run_measure.sojourn) / 1e4;
		check_near(mean, whole, 0.02, "%s on 4 cores: mean", names[i]);
		if (i)
			continue;
		check_near(hist_mean(&run_measure.class[0]) / 1e4, mmk_mean(4, 0.4), 0.01,
			   "priority on 4 cores: the first class");
		check_near(measure_percentile(&run_measure.class[0], 0.99) / 1e4,
			   mmk_percentile(4, 0.4, 0.99), 0.02, "priority on 4 cores: 0.99");
	}
}

/* With one core for the short ones, who hardly come, the long ones have M/D/1 on the other. */
static void reserved_cores_are_reserved(void)
{
	struct run r = { .policy = "darc", .law = "mix:0.01*0.001,0.99*10", .cores = 2,
			 .load = 0.4, .count = 500000, .reserved = { 1 } };

	run(&r);
	check_near(run_class_mean(&r, 1) / 10.0, mg1_mean(0.8, 0.0), 0.015, "DARC: M/D/1");
	check_near(run_class_percentile(&r, 0, 0.99), 0.001, 0.01, "DARC: nobody in the way");
}

static const struct test_case cases[] = {
	{ "queueing: closed forms agree with each other", closed_forms_agree_with_each_other },
	{ "rr: processor sharing", round_robin_is_processor_sharing },
	{ "rr: sharing does not see the law", processor_sharing_does_not_see_the_law },
	{ "rr: interruptions cost capacity", interruptions_cost_capacity },
	{ "srpt, sjf: the integrals of M/M/1", shortest_first },
	{ "priority, sjf: Cobham, White and Christie", classes_by_priority },
	{ "priority, edf, rr, darc: several cores", several_cores },
	{ "darc: reserved cores are reserved", reserved_cores_are_reserved },
};
TEST_MAIN(cases)
