// SPDX-License-Identifier: MIT
/* Nanoseconds from ticks of the TSC: how many there are, by Linux's clock. */
#include <time.h>

#include "runtime.h"

#define NS 1000000000ull
#define SPAN 4000000u /* ns; two readings of some tens of ns are off by 1e-5 of it */
#define TRIES 8

struct rt_clock rt_clock;

/* Both clocks at one moment: the reading that was least disturbed. */
static void moment(uint64_t *tsc, uint64_t *ns)
{
	uint64_t best = RT_NEVER, before, after;
	struct timespec time;
	int i;

	for (i = 0; i < TRIES; i++) {
		before = rt_tsc();
		clock_gettime(CLOCK_MONOTONIC, &time);
		after = rt_tsc();
		if (after - before >= best)
			continue;
		best = after - before;
		*tsc = before + best / 2;
		*ns = (uint64_t)time.tv_sec * NS + (uint64_t)time.tv_nsec;
	}
}

void rt_clock_init(void)
{
	uint64_t tsc, ns, ticks;

	moment(&rt_clock.tsc, &rt_clock.ns);
	do {
		moment(&tsc, &ns);
	} while (ns - rt_clock.ns < SPAN || tsc == rt_clock.tsc);
	ticks = tsc - rt_clock.tsc;
	ns -= rt_clock.ns;
	rt_clock.ns_per_tick = (uint64_t)(((unsigned __int128)ns << 32) / ticks);
	rt_clock.ticks_per_ns = (uint64_t)(((unsigned __int128)ticks << 32) / ns);
}

/* Before there is a runtime, Linux's. */
uint64_t dune_rt_now(void)
{
	struct timespec time;

	if (rt_clock.ns_per_tick)
		return rt_ns(rt_tsc());
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * NS + (uint64_t)time.tv_nsec;
}
