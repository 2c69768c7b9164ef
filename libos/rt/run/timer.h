/* SPDX-License-Identifier: MIT */
/* When a busy core is to be interrupted: at the end of a quantum, or for the first alarm. */
#ifndef RT_RUN_TIMER_H
#define RT_RUN_TIMER_H

#include "../../src/live.h"
#include "runtime.h"

#define RT_WAY 1024u /* ticks, about */
/*
 * A lower bound for all machines: an interrupt of a guest and its handler take 856 instructions
 * where they take least (docs/realtime.md), so a shorter quantum leaves its task next to nothing.
 * A longer one may be too short for a machine all the same.
 */
#define RT_QUANTUM_MIN 900u

/*
 * The module looks again by itself a quantum and this after each interrupt: the next quantum,
 * which begins a little later, then ends without a call to say so. An eighth, or enough for the
 * way from its look to the next task, if that is no more than a quarter.
 */
static inline uint64_t rt_timer_slack(uint64_t quantum)
{
	const uint64_t slack = quantum / 8 > RT_WAY ? quantum / 8 : RT_WAY;

	return slack < quantum / 4 ? slack : quantum / 4;
}

static inline void rt_timer_at(struct rt_core *core, uint64_t tsc, uint64_t slack)
{
	if (tsc == core->aimed)
		return;
	core->aimed = tsc;
	live_timer_set(core->timer, tsc, slack);
}

static inline void rt_timer_aim(struct rt_core *core)
{
	const uint64_t alarm = __atomic_load_n(&core->alarm_at, __ATOMIC_RELAXED);
	/*
	 * Nor is there a hurry while a section is open, whose end asks: an interrupt for what is
	 * past already would come again before the next instruction, for ever.
	 */
	const uint64_t slice = core->lapsed || core->hold ? RT_NEVER : core->slice_end;

	if (!rt.timed)
		return;
	if (alarm <= slice)
		rt_timer_at(core, alarm, 0);
	else
		rt_timer_at(core, slice, alarm - slice < rt.slack ? alarm - slice : rt.slack);
}

/* An idle core looks at the clock itself. */
static inline void rt_timer_off(struct rt_core *core)
{
	if (rt.timed)
		rt_timer_at(core, RT_NEVER, 0);
}

#endif
