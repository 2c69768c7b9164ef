// SPDX-License-Identifier: MIT
/* Cores reserved by class, after Persephone's DARC: idle cores instead of preemption. */
#include "policies.h"
#include "queue.h"

/*
 * Classes are numbered from the shortest. The first reserved[0] cores belong to
 * class 0, the next reserved[1] to class 1 and so on; what is left over is for
 * all. A core serves its owner's class and those that are shorter: so a long
 * request never stands in the way of a short one there, and a short one delays
 * a long one only by its own length.
 */
struct darc {
	struct rt_queue ready[RT_CLASSES_MAX];
	uint8_t longest[RT_CORES_MAX];	/* class that may run on each core */
};

static const char *init(void *state, const struct rt_params *params)
{
	struct darc *darc = state;
	uint32_t core = 0, class, i, last = params->classes - 1;

	for (i = 0; i < RT_CLASSES_MAX; i++)
		rt_queue_init(&darc->ready[i]);
	if (last == 0)
		return "with one class of requests there is nothing to reserve cores for";
	for (class = 0; class <= last; class++)
		for (i = 0; i < params->reserved[class]; i++)
			darc->longest[core++] = (uint8_t)class;
	if (core == params->cores && !params->reserved[last])
		return "no core is left on which the last class may run";
	while (core < params->cores)
		darc->longest[core++] = (uint8_t)last;
	return NULL;
}

static void enqueue(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
		    uint64_t now)
{
	struct darc *darc = state;

	rt_queue_push(&darc->ready[task->class], task);
}

static struct rt_task *pick(void *state, uint32_t core, uint64_t now)
{
	struct darc *darc = state;
	uint32_t class;

	for (class = 0; class <= darc->longest[core]; class++)
		if (!rt_queue_empty(&darc->ready[class]))
			return rt_queue_pop(&darc->ready[class]);
	return NULL;
}

static void remove(void *state, uint32_t core, struct rt_task *task)
{
	rt_queue_remove(task);
}

/* Whoever may run the task that goes in may run the one that comes out, which is no longer. */
static struct rt_task *rotate(void *state, uint32_t core, struct rt_task *task)
{
	enqueue(state, 0, task, RT_YIELDED, 0);
	return pick(state, core, 0);
}

const struct rt_policy rt_darc = {
	.name = "darc",
	.summary = "cores reserved by class, for it and shorter ones; no preemption",
	.flags = RT_TAKES_RESERVED | RT_STARVES | RT_TIMELESS,
	.locking = RT_LOCK_ALL,
	.bytes = sizeof(struct darc),
	.init = init,
	.enqueue = enqueue,
	.pick = pick,
	.remove = remove,
	.rotate = rotate,
};
