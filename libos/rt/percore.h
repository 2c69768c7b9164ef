/* SPDX-License-Identifier: MIT */
/* A queue for each core, to which a task's flow sends it: all but what an idle core does. */
#ifndef RT_PERCORE_H
#define RT_PERCORE_H

#include "queue.h"

struct rt_percore_queue {
	_Alignas(RT_LINE) struct rt_queue ready;
};

struct rt_percore {
	uint32_t cores;
	struct rt_percore_queue core[];
};

const char *rt_percore_init(void *state, const struct rt_params *params);
uint32_t rt_percore_place(void *state, const struct rt_task *task);
void rt_percore_enqueue(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
			uint64_t now);
struct rt_task *rt_percore_pick(void *state, uint32_t core, uint64_t now);
void rt_percore_remove(void *state, uint32_t core, struct rt_task *task);

#endif
