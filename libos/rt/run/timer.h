/* SPDX-License-Identifier: MIT */
/* When a busy core is to be interrupted: at the end of a quantum, or for the first alarm. */
#ifndef RT_RUN_TIMER_H
#define RT_RUN_TIMER_H

#include <dune/timer.h>

#include "runtime.h"

static inline void rt_timer_at(struct rt_core *core, uint64_t tsc)
{
	if (tsc == core->aimed)
		return;
	core->aimed = tsc;
	dune_timer_set(tsc);
}

static inline void rt_timer_aim(struct rt_core *core)
{
	const uint64_t alarm = __atomic_load_n(&core->alarm_at, __ATOMIC_RELAXED);
	/*
	 * Nor is there a hurry while a section is open, whose end asks: an interrupt for what is
	 * past already would come again before the next instruction, for ever.
	 */
	const uint64_t slice = core->lapsed || core->hold ? RT_NEVER : core->slice_end;

	if (rt.timed)
		rt_timer_at(core, alarm < slice ? alarm : slice);
}

/* An idle core looks at the clock itself. */
static inline void rt_timer_off(struct rt_core *core)
{
	if (rt.timed)
		rt_timer_at(core, RT_NEVER);
}

#endif
