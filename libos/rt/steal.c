// SPDX-License-Identifier: MIT
/* Work stealing: a queue for each core, and a core without work takes the oldest of another's. */
#include "policies.h"
#include "queue.h"

struct steal_core {
	_Alignas(RT_LINE) struct rt_queue ready;
};

struct steal {
	uint32_t cores;
	struct steal_core core[];
};

static const char *init(void *state, const struct rt_params *params)
{
	struct steal *all = state;

	all->cores = params->cores;
	return NULL;
}

static uint32_t place(void *state, const struct rt_task *task)
{
	struct steal *all = state;

	return rt_home(task, all->cores);
}

static void enqueue(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
		    uint64_t now)
{
	struct steal *all = state;

	rt_queue_push(&all->core[core].ready, task);
}

static struct rt_task *pick(void *state, uint32_t core, uint64_t now)
{
	struct steal *all = state;

	return rt_queue_pop(&all->core[core].ready);
}

static void remove(void *state, uint32_t core, struct rt_task *task)
{
	struct steal *all = state;

	rt_queue_remove(&all->core[core].ready, task);
}

/* The oldest, not the youngest: these are requests that wait, not branches of a computation. */
static struct rt_task *steal(void *state, uint32_t core, uint32_t victim, uint64_t now)
{
	struct steal *all = state;

	return rt_queue_pop(&all->core[victim].ready);
}

const struct rt_policy rt_steal = {
	.name = "steal",
	.summary = "a queue per core; a core without work takes the oldest task of another",
	.flags = RT_CONSERVES,
	.locking = RT_LOCK_CORE,
	.bytes = sizeof(struct steal),
	.bytes_per_core = sizeof(struct steal_core),
	.init = init,
	.place = place,
	.enqueue = enqueue,
	.pick = pick,
	.remove = remove,
	.steal = steal,
};
