// SPDX-License-Identifier: MIT
/* The runtime's side of it: cores, a task a request, and the thread that makes them. */
#include "spin/spin.h"

#include <dune.h>
#include <dune/rt.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define TASKS 32768u	/* at once: a queue that long is no measurement */
#define STACK 16384u
#define LEAD_NS 2000000u	/* from the first task's to the first arrival */

static uint64_t turns_per_us;
static uint64_t start_ns;
static uint64_t *ends;

/* Two instructions a turn, whatever happens in between: service, not time. */
static void burn(uint64_t turns)
{
	asm volatile("1: dec %0\n\tjnz 1b" : "+r"(turns) : : "cc");
}

static void *calibrate(void *unused)
{
	const uint64_t turns = 200000;
	uint64_t best = UINT64_MAX;
	int i;

	for (i = 0; i < 5; i++) {
		uint64_t begin = dune_rt_now(), ns;

		burn(turns);
		ns = dune_rt_now() - begin;
		best = ns < best ? ns : best;
	}
	turns_per_us = turns * 1000 / best;
	return unused;
}

static void *serve(void *arg)
{
	const struct sim_job *job = arg;
	uint64_t turns = job->size * turns_per_us / 1000;

	burn(turns ? turns : 1);
	ends[job->number] = dune_rt_now() - start_ns;
	return NULL;
}

static void must(int error, const char *what)
{
	if (error)
		spin_fail(what, -error);
}

static void start(const struct options *options)
{
	const struct rt_params *params = &options->spec.params;
	const char *why = NULL;
	char cpus[24];
	struct dune_rt_options runtime = {
		.version = DUNE_RT_VERSION,
		.size = sizeof(runtime),
		.policy = options->spec.policy->name,
		.cpus = cpus,
		.quantum = params->quantum,
		.classes = params->classes,
		.tasks = TASKS,
		.stack = STACK,
		.why = &why,
	};
	cpu_set_t set;
	int error;

	memcpy(runtime.reserved, params->reserved, sizeof(runtime.reserved));
	snprintf(cpus, sizeof(cpus), "1-%u", params->cores);
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set) || mlockall(MCL_CURRENT | MCL_FUTURE))
		spin_fail("cannot have CPU 0 and locked memory", errno);
	must(dune_init(NULL), "cannot use the module: is dune.ko loaded?");
	error = dune_rt_start(&runtime);
	if (error)
		spin_fail(why ? why : "cannot start the runtime: are there as many CPUs?", -error);
}

static struct dune_rt_stats all(uint32_t cores)
{
	struct dune_rt_stats sum = { 0 }, one;
	uint32_t i;

	for (i = 0; i < cores; i++) {
		must(dune_rt_stats_get(i, &one, sizeof(one)), "statistics");
		sum.dispatches += one.dispatches;
		sum.preemptions += one.preemptions;
		sum.steals += one.steals;
		sum.idle_ns += one.idle_ns;
	}
	return sum;
}

/* Open loop: each when it is due, however long the queue. */
static void make_tasks(struct sim_job *jobs, uint64_t n, struct outcome *outcome)
{
	uint64_t i, now;

	for (i = 0; i < n; i++) {
		struct rt_task *task = &jobs[i].task;
		const uint64_t due = start_ns + jobs[i].arrival;
		struct dune_rt_attr attr = {
			.version = DUNE_RT_VERSION,
			.size = sizeof(attr),
			.flags = DUNE_RT_DETACHED,
			.flow = task->flow,
			.task_class = task->class,
			.priority = task->priority,
			.deadline = task->deadline == RT_FOREVER ? 0 : start_ns + task->deadline,
			.size_hint = task->size,
		};

		do
			now = dune_rt_now();
		while (now < due);
		must(dune_rt_spawn(NULL, serve, &jobs[i], &attr), "a request finds no room");
		hist_record(&outcome->late, now - due);
	}
}

void spin_serve(const struct options *options, struct sim_job *jobs, uint64_t n, uint64_t *ended,
		struct outcome *outcome)
{
	const uint32_t cores = options->spec.params.cores;
	struct dune_rt_stats before, after;
	uint64_t i, since;

	start(options);
	must(dune_rt_spawn(NULL, calibrate, NULL, NULL), "a task");
	must(dune_rt_wait(), "wait");
	ends = ended;
	hist_reset(&outcome->late);
	before = all(cores);
	since = dune_rt_now();
	start_ns = since + LEAD_NS;
	make_tasks(jobs, n, outcome);
	must(dune_rt_wait(), "wait");
	after = all(cores);
	must(dune_rt_stop(), "stop");
	outcome->totals = (struct sim_totals){ .jobs = n };
	for (i = 0; i < n; i++) {
		outcome->totals.service_ns += jobs[i].size;
		if (ended[i] > outcome->totals.end)
			outcome->totals.end = ended[i];
	}
	outcome->totals.preemptions = after.preemptions - before.preemptions;
	outcome->totals.dispatches = after.dispatches - before.dispatches;
	outcome->totals.steals = after.steals - before.steals;
	/* Cores count idleness when it ends: what several have of it at the very end is missing. */
	outcome->idle_ns = after.idle_ns - before.idle_ns - (start_ns - since) * cores;
	outcome->overhead_ns = outcome->totals.end * cores - outcome->idle_ns -
			       outcome->totals.service_ns;
}
