// SPDX-License-Identifier: MIT
/* The thread's timer: words of its run page. */
#include <errno.h>

#include <dune/timer.h>

#include "live.h"
#include "section.h"

#define FIRST 32
#define LAST 255

static inline struct dune_timer *timer_here(void)
{
	struct dune_thread *thread = thread_here();

	return thread ? &thread->run->timer : NULL;
}

int dune_timer_open(unsigned int vector, uint64_t ahead)
{
	struct dune_timer *timer = timer_here();

	if (!timer)
		return -EPERM;
	if (vector < FIRST || vector > LAST)
		return -EINVAL;
	if (!(dune_process.features & DUNE_FEATURE_TIMER))
		return -ENOTSUP;
	if (trap_expect(vector))
		return -ENOENT;
	live_set(&timer->deadline, DUNE_TIMER_NEVER);
	live_set(&timer->ahead, ahead);
	live_set(&timer->vector, vector);
	live_look();
	return 0;
}

int dune_timer_close(void)
{
	struct dune_timer *timer = timer_here();

	if (!timer)
		return -EPERM;
	live_set(&timer->deadline, DUNE_TIMER_NEVER);
	live_set(&timer->vector, 0);
	return 0;
}

int dune_timer_set_within(uint64_t deadline, uint64_t slack)
{
	struct dune_timer *timer = timer_here();

	if (!timer)
		return -EPERM;
	if (!live_get(&timer->vector))
		return -ENOENT;
	live_timer_set(timer, deadline, slack);
	return 0;
}

int dune_timer_set(uint64_t deadline)
{
	return dune_timer_set_within(deadline, 0);
}

int dune_timer_clear(void)
{
	return dune_timer_set_within(DUNE_TIMER_NEVER, 0);
}

uint64_t dune_timer_get(void)
{
	const struct dune_timer *timer = timer_here();

	return timer && live_get(&timer->vector) ? live_get(&timer->deadline) : DUNE_TIMER_NEVER;
}
