// SPDX-License-Identifier: MIT
/* What an interrupt takes from a task beside its handler: a core's own timer tells. */
#include "runtime.h"
#include "timer.h"

#define TRIES 9
#define FAILURES 12	/* after so many, what the others found is enough */
#define AHEAD_NS 50000u	/* behind the call that sets the timer, if that takes no longer */
#define AHEAD_MOST_NS 3200000u
#define PATIENCE 40u	/* times as long ahead, until it is not waited for any more */

static uint32_t interrupts(const struct rt_core *core)
{
	return (uint32_t)__atomic_load_n(&core->counters->interrupts, __ATOMIC_RELAXED);
}

/*
 * The longest time between two looks at the clock, one of which is interrupted; 0: none was, since
 * the timer rang before the first, or not at all.
 */
static uint64_t once(struct rt_core *core, uint64_t ahead_ns)
{
	const uint32_t before = interrupts(core);
	uint64_t last, now, limit, longest = 0;
	bool came;

	core->aimed = 0;
	rt_timer_at(core, rt_tsc() + rt_ticks(ahead_ns), 0);
	last = rt_tsc();
	if (interrupts(core) != before)
		return 0;
	limit = last + rt_ticks(PATIENCE * ahead_ns);
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
	uint64_t took[TRIES], one, ahead_ns = AHEAD_NS;
	int i, n = 0, failed = 0;

	if (!rt.timed)
		return;
	while (n < TRIES && failed < FAILURES) {
		one = once(core, ahead_ns);
		if (!one) {
			failed++;
			if (ahead_ns < AHEAD_MOST_NS)
				ahead_ns *= 2;
			continue;
		}
		for (i = n; i > 0 && took[i - 1] > one; i--)
			took[i] = took[i - 1];
		took[i] = one;
		n++;
	}
	rt_timer_off(core);
	core->toll = n ? took[n / 2] : 0;
	core->counters->interrupts = 0;
}
