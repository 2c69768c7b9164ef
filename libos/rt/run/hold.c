// SPDX-License-Identifier: MIT
/* Critical sections: a count of the core's that puts off a preemption, and the longest of them. */
#include <errno.h>

#include "runtime.h"

int dune_rt_hold(void)
{
	struct rt_here here;
	int error;

	if (!rt_visit(&here))
		return -EPERM;
	if (here.core && !here.core->hold++)
		here.core->hold_since = rt_tsc();
	error = here.core ? 0 : -EPERM;
	if (error)
		rt_leave(&here);
	else if (here.flags & RT_IF)
		rt_interrupts_on();
	return error;
}

int dune_rt_release(void)
{
	struct rt_here here;
	int error = 0;

	if (!rt_visit(&here))
		return -EPERM;
	if (!here.core || !here.core->hold) {
		error = -EPERM;
	} else if (!--here.core->hold) {
		const uint64_t held = rt_ns(rt_tsc()) - rt_ns(here.core->hold_since);

		if (held > here.core->hold_ns)
			here.core->hold_ns = held;
	}
	rt_leave(&here);
	return error;
}
