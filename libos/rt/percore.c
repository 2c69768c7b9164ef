// SPDX-License-Identifier: MIT
/* A queue for each core: what policies without a common queue do alike. */
#include "percore.h"

const char *rt_percore_init(void *state, const struct rt_params *params)
{
	struct rt_percore *all = state;
	uint32_t i;

	all->cores = params->cores;
	for (i = 0; i < params->cores; i++)
		rt_queue_init(&all->core[i].ready);
	return NULL;
}

uint32_t rt_percore_place(void *state, const struct rt_task *task)
{
	struct rt_percore *all = state;

	return rt_home(task, all->cores);
}

void rt_percore_enqueue(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
			uint64_t now)
{
	struct rt_percore *all = state;

	rt_queue_push(&all->core[core].ready, task);
}

struct rt_task *rt_percore_pick(void *state, uint32_t core, uint64_t now)
{
	struct rt_percore *all = state;

	return rt_queue_pop(&all->core[core].ready);
}

void rt_percore_remove(void *state, uint32_t core, struct rt_task *task)
{
	rt_queue_remove(task);
}
