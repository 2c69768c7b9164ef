// SPDX-License-Identifier: MIT
/* Round robin over all cores: who used up a quantum goes to the end of the one queue. */
#include "policies.h"
#include "queue.h"

struct rr {
	struct rt_queue ready;
	uint64_t quantum;
};

static const char *init(void *state, const struct rt_params *params)
{
	struct rr *rr = state;

	rt_queue_init(&rr->ready);
	rr->quantum = params->quantum;
	return NULL;
}

static void enqueue(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
		    uint64_t now)
{
	struct rr *rr = state;

	rt_queue_push(&rr->ready, task);
}

static struct rt_task *pick(void *state, uint32_t core, uint64_t now)
{
	struct rr *rr = state;

	return rt_queue_pop(&rr->ready);
}

static void remove(void *state, uint32_t core, struct rt_task *task)
{
	rt_queue_remove(task);
}

static uint64_t quantum(void *state, uint32_t core, const struct rt_task *task)
{
	struct rr *rr = state;

	return rr->quantum;
}

static bool yields(void *state, uint32_t core, const struct rt_task *task, uint64_t now)
{
	struct rr *rr = state;

	return !rt_queue_empty(&rr->ready);
}

const struct rt_policy rt_rr = {
	.name = "rr",
	.summary = "round robin: one queue, a quantum each; a small one is processor sharing",
	.flags = RT_TAKES_QUANTUM | RT_CONSERVES | RT_TIMELESS,
	.locking = RT_LOCK_ALL,
	.bytes = sizeof(struct rr),
	.init = init,
	.enqueue = enqueue,
	.pick = pick,
	.remove = remove,
	.quantum = quantum,
	.yields = yields,
};
