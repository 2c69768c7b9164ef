// SPDX-License-Identifier: MIT
/* Centralized first come, first served: one queue for all cores, run to completion. */
#include "policies.h"
#include "queue.h"

struct cfcfs {
	struct rt_queue ready;
};

static const char *init(void *state, const struct rt_params *params)
{
	struct cfcfs *fcfs = state;

	rt_queue_init(&fcfs->ready);
	return NULL;
}

static void enqueue(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
		    uint64_t now)
{
	struct cfcfs *fcfs = state;

	rt_queue_push(&fcfs->ready, task);
}

static struct rt_task *pick(void *state, uint32_t core, uint64_t now)
{
	struct cfcfs *fcfs = state;

	return rt_queue_pop(&fcfs->ready);
}

static void remove(void *state, uint32_t core, struct rt_task *task)
{
	rt_queue_remove(task);
}

static struct rt_task *rotate(void *state, uint32_t core, struct rt_task *task)
{
	struct cfcfs *fcfs = state;

	return rt_queue_rotate(&fcfs->ready, task);
}

const struct rt_policy rt_cfcfs = {
	.name = "cfcfs",
	.summary = "one queue for all cores, first come first served, run to completion",
	.flags = RT_CONSERVES | RT_TIMELESS,
	.locking = RT_LOCK_ALL,
	.bytes = sizeof(struct cfcfs),
	.init = init,
	.enqueue = enqueue,
	.pick = pick,
	.remove = remove,
	.rotate = rotate,
};
