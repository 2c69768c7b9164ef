// SPDX-License-Identifier: MIT
/* Mutexes: handed from holder to holder, so that who waits is served in order. */
#include <errno.h>

#include "mutex.h"

static struct rt_mutex *inside(struct dune_rt_mutex *mutex)
{
	return (struct rt_mutex *)mutex;
}

static void take(struct rt_mutex *mutex, struct rt_thread *thread)
{
	mutex->owner = thread;
	mutex->prev = NULL;
	mutex->next = thread->held;
	if (thread->held)
		thread->held->prev = mutex;
	thread->held = mutex;
}

static void drop(struct rt_mutex *mutex)
{
	if (mutex->prev)
		mutex->prev->next = mutex->next;
	else
		mutex->owner->held = mutex->next;
	if (mutex->next)
		mutex->next->prev = mutex->prev;
	mutex->owner = NULL;
}

/* Whoever takes it is told, once. */
static int state(struct rt_mutex *mutex)
{
	const bool abandoned = mutex->abandoned;

	mutex->abandoned = 0;
	return abandoned ? -EOWNERDEAD : 0;
}

void rt_mutex_pass(struct rt_here *here, struct rt_mutex *mutex)
{
	struct rt_thread *before = mutex->owner, *thread = rt_wait_first(&mutex->waiters);
	int outcome;

	drop(mutex);
	if (thread) {
		outcome = state(mutex);
		take(mutex, thread);
		thread->awaits = NULL;
		/* A timeout of the condition it comes from is what it hears of. */
		rt_wake(here, thread, outcome ? outcome : thread->outcome);
		rt_inherit(here, thread);
	}
	rt_inherit(here, before);
}

void rt_mutex_return(struct rt_here *here, struct rt_mutex *mutex, struct rt_thread *thread,
		     int outcome)
{
	thread->outcome = outcome;
	thread->returns = NULL;
	if (mutex->owner) {
		thread->awaits = mutex;
		rt_wait_on(thread, &mutex->waiters, RT_WAITS_OTHER);
		rt_inherit(here, mutex->owner);
		return;
	}
	take(mutex, thread);
	rt_wake(here, thread, mutex->abandoned ? state(mutex) : outcome);
}

void rt_mutexes_abandon(struct rt_here *here, struct rt_thread *thread)
{
	while (thread->held) {
		thread->held->abandoned = 1;
		rt_mutex_pass(here, thread->held);
	}
}

/* Whether the owner waits, over any number of others, for the thread itself. */
static bool circle(const struct rt_mutex *mutex, const struct rt_thread *thread)
{
	const struct rt_thread *owner;
	uint32_t n = 0;

	/* A condition's return may have closed a circle of others: that is no way either. */
	for (owner = mutex->owner; owner; owner = owner->awaits ? owner->awaits->owner : NULL)
		if (owner == thread || n++ > rt.threads_made)
			return true;
	return false;
}

int dune_rt_mutex_init(struct dune_rt_mutex *mutex, uint32_t flags)
{
	if (flags & ~DUNE_RT_PLAIN)
		return -EINVAL;
	*inside(mutex) = (struct rt_mutex){ .flags = flags };
	return 0;
}

int dune_rt_mutex_lock(struct dune_rt_mutex *public)
{
	struct rt_mutex *mutex = inside(public);
	struct rt_here here;
	int error;

	if (!rt_visit(&here))
		return -EPERM;
	error = rt_may_block(&here);
	if (error)
		goto leave;
	rt_lock(&rt.wait_lock);
	if (!mutex->owner) {
		take(mutex, here.me);
		error = state(mutex);
		rt_unlock(&rt.wait_lock);
	} else if (circle(mutex, here.me)) {
		error = -EDEADLK;
		rt_unlock(&rt.wait_lock);
	} else {
		here.me->awaits = mutex;
		here.me->outcome = 0;
		rt_wait_on(here.me, &mutex->waiters, RT_WAITS_OTHER);
		rt_inherit(&here, mutex->owner);
		error = rt_block(&here);
	}
leave:
	rt_leave(&here);
	return error;
}

int dune_rt_mutex_trylock(struct dune_rt_mutex *public)
{
	struct rt_mutex *mutex = inside(public);
	struct rt_here here;
	int error = -EPERM;

	if (!rt_visit(&here))
		return -EPERM;
	if (here.core) {
		rt_lock(&rt.wait_lock);
		error = mutex->owner ? -EBUSY : 0;
		if (!error) {
			take(mutex, here.me);
			error = state(mutex);
		}
		rt_unlock(&rt.wait_lock);
	}
	rt_leave(&here);
	return error;
}

int dune_rt_mutex_unlock(struct dune_rt_mutex *public)
{
	struct rt_mutex *mutex = inside(public);
	struct rt_here here;
	int error = -EPERM;

	if (!rt_visit(&here))
		return -EPERM;
	if (here.core) {
		rt_lock(&rt.wait_lock);
		if (mutex->owner == here.me) {
			error = 0;
			rt_mutex_pass(&here, mutex);
		}
		rt_unlock(&rt.wait_lock);
	}
	rt_leave(&here);
	return error;
}
