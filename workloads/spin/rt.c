// SPDX-License-Identifier: MIT
/* Serving by libdune's runtime: a task a request, in ring 0 on cores of its own. */
#include "spin/spin.h"

#include <dune.h>
#include <dune/rt.h>
#include <stdio.h>
#include <string.h>

#define TASKS 32768u	/* at once: a queue that long is no measurement */
#define STACK 16384u

static uint32_t cores;

static void must(int error, const char *what)
{
	if (error)
		spin_fail(what, -error);
}

static void start(const struct options *options)
{
	const struct rt_params *params = &options->spec.params;
	const char *why = NULL;
	char cpus[32];
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
	int error;

	cores = params->cores;
	memcpy(runtime.reserved, params->reserved, sizeof(runtime.reserved));
	snprintf(cpus, sizeof(cpus), "%u-%u", options->cpu + 1, options->cpu + cores);
	must(dune_init(NULL), "cannot use the module: is dune.ko loaded?");
	error = dune_rt_start(&runtime);
	if (error)
		spin_fail(why ? why : "cannot start the runtime: are there as many CPUs?", -error);
}

static void *serve(void *request)
{
	request_serve(&server_rt, request);
	return NULL;
}

static void submit(struct request *request)
{
	const struct rt_task *task = &request->job.task;
	struct dune_rt_attr attr = {
		.version = DUNE_RT_VERSION,
		.size = sizeof(attr),
		.flags = DUNE_RT_DETACHED,
		.flow = task->flow,
		.task_class = task->class,
		.priority = task->priority,
		.deadline = task->deadline == RT_FOREVER ? 0 : task->deadline,
		.size_hint = task->size,
	};

	must(dune_rt_spawn(NULL, serve, request, &attr), "a request finds no room");
}

static void drain(void)
{
	must(dune_rt_wait(), "wait");
}

static struct server_counts counts(void)
{
	struct server_counts sum = { 0 };
	struct dune_rt_stats one;
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

static void hold(void)
{
	dune_rt_hold();
}

static void release(void)
{
	dune_rt_release();
}

static void stop(void)
{
	must(dune_rt_stop(), "stop");
}

const struct server server_rt = {
	.name = "rt",
	.has_counts = true,
	.start = start,
	.now = dune_rt_now,
	.submit = submit,
	.drain = drain,
	.counts = counts,
	.hold = hold,
	.release = release,
	.stop = stop,
};
