/* SPDX-License-Identifier: MIT */
/* What a policy is to do beside what it does: where each task is, and who ought to be next. */
#ifndef TESTS_RT_MODEL_H
#define TESTS_RT_MODEL_H

#include <stdlib.h>

#include "lib/rng.h"
#include "rt/policy.h"
#include "tests/check.h"

#define TASKS 200
#define CORES 4

enum where { ELSEWHERE, READY, RUNNING };

struct model {
	const struct rt_policy *policy;
	void *state;
	struct rng rng;
	struct rt_task task[TASKS];
	enum where where[TASKS];
	uint32_t at[TASKS];		/* core of the queue, or that it runs on */
	uint64_t order[TASKS];		/* when it became ready, in steps */
	struct rt_task *running[CORES];
	uint64_t begun[CORES], now;
	bool apart;			/* not rotate(), but what that stands for */
};

static inline uint32_t below(struct model *m, uint32_t n)
{
	return (uint32_t)rng_below(&m->rng, n);
}

/* What it is told the time is: to one that says it does not look, anything. */
static inline uint64_t now_of(struct model *m)
{
	return m->policy->flags & RT_TIMELESS ? rng_below(&m->rng, RT_FOREVER) : m->now;
}

static inline uint32_t index_of(struct model *m, const struct rt_task *task)
{
	return (uint32_t)(task - m->task);
}

static inline struct rt_params params_of(const struct rt_policy *policy)
{
	struct rt_params params = { .cores = CORES, .classes = 3 };

	if (policy->flags & RT_TAKES_QUANTUM)
		params.quantum = 1000;
	if (policy->flags & RT_TAKES_RESERVED)
		params.reserved[0] = 1;
	return params;
}

static inline void *state_make(const struct rt_policy *policy, uint32_t cores)
{
	size_t bytes = (rt_policy_bytes(policy, cores) + RT_LINE - 1) / RT_LINE * RT_LINE;
	void *state = aligned_alloc(RT_LINE, bytes);

	memset(state, 0, bytes);
	return state;
}

static inline void model_start(struct model *m, const struct rt_policy *policy, uint64_t seed)
{
	struct rt_params params = params_of(policy);
	const char *wrong;

	memset(m, 0, sizeof(*m));
	m->policy = policy;
	m->state = state_make(policy, CORES);
	rng_init(&m->rng, seed, 0);
	wrong = rt_policy_start(policy, m->state, &params);
	check(!wrong, "%s: %s", policy->name, wrong);
}

static inline void enqueue(struct model *m, struct rt_task *task, enum rt_why why)
{
	uint32_t i = index_of(m, task);

	m->at[i] = m->policy->place ? m->policy->place(m->state, task) : 0;
	check(m->at[i] < CORES, "%s: placed on core %u", m->policy->name, m->at[i]);
	m->policy->enqueue(m->state, m->at[i], task, why, now_of(m));
	check(m->where[i] != READY, "%s: the test is wrong", m->policy->name);
	m->where[i] = READY;
	m->order[i] = m->now;
}

static inline void became_running(struct model *m, struct rt_task *task, uint32_t core)
{
	uint32_t i = index_of(m, task);

	check(task >= m->task && i < TASKS, "%s: not a task of ours", m->policy->name);
	check(m->where[i] == READY, "%s: task %u runs but was not ready", m->policy->name, i);
	m->where[i] = RUNNING;
	m->at[i] = core;
	m->running[core] = task;
	m->begun[core] = m->now;
}

/* May the core run it, by the policy's own rules? */
static inline bool eligible(const struct model *m, uint32_t core, uint32_t i)
{
	if (m->policy->locking == RT_LOCK_CORE && !m->policy->steal)
		return m->at[i] == core;
	return !(m->policy->flags & RT_TAKES_RESERVED) || core >= 1 || m->task[i].class == 0;
}

/* By its hint of size, which it may have outlived. */
static inline uint64_t remains(const struct rt_task *task)
{
	uint64_t past;

	if (task->ran <= task->size)
		return task->size - task->ran;
	past = task->ran - task->size;
	return past < task->size ? past : task->size;
}

/* a ought to go before b, both ready and both eligible. */
static inline bool goes_before(const struct model *m, uint32_t a, uint32_t b)
{
	const struct rt_task *x = &m->task[a], *y = &m->task[b];
	unsigned int flags = m->policy->flags;

	if (flags & RT_USES_PRIORITY)
		return x->priority < y->priority;
	if (flags & RT_USES_DEADLINE)
		return x->deadline < y->deadline;
	if (flags & RT_USES_SIZE && m->policy->preempts)
		return remains(x) < remains(y);
	if (flags & RT_USES_SIZE)
		return x->size < y->size;
	if (flags & RT_TAKES_RESERVED)
		return x->class < y->class;
	return m->order[a] < m->order[b] && (m->policy->locking == RT_LOCK_ALL ||
					     m->at[a] == m->at[b]);
}

/* own: from the core's own queue; NULL: it was given none. */
static inline void picked(struct model *m, uint32_t core, struct rt_task *task, bool own)
{
	uint32_t i, chosen = task ? index_of(m, task) : TASKS;

	for (i = 0; i < TASKS; i++) {
		if (m->where[i] != READY || i == chosen || !eligible(m, core, i))
			continue;
		check(task != NULL, "%s: core %u idle beside task %u", m->policy->name, core, i);
		if (task)
			check(!goes_before(m, i, chosen) || (!own && m->at[i] != m->at[chosen]),
			      "%s: task %u was to go before %u", m->policy->name, i, chosen);
	}
	if (!task)
		return;
	check(eligible(m, core, chosen), "%s: not for core %u", m->policy->name, core);
	became_running(m, task, core);
}

static inline void pick(struct model *m, uint32_t core)
{
	struct rt_task *task = m->policy->pick(m->state, core, now_of(m));
	bool own = task;
	uint32_t victim;

	for (victim = 0; !task && m->policy->steal && victim < CORES; victim++)
		if (victim != core)
			task = m->policy->steal(m->state, core, victim, now_of(m));
	picked(m, core, task, own);
}

static inline struct rt_task *stop(struct model *m, uint32_t core, enum rt_why why)
{
	struct rt_task *task = m->running[core];

	task->ran += m->now - m->begun[core];
	m->running[core] = NULL;
	m->where[index_of(m, task)] = ELSEWHERE;
	if (m->policy->stopped)
		m->policy->stopped(m->state, core, task, why, now_of(m));
	return task;
}

#endif
