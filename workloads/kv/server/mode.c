// SPDX-License-Identifier: MIT
/* Workers in Dune mode: the same threads in ring 0, or tasks of the runtime. */
#include "kv/server/mode.h"

#include <dune.h>
#include <dune/rt.h>
#include <dune/rt_memory.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE_PAGE (2ul << 20)

const char *const mode_name[] = { "linux", "dune", "dune-rt" };

static enum mode mode;

static int fail(const char *what, int error)
{
	fprintf(stderr, "kv-server: --%s: %s: %s%s\n", mode == MODE_RT ? "rt" : "dune", what,
		strerror(-error), error == -ENOENT ? " (no /dev/dune: load dune.ko first)" : "");
	return -1;
}

int mode_init(enum mode wanted, const char *cpus)
{
	struct dune_rt_options options = {
		.version = DUNE_RT_VERSION, .size = sizeof(options), .cpus = cpus,
	};
	int error;

	mode = wanted;
	if (mode == MODE_LINUX)
		return 0;
	error = dune_init(NULL);
	if (error)
		return fail("cannot use the module", error);
	if (mode == MODE_DUNE)
		return 0;
	/* As `dune rt run' says, if it runs us. */
	error = dune_rt_start(getenv("DUNE_RT") ? NULL : &options);
	return error ? fail("cannot start the runtime", error) : 0;
}

int mode_enter(void)
{
	int error = mode == MODE_DUNE ? dune_enter() : 0;

	return error ? fail("cannot enter Dune mode", error) : 0;
}

void mode_leave(void)
{
	if (mode == MODE_DUNE)
		dune_leave();
}

int mode_spawn(void *(*run)(void *), void *arg, unsigned int index)
{
	const struct dune_rt_attr attr = {
		.version = DUNE_RT_VERSION, .size = sizeof(attr), .name = "kv",
		.flags = DUNE_RT_DETACHED, .flow = index + 1,
	};
	int error = dune_rt_spawn(NULL, run, arg, &attr);

	return error ? fail("no task", error) : 0;
}

void mode_wait(void)
{
	dune_rt_wait();
	dune_rt_stop();
}

void *mode_memory(size_t size)
{
	return mode == MODE_RT ? dune_rt_memory(size, LARGE_PAGE) : NULL;
}

struct mode_exits mode_exits(void)
{
	struct dune_counters counters = { 0 };

	if (mode == MODE_LINUX || dune_counters_get(&counters))
		return (struct mode_exits){ 0 };
	return (struct mode_exits){ counters.entries, counters.syscalls, counters.tdp_faults,
				    counters.interrupts };
}
