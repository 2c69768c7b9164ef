// SPDX-License-Identifier: MIT
/* Queues of threads that wait, and giving up the core until somebody wakes. */
#include "runtime.h"

void rt_wait_on(struct rt_thread *thread, struct rt_waiters *queue, enum rt_waits waits)
{
	thread->queue = queue;
	thread->waits = waits;
	if (!queue)
		return;
	thread->next = NULL;
	thread->prev = queue->last;
	if (queue->last)
		queue->last->next = thread;
	else
		queue->first = thread;
	queue->last = thread;
}

void rt_wait_off(struct rt_thread *thread)
{
	struct rt_waiters *queue = thread->queue;

	rt_alarm_clear(thread);
	if (!queue)
		return;
	if (thread->prev)
		thread->prev->next = thread->next;
	else
		queue->first = thread->next;
	if (thread->next)
		thread->next->prev = thread->prev;
	else
		queue->last = thread->prev;
	thread->queue = NULL;
}

bool rt_more_urgent(const struct rt_thread *a, const struct rt_thread *b)
{
	if (rt.policy->flags & RT_USES_PRIORITY)
		return a->task.priority < b->task.priority;
	if (rt.policy->flags & RT_USES_DEADLINE)
		return a->task.deadline < b->task.deadline;
	return false;
}

struct rt_thread *rt_wait_first(const struct rt_waiters *queue)
{
	struct rt_thread *best = queue->first, *thread;

	for (thread = best; thread; thread = thread->next)
		if (rt_more_urgent(thread, best))
			best = thread;
	return best;
}

int rt_block(struct rt_here *here)
{
	struct rt_thread *me = here->me;

	rt_stopped(here, RT_BLOCKED);
	rt_unlock(&rt.wait_lock);
	rt_go(here);
	return me->outcome;
}

void rt_wake(struct rt_here *here, struct rt_thread *thread, int outcome)
{
	rt_wait_off(thread);
	thread->outcome = outcome;
	rt_ready(here, thread, RT_WOKEN);
}
