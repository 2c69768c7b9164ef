// SPDX-License-Identifier: MIT
/* A thread becomes ready, or more urgent: who is to run it. */
#include "runtime.h"

/* They are taken out of the mask: one, or all if not each may run everything. */
bool rt_wake_idle(uint32_t queue)
{
	const struct rt_policy *policy = rt.policy;
	uint64_t idle = __atomic_load_n(&rt.idle, __ATOMIC_SEQ_CST), want, told;

	for (;;) {
		want = idle;
		if (policy->locking == RT_LOCK_CORE && (idle >> queue & 1 || !policy->steal))
			want &= 1ull << queue;
		else if (policy->flags & RT_CONSERVES)
			want &= -want;
		if (!want)
			return false;
		/* The word first: who finds its bit gone sees by it whether it looked before. */
		for (told = want; told; told &= told - 1) {
			struct rt_core *core = &rt.core[__builtin_ctzll(told)];

			__atomic_fetch_add(&core->wake, 1, __ATOMIC_SEQ_CST);
		}
		if (__atomic_compare_exchange_n(&rt.idle, &idle, idle & ~want, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			break;
	}
	return true;
}

/* One whose task has had its quantum, and only goes on because nobody was there. */
static uint32_t lapsed_core(void)
{
	uint64_t lapsed = __atomic_load_n(&rt.lapsed, __ATOMIC_SEQ_CST), one;

	do {
		one = lapsed & -lapsed;
		if (!one)
			return RT_NO_CORE;
	} while (!__atomic_compare_exchange_n(&rt.lapsed, &lapsed, lapsed & ~one, false,
					      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	return (uint32_t)__builtin_ctzll(one);
}

/*
 * Whom to interrupt if the policy says core. If that one has yet to go for somebody else, this
 * task may be for any of the others: all ask the policy. With its lock held.
 */
static uint64_t preempted(uint32_t core)
{
	const uint64_t all = ~0ull >> (64 - rt.cores), before = rt.told;

	if (core == RT_NO_CORE)
		return 0;
	rt.told |= before >> core & 1 ? all : 1ull << core;
	return rt.told & ~before;
}

static void enqueue(struct rt_here *here, struct rt_thread *thread, enum rt_why why, uint64_t now)
{
	const struct rt_policy *policy = rt.policy;
	const uint32_t queue = policy->place ? policy->place(rt.state, &thread->task) : 0;
	struct rt_ticket *lock = rt_policy_lock(queue);
	uint64_t kicks = 0;
	uint32_t core;

	rt_lock(lock);
	thread->state = RT_READY;
	policy->enqueue(rt.state, queue, &thread->task, why, now);
	if (!rt_wake_idle(queue)) {
		if (policy->preempts) {
			kicks = preempted(policy->preempts(rt.state, &thread->task, now));
		} else if (policy->quantum) {
			core = lapsed_core();
			kicks = core == RT_NO_CORE ? 0 : 1ull << core;
		}
	}
	rt_unlock(lock);
	here->kicks |= kicks;
}

void rt_ready(struct rt_here *here, struct rt_thread *thread, enum rt_why why)
{
	if (here->core)
		here->core->counters->wakeups++;
	enqueue(here, thread, why, rt_ns(rt_tsc()));
}

void rt_urgency_set(struct rt_here *here, struct rt_thread *thread, uint16_t priority,
		    uint64_t deadline)
{
	/* A policy that knows urgency has one queue. */
	struct rt_ticket *lock = rt_policy_lock(0);
	bool ready;

	rt_lock(lock);
	ready = thread->state == RT_READY;
	if (ready)
		rt.policy->remove(rt.state, 0, &thread->task);
	thread->task.priority = priority;
	thread->task.deadline = deadline;
	if (ready)
		thread->state = RT_WAITING;
	rt_unlock(lock);
	if (ready)
		enqueue(here, thread, RT_PREEMPTED, rt_ns(rt_tsc()));
}
