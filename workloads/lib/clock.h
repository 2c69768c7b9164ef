/* SPDX-License-Identifier: MIT */
/* The one clock of every measurement: CLOCK_MONOTONIC in nanoseconds. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static inline uint64_t clock_ns(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

/* As fresh as the last timer tick, and cheaper: for expiry, not for latency. */
static inline uint64_t clock_coarse_ns(void)
{
	return clock_read(CLOCK_MONOTONIC_COARSE);
}

/* Both clocks at the same moment, as closely as they can be read. */
struct clock_pair {
	uint64_t tsc, ns;
};

static inline struct clock_pair clock_pair_read(void)
{
	uint64_t before = __builtin_ia32_rdtsc();
	uint64_t ns = clock_ns();

	return (struct clock_pair){ before + (__builtin_ia32_rdtsc() - before) / 2, ns };
}

#endif
