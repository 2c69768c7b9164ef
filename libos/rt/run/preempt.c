// SPDX-License-Identifier: MIT
/* The runtime's interrupt: of a core's timer, or of another core for a task to run here. */
#include <dune/trap.h>

#include "../../src/section.h"
#include "runtime.h"
#include "timer.h"

/*
 * On the stack of the task that was interrupted, all its registers below it. If that goes on
 * on another core, what the trap's entry knows of its thread is no longer true.
 */
void rt_interrupt(struct dune_trap_frame *frame, void *unused)
{
	struct rt_core *core = rt_core_here();
	struct rt_here here = { .core = core };
	uint64_t tsc;

	(void)unused;
	if (!core)
		return;
	core->counters->interrupts++;
	core->aimed = 0;
	/* An idle core looks at everything itself. */
	if (core->current == &core->idle)
		return;
	tsc = rt_tsc();
	if (tsc >= core->alarm_at)
		rt_alarms_ring(&here, tsc);
	if (here.kicks)
		rt_send(&here);
	/* Calls begin and end with no values on the x87's stack. */
	asm volatile("fninit");
	core->resched = core->hold != 0;
	if (core->hold || !rt_preempt(&here, tsc)) {
		rt_timer_aim(core);
		/* What it takes is no progress of whom it comes to: `ran' is the policy's. */
		if (rt.counts)
			core->current->since += core->toll + rt_tsc() - tsc;
		return;
	}
	if (rt.counts)
		rt_service_begins(here.core->current, rt_tsc());
	if (here.core != core)
		trap_resume(frame, thread_here());
}
