// SPDX-License-Identifier: MIT
/* Shortest job first by hints of size, run to completion. */
#include "heap.h"
#include "policies.h"

struct sjf {
	struct rt_heap ready;
	uint64_t arrived;
};

static void enqueue(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
		    uint64_t now)
{
	struct sjf *sjf = state;

	/* Without a hint: behind all that have one, in order of arrival. */
	task->key = task->size ? task->size : RT_FOREVER;
	task->seq = sjf->arrived++;
	rt_heap_push(&sjf->ready, task);
}

static struct rt_task *pick(void *state, uint32_t core, uint64_t now)
{
	struct sjf *sjf = state;

	return rt_heap_pop(&sjf->ready);
}

static void remove(void *state, uint32_t core, struct rt_task *task)
{
	struct sjf *sjf = state;

	rt_heap_remove(&sjf->ready, task);
}

static struct rt_task *rotate(void *state, uint32_t core, struct rt_task *task)
{
	enqueue(state, 0, task, RT_YIELDED, 0);
	return pick(state, core, 0);
}

const struct rt_policy rt_sjf = {
	.name = "sjf",
	.summary = "shortest job first by the hint of size, run to completion",
	.flags = RT_USES_SIZE | RT_CONSERVES | RT_STARVES | RT_TIMELESS,
	.locking = RT_LOCK_ALL,
	.bytes = sizeof(struct sjf),
	.enqueue = enqueue,
	.pick = pick,
	.remove = remove,
	.rotate = rotate,
};
