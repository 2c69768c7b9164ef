// SPDX-License-Identifier: MIT
/* A task's end, and those who wait for it. */
#include <errno.h>
#include <linux/futex.h>

#include "../../src/raw.h"
#include "mutex.h"

void rt_outside_wait(uint32_t seen)
{
	__atomic_fetch_add(&rt_outer.waiting, 1, __ATOMIC_SEQ_CST);
	raw_syscall6(SYS_futex, (long)&rt_outer.ended, FUTEX_WAIT_PRIVATE, seen, 0, 0, 0);
	__atomic_fetch_sub(&rt_outer.waiting, 1, __ATOMIC_SEQ_CST);
}

void rt_outside_wake(void)
{
	raw_syscall3(SYS_futex, (long)&rt_outer.ended, FUTEX_WAKE_PRIVATE, INT32_MAX);
}

bool rt_gone(bool asked)
{
	const bool last = __atomic_sub_fetch(&rt.live, 1, __ATOMIC_SEQ_CST) == 0;

	__atomic_fetch_add(&rt_outer.ended, 1, __ATOMIC_SEQ_CST);
	return (last || asked) && __atomic_load_n(&rt_outer.waiting, __ATOMIC_SEQ_CST);
}

/* With the wait lock held. Whether somebody outside wants to know. */
static bool tell(struct rt_here *here, struct rt_thread *me)
{
	const bool asked = me->joiner == RT_OUTSIDE;

	if (me->joiner && !asked) {
		me->joiner->result = me->result;
		rt_wake(here, me->joiner, 0);
	}
	if (me->detached || (me->joiner && !asked))
		rt_thread_release(me);
	return rt_gone(asked);
}

static _Noreturn void end(struct rt_here *here, void *result)
{
	struct rt_thread *me = here->me;
	bool outside;

	here->core->hold = 0;
	if (me->demand.cost) {
		rt_lock(rt_policy_lock(0));
		rt.policy->release(rt.state, &me->demand);
		rt_unlock(rt_policy_lock(0));
	}
	rt_lock(&rt.wait_lock);
	rt_mutexes_abandon(here, me);
	me->result = result;
	rt_stopped(here, RT_DONE);
	outside = tell(here, me);
	rt_unlock(&rt.wait_lock);
	/* Its stack is in use until it is left, and so is not given to another. */
	if (outside)
		rt_outside_wake();
	rt_go(here);
	__builtin_trap();
}

void rt_thread_main(struct rt_thread *thread)
{
	struct rt_here here;
	void *result;

	rt_interrupts_on();
	result = thread->run(thread->arg);
	rt_enter(&here);
	end(&here, result);
}

int dune_rt_exit(void *result)
{
	struct rt_here here;
	int error;

	if (!rt_visit(&here))
		return -EPERM;
	error = rt_may_block(&here);
	if (!error)
		end(&here, result);
	rt_leave(&here);
	return error;
}

/* Of a task that others may wait for: it, or NULL and the error. */
static struct rt_thread *joinable(const struct rt_here *here, dune_rt_task task, int *error)
{
	struct rt_thread *thread = rt_running() ? rt_thread_find(task) : NULL;

	*error = !thread			     ? -ESRCH :
		 thread == here->me		     ? -EDEADLK :
		 thread->detached || thread->joiner ? -EINVAL :
						       0;
	return *error ? NULL : thread;
}

/* It counts as live until it has the result: nobody stops the runtime before. */
static int join_outside(struct rt_thread *thread, void **result)
{
	struct rt_here here;
	uint32_t seen;
	bool ended, outside = false;

	for (;;) {
		seen = __atomic_load_n(&rt_outer.ended, __ATOMIC_SEQ_CST);
		rt_enter(&here);
		rt_lock(&rt.wait_lock);
		ended = thread->state == RT_ENDED;
		if (ended) {
			*result = thread->result;
			rt_thread_release(thread);
			outside = rt_gone(false);
		}
		rt_unlock(&rt.wait_lock);
		if (outside)
			rt_outside_wake();
		rt_leave(&here);
		if (ended)
			return 0;
		rt_outside_wait(seen);
	}
}

int dune_rt_join(dune_rt_task task, void **result)
{
	struct rt_thread *thread;
	struct rt_here here;
	void *got = NULL;
	int error;

	if (!rt_visit(&here))
		return -ESRCH;
	error = here.core ? rt_may_block(&here) : 0;
	if (error)
		goto leave;
	rt_lock(&rt.wait_lock);
	thread = joinable(&here, task, &error);
	if (!thread) {
		rt_unlock(&rt.wait_lock);
	} else if (!here.core) {
		thread->joiner = RT_OUTSIDE;
		__atomic_fetch_add(&rt.live, 1, __ATOMIC_SEQ_CST);
		rt_unlock(&rt.wait_lock);
		rt_leave(&here);
		error = join_outside(thread, &got);
		goto got;
	} else if (thread->state == RT_ENDED) {
		got = thread->result;
		rt_thread_release(thread);
		rt_unlock(&rt.wait_lock);
	} else {
		thread->joiner = here.me;
		rt_wait_on(here.me, NULL, RT_WAITS_OTHER);
		error = rt_block(&here);
		got = here.me->result;
	}
leave:
	rt_leave(&here);
got:
	if (!error && result)
		*result = got;
	return error;
}

int dune_rt_detach(dune_rt_task task)
{
	struct rt_thread *thread;
	struct rt_here here;
	int error;

	if (!rt_visit(&here))
		return -ESRCH;
	rt_lock(&rt.wait_lock);
	thread = joinable(&here, task, &error);
	if (error == -EDEADLK) { /* itself: why not */
		thread = here.me;
		error = thread->detached || thread->joiner ? -EINVAL : 0;
	}
	if (!error) {
		thread->detached = true;
		if (thread->state == RT_ENDED)
			rt_thread_release(thread);
	}
	rt_unlock(&rt.wait_lock);
	rt_leave(&here);
	return error;
}
