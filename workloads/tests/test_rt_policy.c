// SPDX-License-Identifier: MIT
/* What every policy has to keep under random use: nobody lost, nobody twice, in order. */
#include <stdlib.h>

#include "lib/rng.h"
#include "rt/policy.h"
#include "tests/check.h"

#define TASKS 200
#define CORES 4
#define STEPS 40000

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
};

static uint32_t below(struct model *m, uint32_t n)
{
	return (uint32_t)rng_below(&m->rng, n);
}

/* What it is told the time is: to one that says it does not look, anything. */
static uint64_t now_of(struct model *m)
{
	return m->policy->flags & RT_TIMELESS ? rng_below(&m->rng, RT_FOREVER) : m->now;
}

static uint32_t index_of(struct model *m, const struct rt_task *task)
{
	return (uint32_t)(task - m->task);
}

static struct rt_params params_of(const struct rt_policy *policy)
{
	struct rt_params params = { .cores = CORES, .classes = 3 };

	if (policy->flags & RT_TAKES_QUANTUM)
		params.quantum = 1000;
	if (policy->flags & RT_TAKES_RESERVED)
		params.reserved[0] = 1;
	return params;
}

static void *state_make(const struct rt_policy *policy, uint32_t cores)
{
	size_t bytes = (rt_policy_bytes(policy, cores) + RT_LINE - 1) / RT_LINE * RT_LINE;
	void *state = aligned_alloc(RT_LINE, bytes);

	memset(state, 0, bytes);
	return state;
}

static void model_start(struct model *m, const struct rt_policy *policy, uint64_t seed)
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

static void enqueue(struct model *m, struct rt_task *task, enum rt_why why)
{
	uint32_t i = index_of(m, task);

	m->at[i] = m->policy->place ? m->policy->place(m->state, task) : 0;
	check(m->at[i] < CORES, "%s: placed on core %u", m->policy->name, m->at[i]);
	m->policy->enqueue(m->state, m->at[i], task, why, now_of(m));
	check(m->where[i] != READY, "%s: the test is wrong", m->policy->name);
	m->where[i] = READY;
	m->order[i] = m->now;
}

static void became_running(struct model *m, struct rt_task *task, uint32_t core)
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
static bool eligible(const struct model *m, uint32_t core, uint32_t i)
{
	if (m->policy->locking == RT_LOCK_CORE && !m->policy->steal)
		return m->at[i] == core;
	return !(m->policy->flags & RT_TAKES_RESERVED) || core >= 1 || m->task[i].class == 0;
}

/* By its hint of size, which it may have outlived. */
static uint64_t remains(const struct rt_task *task)
{
	uint64_t past;

	if (task->ran <= task->size)
		return task->size - task->ran;
	past = task->ran - task->size;
	return past < task->size ? past : task->size;
}

/* a ought to go before b, both ready and both eligible. */
static bool goes_before(const struct model *m, uint32_t a, uint32_t b)
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

