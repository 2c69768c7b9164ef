// SPDX-License-Identifier: MIT
/* Earliest deadline first, preemptive, over all cores; with an admission test. */
#include "admission.h"
#include "heap.h"
#include "policies.h"

struct edf {
	uint32_t cores;
	uint64_t arrived;
	struct rt_heap ready;
	struct rt_task *running[RT_CORES_MAX];
	struct rt_admission admission;
};

static const char *init(void *state, const struct rt_params *params)
{
	struct edf *all = state;

	all->cores = params->cores;
	all->admission.cores = params->cores;
	return NULL;
}

static void enqueue(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
		    uint64_t now)
{
	struct edf *all = state;

	task->key = task->deadline;
	if (why != RT_PREEMPTED)
		task->seq = all->arrived++;
	rt_heap_push(&all->ready, task);
}

static struct rt_task *pick(void *state, uint32_t core, uint64_t now)
{
	struct edf *all = state;
	struct rt_task *task = rt_heap_pop(&all->ready);

	if (task)
		all->running[core] = task;
	return task;
}

static void remove(void *state, uint32_t core, struct rt_task *task)
{
	struct edf *all = state;

	rt_heap_remove(&all->ready, task);
}

static bool yields(void *state, uint32_t core, const struct rt_task *task, uint64_t now)
{
	struct edf *all = state;

	return all->ready.root && all->ready.root->key < task->deadline;
}

static uint32_t preempts(void *state, const struct rt_task *task, uint64_t now)
{
	struct edf *all = state;
	uint64_t latest = task->deadline;
	uint32_t i, core = RT_NO_CORE;

	for (i = 0; i < all->cores; i++) {
		/* Not its key: it may have inherited a deadline since it was picked. */
		if (all->running[i] && all->running[i]->deadline > latest) {
			latest = all->running[i]->deadline;
			core = i;
		}
	}
	return core;
}

static void stopped(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
		    uint64_t now)
{
	struct edf *all = state;

	all->running[core] = NULL;
}

static const char *admit(void *state, const struct rt_demand *demand)
{
	struct edf *all = state;

	return rt_admit(&all->admission, demand);
}

static void release(void *state, const struct rt_demand *demand)
{
	struct edf *all = state;

	rt_release(&all->admission, demand);
}

const struct rt_policy rt_edf = {
	.name = "edf",
	.summary = "earliest deadline first, preemptive; refuses sets it cannot keep",
	.flags = RT_USES_DEADLINE | RT_CONSERVES | RT_TIMELESS,
	.locking = RT_LOCK_ALL,
	.bytes = sizeof(struct edf),
	.init = init,
	.enqueue = enqueue,
	.pick = pick,
	.remove = remove,
	.yields = yields,
	.preempts = preempts,
	.stopped = stopped,
	.admit = admit,
	.release = release,
};
