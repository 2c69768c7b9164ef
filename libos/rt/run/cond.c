// SPDX-License-Identifier: MIT
/* Condition variables: who is woken goes on to wait for the mutex, without running in between. */
#include <errno.h>

#include "mutex.h"

struct rt_cond {
	struct rt_waiters waiters;
};

_Static_assert(sizeof(struct rt_cond) <= sizeof(struct dune_rt_cond), "it fits");

int dune_rt_cond_wait(struct dune_rt_cond *public, struct dune_rt_mutex *with, uint64_t when)
{
	struct rt_cond *cond = (struct rt_cond *)public;
	struct rt_mutex *mutex = (struct rt_mutex *)with;
	struct rt_here here;
	int error;

	if (!rt_visit(&here))
		return -EPERM;
	error = rt_may_block(&here);
	if (error)
		goto leave;
	rt_lock(&rt.wait_lock);
	if (mutex->owner != here.me) {
		error = -EPERM;
		rt_unlock(&rt.wait_lock);
		goto leave;
	}
	here.me->returns = mutex;
	rt_wait_on(here.me, &cond->waiters, RT_WAITS_COND);
	if (when)
		rt_alarm_set(here.core, here.me, when);
	rt_mutex_pass(&here, mutex);
	error = rt_block(&here);
leave:
	rt_leave(&here);
	return error;
}

static bool wake_one(struct rt_here *here, struct rt_cond *cond)
{
	struct rt_thread *thread = rt_wait_first(&cond->waiters);

	if (!thread)
		return false;
	rt_wait_off(thread);
	rt_mutex_return(here, thread->returns, thread, 0);
	return true;
}

static int wake(struct dune_rt_cond *public, bool all)
{
	struct rt_here here;

	if (!rt_visit(&here))
		return -ESRCH;
	rt_lock(&rt.wait_lock);
	while (wake_one(&here, (struct rt_cond *)public) && all)
		;
	rt_unlock(&rt.wait_lock);
	rt_leave(&here);
	return 0;
}

int dune_rt_cond_signal(struct dune_rt_cond *cond)
{
	return wake(cond, false);
}

int dune_rt_cond_broadcast(struct dune_rt_cond *cond)
{
	return wake(cond, true);
}
