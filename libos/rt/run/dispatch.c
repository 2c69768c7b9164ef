// SPDX-License-Identifier: MIT
/* A core's loop: whom the policy picks, and what to do when it picks nobody. */
#include <sched.h>

#include <dune/interrupt.h>

#include "../../src/raw.h"
#include "runtime.h"
#include "timer.h"

#define POLLS 32	/* looks at the word between looks at the clock */
#define PATIENCE 64	/* of those, before a core with DUNE_RT_SHARED yields to Linux */

void rt_service_ends(struct rt_thread *thread, uint64_t tsc)
{
	/* After an interrupt it may have had less than that takes. */
	if (tsc > thread->since)
		thread->task.ran += rt_ns(tsc) - rt_ns(thread->since);
}

/* With the policy's lock held: what it was told before, it knows now. */
static void asked(const struct rt_core *core)
{
	const uint64_t bit = 1ull << core->index;

	if (rt.told & bit)
		rt.told &= ~bit;
}

static struct rt_task *pick(struct rt_core *core, uint64_t now)
{
	const struct rt_policy *policy = rt.policy;
	struct rt_ticket *lock = rt_policy_lock(core->index);
	struct rt_task *task;

	rt_lock(lock);
	asked(core);
	task = policy->pick(rt.state, core->index, now);
	if (task)
		rt_thread_of(task)->state = RT_RUNNING;
	rt_unlock(lock);
	return task;
}

static struct rt_task *steal(struct rt_core *core, uint64_t now)
{
	struct rt_task *task = NULL;
	uint32_t i, victim = core->index;

	for (i = 1; i < rt.cores && !task; i++) {
		struct rt_ticket *lock;

		victim = victim + 1 < rt.cores ? victim + 1 : 0;
		lock = rt_policy_lock(victim);
		rt_lock(lock);
		task = rt.policy->steal(rt.state, core->index, victim, now);
		if (task)
			rt_thread_of(task)->state = RT_RUNNING;
		rt_unlock(lock);
	}
	core->counters->steals += task != NULL;
	return task;
}

static struct rt_thread *next(struct rt_core *core, uint64_t now)
{
	struct rt_task *task = pick(core, now);

	if (!task && rt.policy->steal)
		task = steal(core, now);
	return rt_thread_of(task);
}

/* A dispatch that is no short yield, for who looks at both: in this order. */
static void count(struct rt_core *core)
{
	uint64_t *dispatches = &core->counters->dispatches;

	__atomic_store_n(&core->begins, core->begins + 1, __ATOMIC_RELEASE);
	__atomic_store_n(dispatches, *dispatches + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&core->begins, core->begins + 1, __ATOMIC_RELEASE);
}

/* to is on this core from now on: its quantum begins. */
static void begin(struct rt_core *core, struct rt_thread *to, uint64_t tsc)
{
	core->current = to;
	rt_service_begins(to, tsc);
	count(core);
	if (rt.policy->quantum) {
		const uint64_t ns = rt.policy->quantum(rt.state, core->index, &to->task);
		const uint64_t bit = 1ull << core->index;

		if (ns != core->slice_ns) {
			core->slice_ns = ns;
			core->slice = rt_ticks(ns);
		}
		core->slice_end = tsc + core->slice;
		core->lapsed = false;
		/* Only this core sets it. */
		if (__atomic_load_n(&rt.lapsed, __ATOMIC_SEQ_CST) & bit)
			__atomic_fetch_and(&rt.lapsed, ~bit, __ATOMIC_SEQ_CST);
	}
	rt_timer_aim(core);
}

static void change(struct rt_here *here, struct rt_thread *to, uint64_t tsc)
{
	struct rt_thread *me = here->core->current;

	if (to != &here->core->idle) {
		begin(here->core, to, tsc);
	} else {
		here->core->current = to;
		rt_timer_off(here->core);
	}
	if (to != me) {
		rt_switch(me, to);
		here->core = rt_core_here();
	} else {
		me->leaving = 0;
	}
}

/* What is due and what others are to be told, before the core goes on. Returns the TSC. */
static uint64_t settle(struct rt_here *here)
{
	const uint64_t tsc = rt_tsc();

	if (tsc >= here->core->alarm_at)
		rt_alarms_ring(here, tsc);
	if (here->kicks)
		rt_send(here);
	return tsc;
}

