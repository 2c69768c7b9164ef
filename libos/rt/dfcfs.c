// SPDX-License-Identifier: MIT
/* Distributed first come, first served: a queue for each core, flows never move. */
#include "percore.h"
#include "policies.h"

const struct rt_policy rt_dfcfs = {
	.name = "dfcfs",
	.summary = "a queue per core, flows stay on theirs, first come first served",
	.flags = RT_TIMELESS,
	.locking = RT_LOCK_CORE,
	.bytes = sizeof(struct rt_percore),
	.bytes_per_core = sizeof(struct rt_percore_queue),
	.init = rt_percore_init,
	.place = rt_percore_place,
	.enqueue = rt_percore_enqueue,
	.pick = rt_percore_pick,
	.remove = rt_percore_remove,
};
