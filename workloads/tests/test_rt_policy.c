// SPDX-License-Identifier: MIT
/* What every policy has to keep under random use: nobody lost, nobody twice, in order. */
#include "tests/rt_model.h"

#define STEPS 40000

/* The cores for which somebody is ready, a bit each. */
static uint32_t served(const struct model *m)
{
	uint32_t core, i, cores = 0;

	for (core = 0; core < CORES; core++)
		for (i = 0; i < TASKS; i++)
			if (m->where[i] == READY && eligible(m, core, i))
				cores |= 1u << core;
	return cores;
}

/* By itself, in one call: whoever is idle is not told, and need not be. */
static void give_way(struct model *m, uint32_t core)
{
	const uint32_t before = served(m);
	struct rt_task *task = m->running[core];
	uint32_t i = index_of(m, task);

	m->where[i] = READY;
	m->at[i] = 0;
	m->order[i] = m->now;
	if (m->apart) {
		m->policy->enqueue(m->state, 0, task, RT_YIELDED, 0);
		task = m->policy->pick(m->state, core, 0);
	} else {
		task = m->policy->rotate(m->state, core, task);
	}
	check(task, "%s: nobody, though one was running", m->policy->name);
	picked(m, core, task, true);
	check(!(served(m) & ~before), "%s: work for a core that had none", m->policy->name);
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
	} else if (m->policy->rotate) {
		give_way(m, core);
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

/* The same choices, of two that are used alike, one by rotate() and one without. */
static void giving_way_in_one_call(void)
{
	static struct model one, two;
	uint32_t core, n = 0;
	size_t p;
	int i;

	for (p = 0; rt_policies[p]; p++) {
		if (!rt_policies[p]->rotate)
			continue;
		n++;
		model_start(&one, rt_policies[p], 6);
		model_start(&two, rt_policies[p], 6);
		two.apart = true;
		for (i = 0; i < STEPS && !test_failures; i++) {
			step(&one);
			step(&two);
			for (core = 0; core < CORES; core++)
				check(!one.running[core] == !two.running[core] &&
				      (!one.running[core] ||
				       index_of(&one, one.running[core]) ==
				       index_of(&two, two.running[core])),
				      "%s: step %d, core %u", one.policy->name, i, core);
		}
		free(one.state);
		free(two.state);
	}
	check(n, "no policy has it");
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

static const struct test_case cases[] = {
	{ "policies: nobody lost, nobody twice, in order", random_use },
	{ "policies: giving way in one call", giving_way_in_one_call },
	{ "policies: who starves says so", who_starves_says_so },
};
TEST_MAIN(cases)
