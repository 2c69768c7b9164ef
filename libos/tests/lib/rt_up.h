/* SPDX-License-Identifier: MIT */
/* The runtime in a test: started under any policy, with what that one needs. */
#ifndef TESTS_RT_UP_H
#define TESTS_RT_UP_H

#include <dune.h>

#include "lib/ktap.h"

#define MS 1000000ull /* of nanoseconds */

static const char *const rt_names[] = { "cfcfs", "dfcfs", "steal", "rr",  "priority",
					"edf",	 "sjf",	  "srpt",  "darc" };

#define RT_NAMES (sizeof(rt_names) / sizeof(rt_names[0]))

/* CPUs are shared with the test's own thread. */
static inline struct dune_rt_options rt_options(const char *policy, uint32_t cores)
{
	struct dune_rt_options options = {
		.version = DUNE_RT_VERSION,
		.size = sizeof(options),
		.policy = policy,
		.cores = cores,
		.flags = DUNE_RT_SHARED,
	};

	if (!strcmp(policy, "rr"))
		options.quantum = MS;
	if (!strcmp(policy, "darc")) {
		options.classes = 2;
		options.reserved[0] = cores - 1 ? 1 : 0;
		options.reserved[1] = 1;
	}
	return options;
}

static inline void rt_up(const char *policy, uint32_t cores)
{
	struct dune_rt_options options = rt_options(policy, cores);
	const char *why = NULL;
	int error;

	options.why = &why;
	error = dune_rt_start(&options);
	if (error)
		ktap_bail("dune_rt_start %s: %s: %s", policy, strerror(-error), why ? why : "-");
}

static inline void rt_down(void)
{
	int error = dune_rt_wait();

	if (!error)
		error = dune_rt_stop();
	if (error)
		ktap_bail("dune_rt_stop: %s", strerror(-error));
}

static inline struct dune_rt_attr rt_attr(void)
{
	return (struct dune_rt_attr){ .version = DUNE_RT_VERSION,
				      .size = sizeof(struct dune_rt_attr) };
}

static inline dune_rt_task rt_spawn(void *(*run)(void *), void *arg,
				    const struct dune_rt_attr *attr)
{
	dune_rt_task task = 0;
	int error = dune_rt_spawn(&task, run, arg, attr);

	if (error)
		ktap_bail("dune_rt_spawn: %s", strerror(-error));
	return task;
}

#endif
