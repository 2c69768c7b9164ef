// SPDX-License-Identifier: MIT
/* The policies' queue against an array that does the same. */
#include "lib/rng.h"
#include "rt/queue.h"
#include "tests/check.h"

#define TASKS 9u
#define STEPS 20000

struct model {
	struct rt_queue queue;
	struct rt_task task[TASKS];
	struct rt_task *order[TASKS];
	uint32_t n;
};

static struct rt_task *take(struct model *m, uint32_t at)
{
	struct rt_task *task = m->order[at];

	memmove(&m->order[at], &m->order[at + 1], (--m->n - at) * sizeof(task));
	return task;
}

static void put(struct model *m, uint32_t at, struct rt_task *task)
{
	memmove(&m->order[at + 1], &m->order[at], (m->n++ - at) * sizeof(task));
	m->order[at] = task;
}

/* The same tasks in the same order, from either end. */
static void compare(const struct model *m)
{
	const struct rt_link *on = m->queue.ends.next, *back = m->queue.ends.prev;
	uint32_t i;

	check(rt_queue_empty(&m->queue) == !m->n, "%u tasks", m->n);
	check(!m->n || rt_queue_first(&m->queue) == m->order[0], "the first of %u", m->n);
	for (i = 0; i < m->n && !test_failures; i++) {
		check(on == &m->order[i]->link, "%u of %u", i, m->n);
		check(back == &m->order[m->n - 1 - i]->link, "%u of %u from the end", i, m->n);
		on = on->next;
		back = back->prev;
	}
	check(on == &m->queue.ends && back == &m->queue.ends, "more than %u", m->n);
}

static uint32_t outside(const struct model *m, uint32_t at)
{
	uint32_t i;

	for (i = 0; i < m->n; i++)
		if (m->order[i] == &m->task[at])
			return outside(m, at + 1 < TASKS ? at + 1 : 0);
	return at;
}

static void random_use(void)
{
	static struct model m;
	struct rt_task *task;
	struct rng rng;
	uint32_t i, at;
	int step;

	rng_init(&rng, 1, 0);
	rt_queue_init(&m.queue);
	for (i = 0; i < TASKS; i++)
		memset(&m.task[i].link, 0xa5, sizeof(m.task[i].link));
	for (step = 0; step < STEPS && !test_failures; step++) {
		task = m.n < TASKS ? &m.task[outside(&m, (uint32_t)rng_below(&rng, TASKS))] : NULL;
		switch (rng_below(&rng, 5)) {
		case 0:
			if (task) {
				rt_queue_push(&m.queue, task);
				put(&m, m.n, task);
			}
			break;
		case 1:
			if (task) {
				rt_queue_push_front(&m.queue, task);
				put(&m, 0, task);
			}
			break;
		case 2:
			check(rt_queue_pop(&m.queue) == (m.n ? take(&m, 0) : NULL), "pop");
			break;
		case 3:
			at = m.n ? (uint32_t)rng_below(&rng, m.n) : 0;
			if (m.n)
				rt_queue_remove(take(&m, at));
			break;
		case 4:
			if (task) {
				put(&m, m.n, task);
				check(rt_queue_rotate(&m.queue, task) == take(&m, 0), "rotate");
			}
			break;
		}
		compare(&m);
	}
}

static const struct test_case cases[] = {
	{ "queue: as an array would do it, in any order of calls", random_use },
};
TEST_MAIN(cases)
