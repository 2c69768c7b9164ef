/* SPDX-License-Identifier: MIT */
/*
 * Cores in virtual time under a scheduling policy: what the runtime does on
 * real ones, with every cost a parameter.
 *
 * Requests come from a source, in order of time, whatever happens to earlier
 * ones (open loop). Costs occupy a core and are not service:
 *
 *	dispatch	before a task begins or goes on, on any core
 *	wake		in addition, if the core was idle
 *	steal		in addition, if it came from another core's queue
 *	preempt		in addition, if the task before it had to go, its quantum being over
 *	interrupt	in addition, if it had to go for an arrival
 *	resume		in addition, when that goes on
 *	arm		before a quantum for which the core's timer has to be set: none is to ring
 *	lapse		when a quantum is over and nobody waits
 *	stale		within a quantum, when a timer rings for one that a request's end cut short
 *
 * A core that is to be interrupted for an arrival goes on with what it does until, after `reach',
 * the interrupt is there; then its policy is asked. One that has yet to be asked is not told again,
 * but the others are, as by the runtime. If nobody has to go, that takes `interrupt', too.
 *
 * Where requests are made there are two more. Each takes whoever makes them `submit', one after
 * the other, before any core knows of it, and `kick' after that, if it interrupts one.
 *
 * A quantum begins with the dispatch. A core's timer is set again when it has rung, for `period'
 * later: so a quantum that follows another is over when it rings, a little late, and one that
 * begins after a request's end when its own time has come. Without a period each serves a quantum.
 *
 * A task whose quantum ends while nobody waits for its core goes on, and has to go for the next
 * that comes and finds no idle core. At one instant ends come before arrivals, cores in order of
 * their number.
 */
#ifndef RTSIM_SIM_H
#define RTSIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/policy.h"

struct sim_job {
	struct rt_task task;	/* first: a task is its job */
	uint64_t number;	/* 0, 1, 2... in order of arrival */
	uint64_t arrival;
	uint64_t size;		/* service it needs in truth; task.size is the hint */
	uint32_t interruptions;
	bool resumes;		/* it had to go for an arrival */
	void *owner;		/* the source's, if it wants */
	struct sim_job *next;	/* of those that are done */
};

/* Fills in the next job, of which everything but `number` is zero; false: no more. */
struct sim_source {
	bool (*next)(void *arg, struct sim_job *job);
	void *arg;
};

/* Told of every job that is done; may be empty. */
struct sim_sink {
	void (*done)(void *arg, const struct sim_job *job, uint64_t now);
	void *arg;
};

struct sim_spec {
	const struct rt_policy *policy;
	struct rt_params params;
	uint64_t submit_ns, kick_ns;
	int64_t wake_ns;	/* down to -dispatch_ns: idle, a core has ended the one before */
	uint64_t dispatch_ns, steal_ns, preempt_ns, interrupt_ns, lapse_ns;
	uint64_t stale_ns, period_ns, reach_ns, resume_ns, arm_ns;
	uint64_t seed;		/* of the order in which victims of stealing are asked */
};

struct sim_totals {
	uint64_t jobs, end;
	uint64_t preemptions, steals, dispatches;
	uint64_t service_ns;	/* sum over cores, costs not included */
	uint64_t ends_of_quanta; /* within requests: sum of ceil(size / quantum) - 1 */
	uint64_t most_waiting;	/* jobs in the system at once */
};

/* NULL, or why the policy refuses its parameters (or "out of memory"). */
const char *sim_run(const struct sim_spec *spec, struct sim_source source, struct sim_sink sink,
		    struct sim_totals *totals);

#endif
