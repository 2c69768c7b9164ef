// SPDX-License-Identifier: MIT
/* The way into a call of the runtime, from a task or from outside, and the way out. */
#include <errno.h>

#include <dune/interrupt.h>

#include "../../src/section.h"
#include "runtime.h"
#include "timer.h"

__thread struct rt_core *rt_core_self;

bool rt_running(void)
{
	return __atomic_load_n(&rt.running, __ATOMIC_SEQ_CST);
}

void rt_enter(struct rt_here *here)
{
	here->flags = ring0_here() ? rt_interrupts_off() : 0;
	here->core = rt_core_here();
	here->me = here->core ? here->core->current : NULL;
	here->kicks = 0;
	if (!here->core)
		__atomic_fetch_add(&rt_outer.visitors, 1, __ATOMIC_SEQ_CST);
}

bool rt_visit(struct rt_here *here)
{
	/* Who comes when it is being stopped does not keep it. */
	if (!rt_core_here() && !rt_running())
		return false;
	rt_enter(here);
	/* Either this sees that it is being stopped, or who stops it sees a visitor. */
	if (here->core || rt_running())
		return true;
	rt_leave(here);
	return false;
}

void rt_send(struct rt_here *here)
{
	while (here->kicks) {
		const uint32_t target = (uint32_t)__builtin_ctzll(here->kicks);

		here->kicks &= here->kicks - 1;
		if (here->core && here->core->index == target) {
			here->core->resched = true;
			continue;
		}
		if (here->core)
			here->core->sends++;
		dune_interrupt_send(rt.core[target].tid, rt.vector);
	}
}

void rt_leave(struct rt_here *here)
{
	struct rt_core *core = here->core;

	if (here->kicks)
		rt_send(here);
	if (!core)
		__atomic_fetch_sub(&rt_outer.visitors, 1, __ATOMIC_SEQ_CST);
	else if (core->resched && !core->hold && here->flags & RT_IF) {
		core->resched = false;
		if (here->me != &core->idle) {
			if (rt_must_go(core, rt_tsc()))
				rt_give_way(here, RT_PREEMPTED);
			else /* while the section was open, no end of a quantum was awaited */
				rt_timer_aim(core);
		}
	}
	if (here->flags & RT_IF)
		rt_interrupts_on();
}

int rt_may_block(const struct rt_here *here)
{
	if (!here->core)
		return -EPERM;
	return here->core->hold || !(here->flags & RT_IF) ? -EDEADLK : 0;
}
