// SPDX-License-Identifier: MIT
/* Semaphores: a count, or those who wait for it to be more than none. */
#include <errno.h>

#include "runtime.h"

struct rt_sem {
	uint64_t count;
	struct rt_waiters waiters;
};

_Static_assert(sizeof(struct rt_sem) <= sizeof(struct dune_rt_sem), "it fits");

int dune_rt_sem_init(struct dune_rt_sem *sem, uint32_t count)
{
	if (count > DUNE_RT_SEM_MAX)
		return -EINVAL;
	*(struct rt_sem *)sem = (struct rt_sem){ .count = count };
	return 0;
}

int dune_rt_sem_wait(struct dune_rt_sem *public, uint64_t when)
{
	struct rt_sem *sem = (struct rt_sem *)public;
	struct rt_here here;
	int error;

	if (!rt_visit(&here))
		return -EPERM;
	error = rt_may_block(&here);
	if (error)
		goto leave;
	rt_lock(&rt.wait_lock);
	if (sem->count) {
		sem->count--;
		rt_unlock(&rt.wait_lock);
	} else {
		rt_wait_on(here.me, &sem->waiters, RT_WAITS_SEM);
		if (when)
			rt_alarm_set(here.core, here.me, when);
		error = rt_block(&here);
	}
leave:
	rt_leave(&here);
	return error;
}

int dune_rt_sem_trywait(struct dune_rt_sem *public)
{
	struct rt_sem *sem = (struct rt_sem *)public;
	struct rt_here here;
	int error;

	if (!rt_visit(&here))
		return -ESRCH;
	rt_lock(&rt.wait_lock);
	error = sem->count ? 0 : -EAGAIN;
	if (!error)
		sem->count--;
	rt_unlock(&rt.wait_lock);
	rt_leave(&here);
	return error;
}

int dune_rt_sem_post(struct dune_rt_sem *public)
{
	struct rt_sem *sem = (struct rt_sem *)public;
	struct rt_thread *thread;
	struct rt_here here;
	int error = 0;

	if (!rt_visit(&here))
		return -ESRCH;
	rt_lock(&rt.wait_lock);
	thread = rt_wait_first(&sem->waiters);
	if (thread)
		rt_wake(&here, thread, 0);
	else if (sem->count == DUNE_RT_SEM_MAX)
		error = -EOVERFLOW;
	else
		sem->count++;
	rt_unlock(&rt.wait_lock);
	rt_leave(&here);
	return error;
}