static void pick(struct model *m, uint32_t core)
{
	uint32_t i, victim, chosen;
	struct rt_task *task = m->policy->pick(m->state, core, now_of(m));
	bool own = task;

	for (victim = 0; !task && m->policy->steal && victim < CORES; victim++)
		if (victim != core)
			task = m->policy->steal(m->state, core, victim, now_of(m));
	chosen = task ? index_of(m, task) : TASKS;
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

static struct rt_task *stop(struct model *m, uint32_t core, enum rt_why why)
{
	struct rt_task *task = m->running[core];

	task->ran += m->now - m->begun[core];
	m->running[core] = NULL;
	m->where[index_of(m, task)] = ELSEWHERE;
	if (m->policy->stopped)
		m->policy->stopped(m->state, core, task, why, now_of(m));
	return task;
}

/* The least urgent core is the one to interrupt, and only for the more urgent. */
static void preemption(struct model *m, struct rt_task *task)
{
	uint32_t core, i;

	for (core = 0; core < CORES; core++)
		if (!m->running[core])
			return;
	core = m->policy->preempts(m->state, task, now_of(m));
	if (core == RT_NO_CORE)
		return;
	check(core < CORES && m->running[core], "%s: core %u is not running", m->policy->name,
	      core);
	check(m->policy->yields(m->state, core, m->running[core], now_of(m)),
	      "%s: interrupts without need", m->policy->name);
	for (i = 0; i < CORES; i++)
		if (m->policy->flags & RT_USES_PRIORITY)
			check(m->running[i]->priority <= m->running[core]->priority,
			      "%s: not the least urgent", m->policy->name);
		else if (m->policy->flags & RT_USES_DEADLINE)
			check(m->running[i]->deadline <= m->running[core]->deadline,
			      "%s: not the least urgent", m->policy->name);
	task = stop(m, core, RT_PREEMPTED);
	enqueue(m, task, RT_PREEMPTED);
	pick(m, core);
	check(m->running[core] != task, "%s: interrupted for nobody", m->policy->name);
}

static void renew(struct model *m, struct rt_task *task)
{
	memset(task, 0xa5, sizeof(*task));
	task->class = (uint16_t)below(m, 3);
	task->priority = (uint16_t)below(m, RT_PRIORITIES);
	task->flow = (uint32_t)rng_next(&m->rng);
	task->size = 1 + below(m, 50);
	task->deadline = m->now + below(m, 1000);
	task->ran = 0;
}

static void step(struct model *m)
{
	uint32_t i = below(m, TASKS), core = below(m, CORES), action = below(m, 10);
	struct rt_task *task = &m->task[i];

	m->now++;
	if (m->where[i] == ELSEWHERE && action < 5) {
		renew(m, task);
		enqueue(m, task, action < 3 ? RT_NEW : RT_WOKEN);
		if (m->policy->preempts)
			preemption(m, task);
	} else if (m->where[i] == READY && action == 5) {
		m->policy->remove(m->state, m->at[i], task);
		m->where[i] = ELSEWHERE;
	} else if (!m->running[core]) {
		pick(m, core);
	} else if (action < 8) {
		stop(m, core, action == 7 ? RT_BLOCKED : RT_DONE);
	} else if (m->policy->yields && m->policy->quantum) {
		if (m->policy->yields(m->state, core, m->running[core], now_of(m)))
			enqueue(m, stop(m, core, RT_PREEMPTED), RT_PREEMPTED);
	}
}

/* Everybody who is ready comes out, once, and then nobody. */
static void drain(struct model *m)
{
	uint32_t core, i, left = 0, round;

	for (round = 0; round <= TASKS; round++) {
		for (core = 0; core < CORES; core++) {
			if (m->running[core])
				stop(m, core, RT_DONE);
			pick(m, core);
		}
	}
	for (i = 0; i < TASKS; i++)
		left += m->where[i] != ELSEWHERE;
	check(!left, "%s: %u tasks are lost", m->policy->name, left);
}

static void random_use(void)
{
	static struct model m;
	uint64_t seed;
	size_t p;
	int i;

	for (p = 0; rt_policies[p]; p++) {
		for (seed = 1; seed <= 5; seed++) {
			model_start(&m, rt_policies[p], seed);
			for (i = 0; i < STEPS && !test_failures; i++)
				step(&m);
			if (!test_failures)
				drain(&m);
			free(m.state);
		}
	}
}

/* All cores busy with newcomers that are as favoured as can be: does the first one ever run? */
static bool starves(const struct rt_policy *policy)
{
	static struct model m;
	uint32_t next = 1, core;
	int i;

	model_start(&m, policy, 1);
	m.task[0] = (struct rt_task){ .class = 2, .priority = 63, .size = 1000, .deadline = 5000 };
	enqueue(&m, &m.task[0], RT_NEW);
	for (i = 0; i < 20000 && m.where[0] == READY; i++) {
		m.now++;
		/* One more than the cores can take, of each flow. */
		for (core = 0; core <= CORES; core++) {
			while (m.where[next] != ELSEWHERE)
				next = next % (TASKS - 1) + 1;
			m.task[next] = (struct rt_task){ .size = 1, .deadline = m.now + 10,
							 .flow = core << 30 };
			enqueue(&m, &m.task[next], RT_NEW);
		}
		for (core = 0; core < CORES; core++) {
			if (m.running[core])
				stop(&m, core, RT_DONE);
			m.running[core] = policy->pick(m.state, core, m.now);
			if (m.running[core])
				m.where[index_of(&m, m.running[core])] = RUNNING;
		}
		/* The queues do not grow: who waits too long gives up. */
		for (next = 1; next < TASKS; next++) {
			if (m.where[next] == READY && m.now - m.order[next] > 30) {
				policy->remove(m.state, m.at[next], &m.task[next]);
				m.where[next] = ELSEWHERE;
			}
		}
		next = 1;
	}
	free(m.state);
	return m.where[0] == READY;
}

static void who_starves_says_so(void)
{
	size_t p;

	for (p = 0; rt_policies[p]; p++)
		check(starves(rt_policies[p]) == !!(rt_policies[p]->flags & RT_STARVES), "%s",
		      rt_policies[p]->name);
}

static void a_preempted_task_keeps_its_turn(void)
{
	static const char *const names[] = { "priority", "edf" };
	static struct model m;
	size_t p;

	for (p = 0; p < 2; p++) {
		model_start(&m, rt_policy_find(names[p]), 1);
		m.task[0] = m.task[1] = (struct rt_task){ .priority = 5, .deadline = 50 };
		m.task[2] = (struct rt_task){ .priority = 1, .deadline = 10 };
		enqueue(&m, &m.task[0], RT_NEW);
		pick(&m, 0);
		enqueue(&m, &m.task[1], RT_NEW);
		check(!m.policy->yields(m.state, 0, &m.task[0], 1), "%s: to an equal", names[p]);
		enqueue(&m, &m.task[2], RT_NEW);
		check(m.policy->preempts != NULL, "%s", names[p]);
		if (!m.policy->preempts)
			continue;
		check(m.policy->preempts(m.state, &m.task[2], 1) == 0, "%s: to urgent", names[p]);
		enqueue(&m, stop(&m, 0, RT_PREEMPTED), RT_PREEMPTED);
		pick(&m, 0);
		check(m.running[0] == &m.task[2], "%s: the urgent one first", names[p]);
		stop(&m, 0, RT_DONE);
		pick(&m, 0);
		check(m.running[0] == &m.task[0], "%s: then who was interrupted", names[p]);
		free(m.state);
	}
}

/* A task that holds what a more urgent one waits for is as urgent, running or ready. */
static void urgency_is_inherited(void)
{
	static const char *const names[] = { "priority", "edf" };
	struct rt_task low = { .priority = 9, .deadline = 90 }, middle = { .priority = 5,
									   .deadline = 50 };
	static struct model m;
	size_t p;

	for (p = 0; p < 2; p++) {
		model_start(&m, rt_policy_find(names[p]), 1);
		m.task[0] = low;
		m.task[1] = middle;
		enqueue(&m, &m.task[0], RT_NEW);
		pick(&m, 0);
		m.task[0].priority = 1;
		m.task[0].deadline = 10;
		enqueue(&m, &m.task[1], RT_NEW);
		check(m.policy->preempts(m.state, &m.task[1], 1) == RT_NO_CORE, "%s: running",
		      names[p]);
		check(!m.policy->yields(m.state, 0, &m.task[0], 1), "%s: running", names[p]);
		m.task[2] = low;
		enqueue(&m, &m.task[2], RT_NEW);
		m.policy->remove(m.state, 0, &m.task[2]);
		m.where[2] = ELSEWHERE;
		m.task[2].priority = 1;
		m.task[2].deadline = 10;
		enqueue(&m, &m.task[2], RT_PREEMPTED);
		stop(&m, 0, RT_DONE);
		pick(&m, 0);
		check(m.running[0] == &m.task[2], "%s: ready", names[p]);
		free(m.state);
	}
}

static void without_hints_of_size(void)
{
	static const char *const names[] = { "sjf", "srpt" };
	static struct model m;
	size_t p;

	for (p = 0; p < 2; p++) {
		model_start(&m, rt_policy_find(names[p]), 1);
		m.task[2] = (struct rt_task){ .size = 1000000 };
		enqueue(&m, &m.task[0], RT_NEW);
		m.now = 1;
		enqueue(&m, &m.task[1], RT_NEW);
		enqueue(&m, &m.task[2], RT_NEW);
		m.running[0] = m.policy->pick(m.state, 0, 1);
		m.running[1] = m.policy->pick(m.state, 1, 1);
		m.running[2] = m.policy->pick(m.state, 2, 1);
		check(m.running[0] == &m.task[2] && m.running[1] == &m.task[0] &&
		      m.running[2] == &m.task[1], "%s: hints first, then by arrival", names[p]);
		free(m.state);
	}
}

/* Less likely to be about to end the longer it lasts, never less urgent than it was. */
static void a_hint_that_was_too_low(void)
{
	static const struct {
		uint64_t ran, shorter, longer;
	} past[] = { { 600, 399, 401 }, { 1000, 0, 1 }, { 1500, 499, 501 }, { 9000, 999, 1001 } };
	static struct model m;
	size_t p;

	for (p = 0; p < 4; p++) {
		model_start(&m, rt_policy_find("srpt"), 1);
		m.task[0] = (struct rt_task){ .size = 1000, .ran = past[p].ran };
		m.task[1] = (struct rt_task){ .size = past[p].longer };
		m.task[2] = (struct rt_task){ .size = past[p].shorter };
		enqueue(&m, &m.task[0], RT_PREEMPTED);
		enqueue(&m, &m.task[1], RT_NEW);
		if (past[p].shorter)
			enqueue(&m, &m.task[2], RT_NEW);
		if (past[p].shorter)
			check(m.policy->pick(m.state, 0, 1) == &m.task[2], "shorter than %llu",
			      (unsigned long long)past[p].ran);
		check(m.policy->pick(m.state, 1, 1) == &m.task[0], "longer than %llu",
		      (unsigned long long)past[p].ran);
		free(m.state);
	}
}

static const struct test_case cases[] = {
	{ "policies: nobody lost, nobody twice, in order", random_use },
	{ "policies: who starves says so", who_starves_says_so },
	{ "policies: an interrupted task keeps its turn", a_preempted_task_keeps_its_turn },
	{ "policies: urgency is inherited", urgency_is_inherited },
	{ "policies: without hints of size", without_hints_of_size },
	{ "policies: a hint that was too low", a_hint_that_was_too_low },
};
TEST_MAIN(cases)
