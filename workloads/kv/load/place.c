// SPDX-License-Identifier: MIT
/* A thread of Linux's that is pinned, or a task of libdune's runtime. */
#include "kv/load/place.h"

#include <dune.h>
#include <dune/rt.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "kv/load/fail.h"

struct job {
	void (*run)(void *);
	void *arg;
};

void place_init(const struct load_options *options)
{
	const struct sched_param param = { .sched_priority = options->priority };
	cpu_set_t set;

	/* The runtime's core is its own; the rest of the program stays where it was started. */
	if (options->cpu >= 0 && !options->rt) {
		CPU_ZERO(&set);
		CPU_SET((size_t)options->cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			fail(FAIL_USAGE, "--cpu %d: cannot run there: %s", options->cpu,
			     strerror(errno));
	}
	if (options->priority && sched_setscheduler(0, SCHED_FIFO, &param))
		fail(FAIL_USAGE, "--fifo %d: %s", options->priority, strerror(errno));
}

static void must(int error, const char *what)
{
	if (error)
		fail(FAIL_MEASUREMENT, "--rt: %s: %s%s", what, strerror(-error),
		     error == -ENOENT ? " (no /dev/dune: load dune.ko first)" : "");
}

static void *task(void *arg)
{
	const struct job *job = arg;

	job->run(job->arg);
	return NULL;
}

void place_run(const struct load_options *options, void (*run)(void *), void *arg)
{
	struct dune_rt_options runtime = { .version = DUNE_RT_VERSION, .size = sizeof(runtime) };
	struct job job = { run, arg };
	char cpus[16];

	if (!options->rt) {
		run(arg);
		return;
	}
	snprintf(cpus, sizeof(cpus), "%d", options->cpu);
	runtime.cpus = cpus;
	must(dune_init(NULL), "cannot use the module");
	must(dune_rt_start(&runtime), "cannot start");
	must(dune_rt_spawn(NULL, task, &job, NULL), "no task");
	must(dune_rt_wait(), "wait");
	must(dune_rt_stop(), "stop");
}
