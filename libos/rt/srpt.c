// SPDX-License-Identifier: MIT
/* Shortest remaining processing time first, preemptive, by hints of size that may be wrong. */
#include "heap.h"
#include "policies.h"

struct srpt {
	uint32_t cores;
	uint64_t arrived;
	struct rt_heap ready;
	struct rt_task *running[RT_CORES_MAX];
	uint64_t since[RT_CORES_MAX];
};

static const char *init(void *state, const struct rt_params *params)
{
	struct srpt *all = state;

	all->cores = params->cores;
	return NULL;
}

/*
 * A hint that was too low: what lasts longer than it was to last is the less likely to be about to
 * end, but is never less urgent than it was as a whole (SRPT with a bounce: Scully, Grosof and
 * Mitzenmacher 2022). As the most urgent of all it would hold its core for as long as it likes.
 */
static uint64_t remaining(const struct rt_task *task, uint64_t more)
{
	uint64_t ran = task->ran + more;

	if (!task->size)
		return RT_FOREVER;
	if (ran <= task->size)
		return task->size - ran;
	return ran - task->size < task->size ? ran - task->size : task->size;
}

static uint64_t remaining_on(const struct srpt *all, uint32_t core, uint64_t now)
{
	/* Another core's clock may have been read a little later than the caller's. */
	return remaining(all->running[core], now > all->since[core] ? now - all->since[core] : 0);
}

static void enqueue(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
		    uint64_t now)
{
	struct srpt *all = state;

	task->key = remaining(task, 0);
	if (why != RT_PREEMPTED)
		task->seq = all->arrived++;
	rt_heap_push(&all->ready, task);
}

static struct rt_task *pick(void *state, uint32_t core, uint64_t now)
{
	struct srpt *all = state;
	struct rt_task *task = rt_heap_pop(&all->ready);

	if (task) {
		all->running[core] = task;
		all->since[core] = now;
	}
	return task;
}

static void remove(void *state, uint32_t core, struct rt_task *task)
{
	struct srpt *all = state;

	rt_heap_remove(&all->ready, task);
}

static bool yields(void *state, uint32_t core, const struct rt_task *task, uint64_t now)
{
	struct srpt *all = state;

	return all->ready.root && all->ready.root->key < remaining_on(all, core, now);
}

static uint32_t preempts(void *state, const struct rt_task *task, uint64_t now)
{
	struct srpt *all = state;
	uint64_t most = task->key;
	uint32_t i, core = RT_NO_CORE;

	for (i = 0; i < all->cores; i++) {
		if (all->running[i] && remaining_on(all, i, now) > most) {
			most = remaining_on(all, i, now);
			core = i;
		}
	}
	return core;
}

static void stopped(void *state, uint32_t core, struct rt_task *task, enum rt_why why,
		    uint64_t now)
{
	struct srpt *all = state;

	all->running[core] = NULL;
}

const struct rt_policy rt_srpt = {
	.name = "srpt",
	.summary = "shortest remaining time first by the hint of size, preemptive",
	.flags = RT_USES_SIZE | RT_CONSERVES | RT_STARVES,
	.locking = RT_LOCK_ALL,
	.bytes = sizeof(struct srpt),
	.init = init,
	.enqueue = enqueue,
	.pick = pick,
	.remove = remove,
	.yields = yields,
	.preempts = preempts,
	.stopped = stopped,
};
