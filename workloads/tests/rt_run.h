/* SPDX-License-Identifier: MIT */
/* One run of a policy for a test: a fixed seed, figures in units of the mean size. */
#ifndef TESTS_RT_RUN_H
#define TESTS_RT_RUN_H

#include <math.h>
#include <stdlib.h>

#include "rtsim/measure.h"
#include "rtsim/open.h"
#include "tests/check.h"

struct run {
	const char *policy, *law;
	uint32_t cores;		/* 0: 1 */
	double load;
	uint64_t count, seed;	/* seed 0: 1 */
	double quantum, dispatch, steal, preempt, deadline;	/* microseconds; a factor */
	uint32_t reserved[RT_CLASSES_MAX];
	/* Made by run(): */
	struct law parsed;
	struct sim_totals totals;
	struct measure *measure;
};

static struct measure run_measure;

/* The results stay until the next run. */
static inline void run(struct run *r)
{
	struct sim_spec spec = { .policy = rt_policy_find(r->policy) };
	struct open_load open;
	const char *wrong = law_parse(&r->parsed, r->law);

	check(!wrong, "%s: %s", r->law, wrong);
	check(spec.policy != NULL, "%s is no policy", r->policy);
	if (!spec.policy)
		exit(1);
	spec.params.cores = r->cores ? r->cores : 1;
	spec.params.classes = r->parsed.classes;
	spec.params.quantum = (uint64_t)(r->quantum * 1e3 + 0.5);
	memcpy(spec.params.reserved, r->reserved, sizeof(r->reserved));
	spec.dispatch_ns = (uint64_t)(r->dispatch * 1e3 + 0.5);
	spec.steal_ns = (uint64_t)(r->steal * 1e3 + 0.5);
	spec.preempt_ns = (uint64_t)(r->preempt * 1e3 + 0.5);
	spec.interrupt_ns = spec.preempt_ns;
	spec.seed = r->seed ? r->seed : 1;
	r->measure = &run_measure;
	measure_start(r->measure, r->count / 20);
	open_start(&open, &r->parsed, OPEN_POISSON, r->load, spec.params.cores,
		   r->count + r->count / 20, spec.seed);
	open.deadline_factor = r->deadline;
	wrong = sim_run(&spec, (struct sim_source){ open_next, &open },
			(struct sim_sink){ measure_done, r->measure }, &r->totals);
	check(!wrong, "%s: %s", r->policy, wrong);
	check(r->totals.jobs == r->count + r->count / 20, "%llu of %llu requests came back",
	      (unsigned long long)r->totals.jobs, (unsigned long long)r->count);
}

static inline double run_mean(const struct run *r)
{
	return hist_mean(&r->measure->sojourn) / r->parsed.mean_ns;
}

static inline double run_percentile(const struct run *r, double p)
{
	return measure_percentile(&r->measure->sojourn, p) / r->parsed.mean_ns;
}

/* Microseconds, of one class. */
static inline double run_class_mean(const struct run *r, int class)
{
	return hist_mean(&r->measure->class[class]) / 1e3;
}

static inline double run_class_percentile(const struct run *r, int class, double p)
{
	return measure_percentile(&r->measure->class[class], p) / 1e3;
}

#define check_near(got, want, tolerance, what, ...) do { \
		double got_ = (got), want_ = (want); \
		double off_ = 100.0 * (got_ / want_ - 1.0), most_ = 100.0 * (tolerance); \
		check(fabs(off_) <= most_, what ": %.4f, want %.4f within %g %%", ##__VA_ARGS__, \
		      got_, want_, most_); \
		if (getenv("V")) \
			printf("# " what ": %.4f, want %.4f, %+.2f %%\n", ##__VA_ARGS__, got_, \
			       want_, off_); \
	} while (0)

#endif