/* Nobody reads the time where a policy knows none. */
static uint64_t now_at(uint64_t tsc)
{
	return rt.counts ? rt_ns(tsc) : 0;
}

/* With the lock of me's queue, which it gives back: me is ready again; who runs then, or NULL. */
static inline struct rt_thread *rejoin(struct rt_core *core, struct rt_ticket *lock,
				       uint32_t queue, enum rt_why why, uint64_t now)
{
	const struct rt_policy *policy = rt.policy;
	struct rt_thread *me = core->current, *to = NULL;

	if (policy->stopped)
		policy->stopped(rt.state, core->index, &me->task, why, now);
	me->leaving = 1;
	me->state = RT_READY;
	policy->enqueue(rt.state, queue, &me->task, why, now);
	if (queue == core->index || policy->locking == RT_LOCK_ALL) {
		asked(core);
		to = rt_thread_of(policy->pick(rt.state, core->index, now));
		if (to)
			to->state = RT_RUNNING;
	}
	rt_unlock(lock);
	return to;
}

/* rejoin() gave to. */
static inline void pass(struct rt_here *here, struct rt_thread *to, uint32_t queue, uint64_t now,
			uint64_t tsc)
{
	struct rt_core *core = here->core;

	if (!to)
		to = next(core, now);
	if (to != core->current && __atomic_load_n(&rt.idle, __ATOMIC_SEQ_CST))
		rt_wake_idle(queue);
	change(here, to ? to : &core->idle, tsc);
}

void rt_give_way(struct rt_here *here, enum rt_why why)
{
	const struct rt_policy *policy = rt.policy;
	struct rt_core *core = here->core;
	struct rt_thread *me = core->current;
	const uint64_t tsc = settle(here), now = now_at(tsc);
	const uint32_t queue = policy->place ? policy->place(rt.state, &me->task) : 0;
	struct rt_ticket *lock = rt_policy_lock(queue);

	core->resched = false;
	*(why == RT_YIELDED ? &core->yields : &core->counters->preemptions) += 1;
	if (rt.counts)
		rt_service_ends(me, tsc);
	rt_lock(lock);
	pass(here, rejoin(core, lock, queue, why, now), queue, now, tsc);
}

void rt_stopped(struct rt_here *here, enum rt_why why)
{
	const struct rt_policy *policy = rt.policy;
	struct rt_core *core = here->core;
	struct rt_thread *me = core->current;
	struct rt_ticket *lock = rt_policy_lock(core->index);
	const uint64_t tsc = rt_tsc();

	rt_service_ends(me, tsc);
	rt_lock(lock);
	me->leaving = 1;
	me->state = why == RT_DONE ? RT_ENDED : RT_WAITING;
	if (policy->stopped)
		policy->stopped(rt.state, core->index, &me->task, why, rt_ns(tsc));
	rt_unlock(lock);
}

void rt_go(struct rt_here *here)
{
	struct rt_core *core = here->core;
	const uint64_t tsc = settle(here);
	struct rt_thread *to = next(core, rt_ns(tsc));

	core->resched = false;
	change(here, to ? to : &core->idle, tsc);
}

/* Whether to ask. A quantum is not cut short because a timer was for something else. */
static inline bool may_have_to(const struct rt_policy *policy, bool over)
{
	return policy->yields && (!policy->quantum || over || policy->preempts);
}

/* With the policy's lock. */
static inline bool has_to(struct rt_core *core, bool over, uint64_t now)
{
	if (rt.policy->yields(rt.state, core->index, &core->current->task, now)) {
		core->lapsed = false;
		return true;
	}
	asked(core);
	/* Said under the lock: who enqueues next sees it. */
	core->lapsed = over;
	if (over)
		__atomic_fetch_or(&rt.lapsed, 1ull << core->index, __ATOMIC_SEQ_CST);
	return false;
}

bool rt_must_go(struct rt_core *core, uint64_t tsc)
{
	struct rt_ticket *lock = rt_policy_lock(core->index);
	const bool over = tsc >= core->slice_end;
	bool must;

	if (!may_have_to(rt.policy, over))
		return false;
	rt_lock(lock);
	must = has_to(core, over, now_at(tsc));
	rt_unlock(lock);
	return must;
}

