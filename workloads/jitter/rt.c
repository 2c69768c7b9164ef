// SPDX-License-Identifier: MIT
/* A probe as the one task of libdune's runtime, on a core of its own. */
#include "jitter/jitter.h"

#include <dune/rt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
	void (*probe)(void *);
	void *arg;
};

static void must(int error, const char *what)
{
	if (error)
		fail(FAIL_MEASUREMENT, "--rt: %s: %s", what, strerror(-error));
}

static void *task(void *arg)
{
	const struct job *job = arg;

	job->probe(job->arg);
	return NULL;
}

bool rt_given(void)
{
	return getenv("DUNE_RT");
}

void rt_run(const struct options *options, void (*probe)(void *), void *arg)
{
	struct dune_rt_options runtime = { .version = DUNE_RT_VERSION, .size = sizeof(runtime) };
	struct job job = { probe, arg };
	char cpus[16];

	snprintf(cpus, sizeof(cpus), "%d", options->cpu);
	runtime.cpus = cpus;
	must(dune_rt_start(rt_given() ? NULL : &runtime), "cannot start");
	must(dune_rt_spawn(NULL, task, &job, NULL), "no task");
	must(dune_rt_wait(), "wait");
	must(dune_rt_stop(), "stop");
}
