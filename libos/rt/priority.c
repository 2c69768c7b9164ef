// SPDX-License-Identifier: MIT
/* Fixed priority, preemptive: the most urgent run, first come first served among equals. */
#include "policies.h"
#include "queue.h"

struct priority {
	uint32_t cores;
	uint64_t waiting;	/* bit p: somebody of priority p is ready */
	uint64_t begun;		/* counts picks, for the age of what runs */
	struct rt_queue ready[RT_PRIORITIES];
	struct rt_task *running[RT_CORES_MAX];
};

static const char *init(void *state, const struct rt_params *params)
{
	struct priority *all = state;
	uint32_t i;

	all->cores = params->cores;
	for (i = 0; i < RT_PRIORITIES; i++)
		rt_queue_init(&all->ready[i]);
	return NULL;
}

static void enqueue(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
		    uint64_t now)
{
	struct priority *all = state;
	struct rt_queue *queue = &all->ready[task->priority];

	/* It was interrupted for others, not for its equals. */
	if (why == RT_PREEMPTED)
		rt_queue_push_front(queue, task);
	else
		rt_queue_push(queue, task);
	all->waiting |= 1ull << task->priority;
}

static void remove(void *state, uint32_t core, struct rt_task *task)
{
	struct priority *all = state;
	struct rt_queue *queue = &all->ready[task->priority];

	rt_queue_remove(task);
	if (rt_queue_empty(queue))
		all->waiting &= ~(1ull << task->priority);
}

static struct rt_task *pick(void *state, uint32_t core, uint64_t now)
{
	struct priority *all = state;
	struct rt_task *task;

	if (!all->waiting)
		return NULL;
	task = rt_queue_first(&all->ready[__builtin_ctzll(all->waiting)]);
	remove(state, core, task);
	task->seq = all->begun++;
	all->running[core] = task;
	return task;
}

static bool yields(void *state, uint32_t core, const struct rt_task *task, uint64_t now)
{
	struct priority *all = state;

	return all->waiting & ((1ull << task->priority) - 1);
}

/* Among the least urgent the one that was picked last: it has lost the least. */
static uint32_t preempts(void *state, const struct rt_task *task, uint64_t now)
{
	struct priority *all = state;
	uint32_t i, least = RT_NO_CORE;

	for (i = 0; i < all->cores; i++) {
		const struct rt_task *a = all->running[i], *b;

		if (!a || a->priority <= task->priority)
			continue;
		b = least == RT_NO_CORE ? NULL : all->running[least];
		if (!b || a->priority > b->priority ||
		    (a->priority == b->priority && a->seq > b->seq))
			least = i;
	}
	return least;
}

static void stopped(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
		    uint64_t now)
{
	struct priority *all = state;

	all->running[core] = NULL;
}

const struct rt_policy rt_priority = {
	.name = "priority",
	.summary = "fixed priority, preemptive, first come first served among equals",
	.flags = RT_USES_PRIORITY | RT_CONSERVES | RT_STARVES | RT_TIMELESS,
	.locking = RT_LOCK_ALL,
	.bytes = sizeof(struct priority),
	.init = init,
	.enqueue = enqueue,
	.pick = pick,
	.remove = remove,
	.yields = yields,
	.preempts = preempts,
	.stopped = stopped,
};
