// SPDX-License-Identifier: MIT
/* The table of threads, by number; each place in it keeps its stack for the next one. */
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "runtime.h"

_Static_assert(offsetof(struct rt_thread, sp) == THREAD_SP, "switch.S");
_Static_assert(offsetof(struct rt_thread, leaving) == THREAD_LEAVING, "switch.S");
_Static_assert(offsetof(struct rt_thread, mxcsr) == THREAD_MXCSR, "switch.S");
_Static_assert(offsetof(struct rt_thread, fcw) == THREAD_FCW, "switch.S");
_Static_assert(offsetof(struct rt_thread, state) == THREAD_STATE, "switch.S");
_Static_assert(offsetof(struct rt_thread, task) == 0, "switch.S");
_Static_assert(offsetof(struct rt_core, current) == CORE_CURRENT, "switch.S");
_Static_assert(offsetof(struct rt_core, hold) == CORE_SLOW, "switch.S");
_Static_assert(offsetof(struct rt_core, alarmed) == CORE_SLOW + 7, "switch.S");
_Static_assert(offsetof(struct rt_core, index) == CORE_INDEX, "switch.S");
_Static_assert(offsetof(struct rt_core, counters) == CORE_COUNTERS, "switch.S");
_Static_assert(offsetof(struct rt_core_counters, dispatches) == COUNTERS_DISPATCHES, "switch.S");
_Static_assert(offsetof(struct rt_runtime, state) == RUNTIME_STATE, "switch.S");
_Static_assert(offsetof(struct rt_runtime, rotate) == RUNTIME_ROTATE, "switch.S");
_Static_assert(offsetof(struct rt_runtime, policy_lock) == RUNTIME_LOCK, "switch.S");

int rt_threads_init(uint32_t max)
{
	void *memory = mmap(NULL, max * sizeof(struct rt_thread), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return -ENOMEM;
	rt.threads = memory;
	rt.threads_max = max;
	rt.threads_made = 0;
	rt.free = NULL;
	return 0;
}

void rt_threads_free(void)
{
	rt_stacks_free();
	munmap(rt.threads, rt.threads_max * sizeof(struct rt_thread));
	rt.threads = NULL;
}

int rt_thread_take(struct rt_thread **thread)
{
	struct rt_here here;
	int error = 0;

	if (!rt_visit(&here))
		return -ESRCH;
	rt_lock(&rt.wait_lock);
	if (!rt_running()) {
		error = -ESRCH;
	} else if (rt.free) {
		*thread = rt.free;
		rt.free = (*thread)->next_free;
	} else if (rt.threads_made < rt.threads_max) {
		*thread = &rt.threads[rt.threads_made++];
		(*thread)->id = (1ull << 32) + rt.threads_made;
	} else {
		error = -EAGAIN;
	}
	if (!error)
		__atomic_fetch_add(&rt.live, 1, __ATOMIC_SEQ_CST);
	rt_unlock(&rt.wait_lock);
	rt_leave(&here);
	return error;
}

struct rt_thread *rt_thread_find(dune_rt_task id)
{
	const uint32_t index = (uint32_t)id - 1;

	if (index >= rt.threads_made || rt.threads[index].id != id ||
	    rt.threads[index].state == RT_FREE)
		return NULL;
	return &rt.threads[index];
}

void rt_thread_release(struct rt_thread *thread)
{
	thread->id += 1ull << 32;
	thread->state = RT_FREE;
	thread->next_free = rt.free;
	rt.free = thread;
}
