// SPDX-License-Identifier: MIT
/* Who goes first under policies that know urgency or size. */
#include "tests/rt_model.h"

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
	{ "policies: an interrupted task keeps its turn", a_preempted_task_keeps_its_turn },
	{ "policies: urgency is inherited", urgency_is_inherited },
	{ "policies: without hints of size", without_hints_of_size },
	{ "policies: a hint that was too low", a_hint_that_was_too_low },
};
TEST_MAIN(cases)
