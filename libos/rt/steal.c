// SPDX-License-Identifier: MIT
/* Work stealing: a queue for each core, and a core without work takes the oldest of another's. */
#include "percore.h"
#include "policies.h"

/* The oldest, not the youngest: these are requests that wait, not branches of a computation. */
static struct rt_task *steal(void *state, uint32_t core, uint32_t victim, uint64_t now)
{
	return rt_percore_pick(state, victim, now);
}

const struct rt_policy rt_steal = {
	.name = "steal",
	.summary = "a queue per core; a core without work takes the oldest task of another",
	.flags = RT_CONSERVES | RT_TIMELESS,
	.locking = RT_LOCK_CORE,
	.bytes = sizeof(struct rt_percore),
	.bytes_per_core = sizeof(struct rt_percore_queue),
	.init = rt_percore_init,
	.place = rt_percore_place,
	.enqueue = rt_percore_enqueue,
	.pick = rt_percore_pick,
	.remove = rt_percore_remove,
	.steal = steal,
};
