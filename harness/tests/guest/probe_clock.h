/* SPDX-License-Identifier: MIT */
/* What probes of the measuring machine share: its clock, and which of its CPUs they run on. */
#ifndef PROBE_CLOCK_H
#define PROBE_CLOCK_H

#include <sched.h>
#include <stdint.h>
#include <stdlib.h>

static inline uint64_t ticks(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static inline void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		exit(3);
}

#endif
