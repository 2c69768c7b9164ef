// SPDX-License-Identifier: MIT
/* Making a task: what it may ask for, and its first registers. */
#include <errno.h>

#include "runtime.h"

#define PAGE 4096ull
#define STACK_MIN 0x4000ull /* an interrupt's frame with all vector registers, and some */
#define STACK_MAX (1ull << 30)
#define MXCSR 0x1f80
#define FCW 0x37f

static const struct dune_rt_attr plain = { .version = DUNE_RT_VERSION, .size = sizeof(plain) };

static bool is_fine(const struct dune_rt_attr *attr)
{
	const bool asks = attr->cost || attr->within || attr->period;

	return attr->version == DUNE_RT_VERSION && attr->size == sizeof(*attr) &&
	       !(attr->flags & ~DUNE_RT_DETACHED) && !attr->unused &&
	       attr->task_class < rt.params.classes && attr->priority < RT_PRIORITIES &&
	       (!asks || (rt.policy->admit && attr->cost && attr->within && attr->period)) &&
	       (!attr->stack || (attr->stack >= STACK_MIN && attr->stack <= STACK_MAX));
}

/* Flows of tasks that have none go round all home cores. */
static uint32_t next_flow(void)
{
	return __atomic_fetch_add(&rt.flows, 0x9e3779b9u, __ATOMIC_RELAXED);
}

static void fill(struct rt_thread *thread, const struct dune_rt_attr *attr)
{
	unsigned int i;

	thread->task = (struct rt_task){
		.flow = attr->flow ? attr->flow : next_flow(),
		.class = attr->task_class,
		.priority = attr->priority,
		.deadline = attr->deadline ? attr->deadline : RT_FOREVER,
		.size = attr->size_hint,
	};
	thread->base_priority = thread->task.priority;
	thread->base_deadline = thread->task.deadline;
	thread->detached = attr->flags & DUNE_RT_DETACHED;
	thread->demand = (struct rt_demand){ attr->cost, attr->within, attr->period };
	thread->joiner = NULL;
	thread->queue = NULL;
	thread->held = thread->awaits = thread->returns = NULL;
	thread->alarm_core = RT_NO_CORE;
	for (i = 0; attr->name && attr->name[i] && i < sizeof(thread->name) - 1; i++)
		thread->name[i] = attr->name[i];
	thread->name[i] = '\0';
}

/* What rt_switch() takes from a thread and its stack: registers, where to go on. */
static void first_frame(struct rt_thread *thread)
{
	uint64_t *top = (uint64_t *)(thread->stack + thread->stack_size);

	*--top = 0;
	*--top = 0; /* a call aligns its stack to 16 */
	*--top = (uint64_t)rt_thread_entry;
	*--top = 0; /* rbp */
	*--top = (uint64_t)thread; /* r12 */
	*--top = 0;
	*--top = 0;
	*--top = 0;
	thread->sp = top;
	thread->mxcsr = MXCSR;
	thread->fcw = FCW;
}

static const char *admit(const struct rt_demand *demand)
{
	const char *wrong;
	struct rt_here here;

	if (!demand->cost)
		return NULL;
	rt_enter(&here);
	rt_lock(rt_policy_lock(0));
	wrong = rt.policy->admit(rt.state, demand);
	rt_unlock(rt_policy_lock(0));
	rt_leave(&here);
	return wrong;
}

static void give_back(struct rt_thread *thread)
{
	struct rt_here here;
	bool outside;

	rt_enter(&here);
	rt_lock(&rt.wait_lock);
	rt_thread_release(thread);
	outside = rt_gone(false);
	rt_unlock(&rt.wait_lock);
	if (outside)
		rt_outside_wake();
	rt_leave(&here);
}

int dune_rt_spawn(dune_rt_task *task, void *(*run)(void *), void *arg,
		  const struct dune_rt_attr *attr)
{
	struct rt_thread *thread;
	const char *wrong;
	struct rt_here here;
	uint64_t size;
	int error;

	if (!rt_running())
		return -ESRCH;
	attr = attr ? attr : &plain;
	error = run ? rt_thread_take(&thread) : -EINVAL;
	if (error)
		return error;
	/* From here on the runtime stays, and what it allows. */
	if (!is_fine(attr)) {
		give_back(thread);
		return -EINVAL;
	}
	while (__atomic_load_n(&thread->leaving, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
	size = ((attr->stack ? attr->stack : rt.stack_size) + PAGE - 1) & ~(PAGE - 1);
	if (rt_stack_get(thread, size)) {
		give_back(thread);
		return -ENOMEM;
	}
	fill(thread, attr);
	thread->run = run;
	thread->arg = arg;
	first_frame(thread);
	wrong = admit(&thread->demand);
	if (wrong) {
		if (attr->why)
			*attr->why = wrong;
		give_back(thread);
		return -EDQUOT;
	}
	if (task)
		*task = thread->id; /* before it runs, which may need it */
	rt_enter(&here);
	rt_ready(&here, thread, RT_NEW);
	rt_leave(&here);
	return 0;
}
