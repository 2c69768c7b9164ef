// SPDX-License-Identifier: MIT
/* What a preemption takes: two tasks by turns on a core, less the same work done by one alone. */
#include <dune.h>
#include <stdio.h>
#include <string.h>

#define QUANTUM 100000u /* ns */
#define TURNS 8000000u	/* of all tasks together: one tick of Linux more or less is little */

static uint64_t turns;

static void *spins(void *arg)
{
	volatile uint64_t n;

	for (n = 0; n < turns; n++)
		;
	return arg;
}

static int failed(int error, const char *what)
{
	if (error)
		printf("%s: %s\n", what, strerror(-error));
	return error;
}

/* A line: ticks, interrupts, preemptions. */
static int measure(unsigned int tasks)
{
	struct dune_rt_options options = { .version = DUNE_RT_VERSION, .size = sizeof(options),
					   .policy = "rr", .quantum = QUANTUM };
	struct dune_rt_stats stats;
	uint64_t begun;
	unsigned int i;

	turns = TURNS / tasks;
	if (failed(dune_rt_start(&options), "dune_rt_start"))
		return 1;
	begun = __builtin_ia32_rdtsc();
	for (i = 0; i < tasks; i++)
		if (failed(dune_rt_spawn(NULL, spins, NULL, NULL), "dune_rt_spawn"))
			return 1;
	dune_rt_wait();
	begun = __builtin_ia32_rdtsc() - begun;
	if (failed(dune_rt_stats_get(0, &stats, sizeof(stats)), "dune_rt_stats_get") ||
	    failed(dune_rt_stop(), "dune_rt_stop"))
		return 1;
	printf("%llu %llu %llu\n", (unsigned long long)begun, (unsigned long long)stats.interrupts,
	       (unsigned long long)stats.preemptions);
	return 0;
}

int main(void)
{
	if (failed(dune_init(NULL), "dune_init"))
		return 1;
	return measure(1) || measure(2);
}
