// SPDX-License-Identifier: MIT
/* Distributed first come, first served: a queue for each core, flows never move. */
#include "policies.h"
#include "queue.h"

struct dfcfs_core {
	_Alignas(RT_LINE) struct rt_queue ready;
};

struct dfcfs {
	uint32_t cores;
	struct dfcfs_core core[];
};

static const char *init(void *state, const struct rt_params *params)
{
	struct dfcfs *fcfs = state;

	fcfs->cores = params->cores;
	return NULL;
}

static uint32_t place(void *state, const struct rt_task *task)
{
	struct dfcfs *fcfs = state;

	return rt_home(task, fcfs->cores);
}

static void enqueue(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
		    uint64_t now)
{
	struct dfcfs *fcfs = state;

	rt_queue_push(&fcfs->core[core].ready, task);
}

static struct rt_task *pick(void *state, uint32_t core, uint64_t now)
{
	struct dfcfs *fcfs = state;

	return rt_queue_pop(&fcfs->core[core].ready);
}

static void remove(void *state, uint32_t core, struct rt_task *task)
{
	struct dfcfs *fcfs = state;

	rt_queue_remove(&fcfs->core[core].ready, task);
}

const struct rt_policy rt_dfcfs = {
	.name = "dfcfs",
	.summary = "a queue per core, flows stay on theirs, first come first served",
	.flags = 0,
	.locking = RT_LOCK_CORE,
	.bytes = sizeof(struct dfcfs),
	.bytes_per_core = sizeof(struct dfcfs_core),
	.init = init,
	.place = place,
	.enqueue = enqueue,
	.pick = pick,
	.remove = remove,
};
