// SPDX-License-Identifier: MIT
/* Priority inheritance: who holds a mutex is as urgent as the most urgent that waits for it. */
#include <errno.h>

#include "mutex.h"

/* What it has of its own and by all mutexes that it holds. */
static void urgency(const struct rt_thread *thread, uint16_t *priority, uint64_t *deadline)
{
	const struct rt_mutex *mutex;
	const struct rt_thread *waiter;

	*priority = thread->base_priority;
	*deadline = thread->base_deadline;
	for (mutex = thread->held; mutex; mutex = mutex->next) {
		if (mutex->flags & DUNE_RT_PLAIN)
			continue;
		for (waiter = mutex->waiters.first; waiter; waiter = waiter->next) {
			if (waiter->task.priority < *priority)
				*priority = waiter->task.priority;
			if (waiter->task.deadline < *deadline)
				*deadline = waiter->task.deadline;
		}
	}
}

void rt_inherit(struct rt_here *here, struct rt_thread *thread)
{
	uint64_t deadline;
	uint16_t priority;

	/* There is no circle: dune_rt_mutex_lock() refuses to close one. */
	for (; rt.ordered && thread; thread = thread->awaits ? thread->awaits->owner : NULL) {
		urgency(thread, &priority, &deadline);
		if (priority == thread->task.priority && deadline == thread->task.deadline)
			return;
		rt_urgency_set(here, thread, priority, deadline);
		if (thread == here->me)
			here->core->resched = true;
	}
}

/* Own urgency: what others lend stays. */
int dune_rt_deadline_set(uint64_t deadline)
{
	struct rt_here here;

	if (!rt_visit(&here))
		return -EPERM;
	if (here.core) {
		rt_lock(&rt.wait_lock);
		here.me->base_deadline = deadline ? deadline : RT_FOREVER;
		rt_inherit(&here, here.me);
		if (!rt.ordered)
			here.me->task.deadline = here.me->base_deadline;
		rt_unlock(&rt.wait_lock);
	}
	rt_leave(&here);
	return here.core ? 0 : -EPERM;
}
