// SPDX-License-Identifier: MIT
/* What cores count: for the program, and for others who look at the page they share with it. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "runtime.h"

int rt_counters_share(int fd)
{
	struct stat file;
	void *memory;

	if (fstat(fd, &file) || (uint64_t)file.st_size < sizeof(struct rt_shared))
		return -EINVAL;
	memory = mmap(NULL, sizeof(struct rt_shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -EINVAL;
	if (!rt_shared_is(memory, (uint64_t)file.st_size)) {
		munmap(memory, sizeof(struct rt_shared));
		return -EINVAL;
	}
	rt.shared = memory;
	return 0;
}

void rt_counters_unshare(void)
{
	if (rt.shared)
		munmap(rt.shared, sizeof(struct rt_shared));
	rt.shared = NULL;
}

struct rt_core_counters *rt_counters_of(struct rt_core *core)
{
	struct rt_shared *shared = rt.shared;
	uint32_t i;

	for (i = 0; shared && i < RT_CORES_MAX; i++) {
		if (i >= shared->cores || shared->cpu[i] != core->cpu)
			continue;
		shared->counters[i] = (struct rt_core_counters){ .running = 1 };
		return &shared->counters[i];
	}
	return &core->own;
}

/*
 * Of a core's dispatches those by the short way of a yield: dune_rt_yield() counts them there
 * only, begin() in dispatches and begins. Apart they are not seen.
 */
static uint64_t short_yields(const struct rt_core *core, uint64_t *dispatches)
{
	uint64_t begins;

	do {
		begins = __atomic_load_n(&core->begins, __ATOMIC_ACQUIRE);
		*dispatches = __atomic_load_n(&core->counters->dispatches, __ATOMIC_ACQUIRE);
	} while (begins & 1 || __atomic_load_n(&core->begins, __ATOMIC_ACQUIRE) != begins);
	/* Another program of the run may have begun the shared ones anew. */
	return *dispatches > begins / 2 ? *dispatches - begins / 2 : 0;
}

int dune_rt_stats_get(uint32_t index, struct dune_rt_stats *stats, size_t size)
{
	const struct rt_core *core;
	uint64_t dispatches, yields;
	struct rt_here here;

	if (!rt_visit(&here))
		return -ESRCH;
	if (index >= rt.cores || size != sizeof(*stats)) {
		rt_leave(&here);
		return -EINVAL;
	}
	core = &rt.core[index];
	yields = __atomic_load_n(&core->yields, __ATOMIC_ACQUIRE);
	yields += short_yields(core, &dispatches);
	*stats = (struct dune_rt_stats){
		.dispatches = dispatches,
		.yields = yields,
		.preemptions = core->counters->preemptions,
		.steals = core->counters->steals,
		.wakeups = core->counters->wakeups,
		.interrupts = core->counters->interrupts,
		.sends = core->sends,
		.timers = core->counters->timers,
		.late_ns = core->counters->late_ns,
		.idle_ns = core->counters->idle_ns,
		.hold_ns = core->hold_ns,
	};
	rt_leave(&here);
	return 0;
}
