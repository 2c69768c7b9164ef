// SPDX-License-Identifier: MIT
/* Sleeps and timeouts: a heap per core, which its loop, its dispatches and its timer look at. */
#include <errno.h>

#include "runtime.h"

static struct rt_thread *thread_of(struct rt_task *alarm)
{
	return (struct rt_thread *)((char *)alarm - offsetof(struct rt_thread, alarm));
}

static void first(struct rt_core *core)
{
	__atomic_store_n(&core->alarm_at, core->alarms.root ? core->alarms.root->key : RT_NEVER,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&core->alarmed, core->alarms.root != NULL, __ATOMIC_RELEASE);
}

void rt_alarm_set(struct rt_core *core, struct rt_thread *thread, uint64_t when)
{
	thread->alarm.key = rt_tsc_at(when);
	thread->alarm.seq = thread->id;
	thread->alarm_core = core->index;
	rt_heap_push(&core->alarms, &thread->alarm);
	first(core);
}

void rt_alarm_clear(struct rt_thread *thread)
{
	struct rt_core *core;

	if (thread->alarm_core == RT_NO_CORE)
		return;
	core = &rt.core[thread->alarm_core];
	rt_heap_remove(&core->alarms, &thread->alarm);
	thread->alarm_core = RT_NO_CORE;
	first(core);
}

static void ring(struct rt_here *here, struct rt_thread *thread)
{
	switch (thread->waits) {
	case RT_WAITS_SLEEP:
		rt_wake(here, thread, 0);
		break;
	case RT_WAITS_COND:
		rt_wait_off(thread);
		rt_mutex_return(here, thread->returns, thread, -ETIMEDOUT);
		break;
	default:
		rt_wake(here, thread, -ETIMEDOUT);
	}
}

void rt_alarms_ring(struct rt_here *here, uint64_t tsc)
{
	struct rt_core *core = here->core;
	struct rt_core_counters *counters = core->counters;

	rt_lock(&rt.wait_lock);
	while (core->alarms.root && core->alarms.root->key <= tsc) {
		const uint64_t late = rt_ns(tsc) - rt_ns(core->alarms.root->key);

		counters->timers++;
		if (late > counters->late_ns)
			counters->late_ns = late;
		ring(here, thread_of(core->alarms.root));
	}
	rt_unlock(&rt.wait_lock);
}

int dune_rt_sleep_until(uint64_t when)
{
	struct rt_here here;
	int error;

	if (!rt_visit(&here))
		return -EPERM;
	error = rt_may_block(&here);
	if (!error && rt_tsc() < rt_tsc_at(when)) {
		rt_lock(&rt.wait_lock);
		rt_wait_on(here.me, NULL, RT_WAITS_SLEEP);
		rt_alarm_set(here.core, here.me, when);
		error = rt_block(&here);
	}
	rt_leave(&here);
	return error;
}
