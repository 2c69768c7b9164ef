// SPDX-License-Identifier: MIT
/* A thread and its CPU. */
#include <sched.h>

#include "micro/area.h"
#include "micro/cpus.h"

void on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		give_up("sched_setaffinity");
}
