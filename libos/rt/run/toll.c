// SPDX-License-Identifier: MIT
/* What an interrupt takes from a task beside its handler: a core's own timer tells. */
#include "runtime.h"
#include "timer.h"

#define TRIES 9
#define AHEAD_NS 50000u	/* behind the call that sets the timer */
#define PATIENCE_NS 2000000u

static uint32_t interrupts(const struct rt_core *core)
{
	return (uint32_t)__atomic_load_n(&core->counters->interrupts, __ATOMIC_RELAXED);
}

/* The longest time between two looks at the clock, one of which is interrupted; 0: none was. */
static uint64_t once(struct rt_core *core)
{
	const uint32_t before = interrupts(core);
	uint64_t last, now, limit, longest = 0;
	bool came;

	core->aimed = 0;
	rt_timer_at(core, rt_tsc() + rt_ticks(AHEAD_NS), 0);
	last = rt_tsc();
	limit = last + rt_ticks(PATIENCE_NS);
	do {
		came = interrupts(core) != before;
		now = rt_tsc();
		longest = now - last > longest ? now - last : longest;
		last = now;
	} while (!came && now < limit);
	return came ? longest : 0;
}

void rt_toll_measure(struct rt_core *core)
{
	uint64_t took[TRIES], one;
	int i, n;

	if (!rt.timed)
		return;
	for (n = 0; n < TRIES; n++) {
		one = once(core);
		for (i = n; i > 0 && took[i - 1] > one; i--)
			took[i] = took[i - 1];
		took[i] = one;
	}
	rt_timer_off(core);
	core->toll = took[TRIES / 2];
	core->counters->interrupts = 0;
}
