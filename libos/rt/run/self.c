// SPDX-License-Identifier: MIT
/* What a task may ask of itself and its core, and giving way when that is not all. */
#include <errno.h>

#include "runtime.h"

int rt_yield_slow(uint64_t flags)
{
	struct rt_here here;
	int error;

	rt_enter(&here);
	here.flags = flags;
	error = rt_may_block(&here);
	if (!error)
		rt_give_way(&here, RT_YIELDED);
	rt_leave(&here);
	return error;
}

dune_rt_task dune_rt_self(void)
{
	struct rt_here here;
	dune_rt_task task = 0;

	if (!rt_visit(&here))
		return 0;
	if (here.core)
		task = here.me->id; /* 0 in a handler on an idle core */
	rt_leave(&here);
	return task;
}

int dune_rt_core(void)
{
	struct rt_core *core = rt_core_here();

	return core ? (int)core->index : -EPERM;
}