bool rt_preempt(struct rt_here *here, uint64_t tsc)
{
	const struct rt_policy *policy = rt.policy;
	struct rt_core *core = here->core;
	struct rt_thread *me = core->current, *to;
	struct rt_ticket *lock = &rt.policy_lock[0].lock;
	const bool over = tsc >= core->slice_end;
	const uint64_t now = now_at(tsc);
	uint32_t queue;

	if (!may_have_to(policy, over))
		return false;
	if (policy->locking != RT_LOCK_ALL) {
		if (!rt_must_go(core, tsc))
			return false;
		me->since += core->toll + rt_tsc() - tsc;
		rt_give_way(here, RT_PREEMPTED);
		return true;
	}
	/* Both questions under the one lock. */
	queue = policy->place ? policy->place(rt.state, &me->task) : 0;
	rt_lock(lock);
	if (!has_to(core, over, now)) {
		rt_unlock(lock);
		return false;
	}
	core->resched = false;
	core->counters->preemptions++;
	if (rt.counts) {
		me->since += core->toll;
		rt_service_ends(me, tsc);
	}
	to = rejoin(core, lock, queue, RT_PREEMPTED, now);
	pass(here, to, queue, now, rt_tsc());
	return true;
}

/* Also while it lasts: others look at it. */
static void idle_count(struct rt_core *core, uint64_t *begun, uint64_t tsc)
{
	core->counters->idle_ns += rt_ns(tsc) - rt_ns(*begun);
	*begun = tsc;
}

/* Until there may be something to do. Interrupts are on: they find nobody to preempt. */
static void idle(struct rt_core *core, uint32_t seen, uint64_t *begun)
{
	unsigned int i, rounds = 0;

	rt_interrupts_on();
	while (__atomic_load_n(&core->wake, __ATOMIC_ACQUIRE) == seen &&
	       !__atomic_load_n(&rt.stopping, __ATOMIC_ACQUIRE) && rt_tsc() < core->alarm_at) {
		i = 0;
		while (i++ < POLLS && __atomic_load_n(&core->wake, __ATOMIC_ACQUIRE) == seen)
			;
		__builtin_ia32_pause();
		idle_count(core, begun, rt_tsc());
		if (rt.flags & DUNE_RT_SHARED && ++rounds % PATIENCE == 0)
			raw_syscall3(SYS_sched_yield, 0, 0, 0);
	}
	rt_interrupts_off();
}

/* Of the idle ones; false: somebody else did that, to tell it of work. */
static bool taken_out(uint64_t bit)
{
	return __atomic_fetch_and(&rt.idle, ~bit, __ATOMIC_SEQ_CST) & bit;
}

/*
 * It was told of work that came after its look, and has some: another idle core is to know, or,
 * if that is more urgent, the core's own interrupt asks as soon as the task runs.
 */
static void pass_on(struct rt_core *core)
{
	if (!rt_wake_idle(core->index) && rt.policy->preempts)
		dune_interrupt_send(core->tid, rt.vector);
}

void rt_core_loop(struct rt_core *core)
{
	struct rt_here here = { .core = core, .me = &core->idle };
	const uint64_t bit = 1ull << core->index;
	uint64_t begun = rt_tsc();
	bool was_idle = false; /* it has set its bit since it last had a task */

	core->current = &core->idle;
	rt_interrupts_off();
	for (;;) {
		const uint32_t seen = __atomic_load_n(&core->wake, __ATOMIC_SEQ_CST);
		const uint64_t tsc = settle(&here);
		struct rt_thread *to;

		to = next(core, rt_ns(tsc));
		if (to) {
			if (was_idle && !taken_out(bit) &&
			    __atomic_load_n(&core->wake, __ATOMIC_SEQ_CST) != seen)
				pass_on(core);
			was_idle = false;
			idle_count(core, &begun, tsc);
			begin(core, to, tsc);
			rt_switch(&core->idle, to);
			begun = rt_tsc();
		} else if (__atomic_load_n(&rt.stopping, __ATOMIC_ACQUIRE)) {
			break;
		} else if (!(__atomic_fetch_or(&rt.idle, bit, __ATOMIC_SEQ_CST) & bit)) {
			was_idle = true;
			continue; /* what came before that was told to nobody: look again */
		} else {
			idle(core, seen, &begun);
		}
	}
	idle_count(core, &begun, rt_tsc());
	rt_interrupts_on();
}
