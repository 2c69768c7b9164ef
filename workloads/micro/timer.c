// SPDX-License-Identifier: MIT
/*
 * What a timer that interrupts a loop again and again takes away from it: the time of a number
 * of turns in which so many interrupts come, less the time of as many turns without.
 */
#include <stdio.h>

#include "micro/area.h"
#include "micro/groups.h"

static volatile uint64_t expired;

void timer_expired(void)
{
	expired++;
}

/* Until it expired so often, or so many turns are done: the turns. */
static __attribute__((noinline)) uint64_t spin(uint64_t often, uint64_t most)
{
	uint64_t end = expired + often, turns;

	for (turns = 0; turns < most && expired < end; turns++)
		;
	return turns;
}

void group_timer(const struct plan *plan, const char *who, timer_run_fn run)
{
	struct series s = { plan->batches, plan->iterations, { 0 }, { 0 } };
	char name[40];
	unsigned int b;

	snprintf(name, sizeof(name), "%s.timer", who);
	if (!series_wanted(plan, name))
		return;
	for (b = 0; b <= s.batches; b++) {
		uint64_t start, ticks, turns;

		run(true);
		spin(1, ~0ull); /* from one to the last, so many later */
		start = ticks_read();
		turns = spin(s.iterations, ~0ull);
		ticks = ticks_read() - start;
		run(false);
		start = ticks_read();
		spin(~0ull - expired, turns);
		if (b) {
			s.ticks[b - 1] = ticks;
			s.empty[b - 1] = ticks_read() - start;
		}
	}
	series_print(name, &s);
}
