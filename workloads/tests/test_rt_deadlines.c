// SPDX-License-Identifier: MIT
/* Earliest deadline first: what is admitted never misses, and on one core what is not would. */
#include <stdlib.h>

#include "lib/rng.h"
#include "rt/policy.h"
#include "rtsim/sim.h"
#include "tests/check.h"

#define MOST 8
/* All periods divide it, so the pattern repeats after it. */
#define HYPERPERIOD 5040ull

struct set {
	uint32_t n;
	struct rt_demand task[MOST];
	uint64_t first[MOST];	/* release */
	uint64_t next[MOST], horizon;
	uint64_t missed, done;
};

static bool set_next(void *arg, struct sim_job *job)
{
	struct set *set = arg;
	uint32_t i, first = 0;

	for (i = 1; i < set->n; i++)
		first = set->next[i] < set->next[first] ? i : first;
	if (set->next[first] >= set->horizon)
		return false;
	job->arrival = set->next[first];
	job->size = set->task[first].cost;
	job->task.deadline = job->arrival + set->task[first].deadline;
	job->task.priority = (uint16_t)first;
	set->next[first] += set->task[first].period;
	return true;
}

static void set_done(void *arg, const struct sim_job *job, uint64_t now)
{
	struct set *set = arg;

	set->done++;
	/* Of what is not due within the horizon nothing is known. */
	if (job->task.deadline <= set->horizon)
		set->missed += now > job->task.deadline;
}

static uint64_t misses(struct set *set, const char *policy, uint32_t cores, uint64_t periods)
{
	struct sim_spec spec = { .policy = rt_policy_find(policy),
				 .params = { .cores = cores, .classes = 1 } };
	struct sim_totals totals;
	const char *wrong;

	memcpy(set->next, set->first, sizeof(set->next));
	set->horizon = periods * HYPERPERIOD;
	set->missed = set->done = 0;
	wrong = sim_run(&spec, (struct sim_source){ set_next, set },
			(struct sim_sink){ set_done, set }, &totals);
	check(!wrong, "%s", wrong);
	check(set->done == totals.jobs && set->done > 0, "jobs are lost");
	return set->missed;
}

/* NULL, or the first refusal. */
static const char *admit(const struct set *set, uint32_t cores)
{
	const struct rt_policy *edf = rt_policy_find("edf");
	struct rt_params params = { .cores = cores, .classes = 1 };
	size_t bytes = (rt_policy_bytes(edf, cores) + RT_LINE - 1) / RT_LINE * RT_LINE;
	void *state = aligned_alloc(RT_LINE, bytes);
	const char *why;
	uint32_t i;

	memset(state, 0, bytes);
	why = rt_policy_start(edf, state, &params);
	for (i = 0; i < set->n && !why; i++)
		why = edf->admit(state, &set->task[i]);
	free(state);
	return why;
}

static struct set set_of(uint32_t n, const struct rt_demand *task)
{
	struct set set = { .n = n };

	memcpy(set.task, task, n * sizeof(*task));
	return set;
}

#define SET(...) set_of(sizeof((struct rt_demand[]){ __VA_ARGS__ }) / sizeof(struct rt_demand), \
			(struct rt_demand[]){ __VA_ARGS__ })

static void known_sets(void)
{
	/* Full to the brim: 1/2 + 1/3 + 1/6. */
	struct set set = SET({ 20, 40, 40 }, { 20, 60, 60 }, { 20, 120, 120 });
	const char *why = admit(&set, 1);

	check(!why, "%s", why);
	check(misses(&set, "edf", 1, 4) == 0, "utilisation 1 is kept");
	/* Fixed priorities, shortest period first, cannot keep 0.976. */
	set = SET({ 36, 72, 72 }, { 50, 105, 105 });
	check(!admit(&set, 1), "0.976");
	check(misses(&set, "edf", 1, 1) == 0, "by deadline");
	check(misses(&set, "priority", 1, 1) > 0, "by fixed priority");
	/* A hair too much. */
	set = SET({ 20, 40, 40 }, { 20, 60, 60 }, { 21, 120, 120 });
	why = admit(&set, 1);
	check(why && strstr(why, "more than all of their time"), "%s", why);
	check(misses(&set, "edf", 1, 40) > 0, "above 1 something is late");
	/* Half empty, but all at once. */
	set = SET({ 5, 9, 40 }, { 5, 9, 40 });
	why = admit(&set, 1);
	check(why && strstr(why, "more has to be done than fits"), "%s", why);
	check(misses(&set, "edf", 1, 1) > 0, "10 within 9");
	check(misses(&set, "edf", 2, 1) == 0, "two cores can");
	/* Dhall: one long task and many short ones defeat several cores. */
	set = SET({ 2, 40, 40 }, { 2, 40, 40 }, { 42, 42, 42 });
	why = admit(&set, 2);
	check(why && strstr(why, "several cores"), "%s", why);
	check(misses(&set, "edf", 2, 1) > 0, "Dhall's effect");
}

static void nonsense_is_refused(void)
{
	static const struct {
		struct rt_demand demand;
		const char *word;
	} rows[] = {
		{ { 0, 10, 10 }, "above zero" },
		{ { 5, 0, 10 }, "above zero" },
		{ { 5, 10, 0 }, "above zero" },
		{ { 11, 10, 20 }, "even alone" },
		{ { 11, 20, 10 }, "one core at a time" },
		{ { 1, RT_FOREVER, 10 }, "longer than any run" },
		{ { 1, 10, RT_FOREVER }, "longer than any run" },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct set set = set_of(1, &rows[i].demand);
		const char *why = admit(&set, 4);

		check(why && strstr(why, rows[i].word), "%zu: %s", i, why);
	}
}

static void what_is_released_can_be_had_again(void)
{
	const struct rt_policy *edf = rt_policy_find("edf");
	struct rt_params params = { .cores = 1, .classes = 1 };
	size_t bytes = (rt_policy_bytes(edf, 1) + RT_LINE - 1) / RT_LINE * RT_LINE;
	struct rt_demand half = { 50, 100, 100 }, small = { 1, 1000, 1000 };
	void *state = aligned_alloc(RT_LINE, bytes);
	const char *why;
	int i;

	memset(state, 0, bytes);
	rt_policy_start(edf, state, &params);
	check(!edf->admit(state, &half) && !edf->admit(state, &half), "two halves");
	check(edf->admit(state, &small) != NULL, "full");
	edf->release(state, &half);
	check(!edf->admit(state, &small), "after one left");
	check(edf->admit(state, &half) != NULL, "a refusal leaves things as they were");
	edf->release(state, &(struct rt_demand){ 50, 100, 101 });
	check(edf->admit(state, &half) != NULL, "a stranger's release gives nothing");
	for (i = 0; i < 63 - 1; i++)
		check(!edf->admit(state, &small), "%d", i);
	why = edf->admit(state, &small);
	check(why && strstr(why, "64 tasks"), "%s", why);
	free(state);
}

static uint64_t below(struct rng *rng, uint64_t n)
{
	return rng_below(rng, n);
}

static struct set random_set(struct rng *rng, uint32_t n)
{
	static const uint64_t periods[] = { 12, 15, 20, 24, 28, 30, 35, 36, 40, 42, 60, 63, 70, 84,
					    90, 105, 120, 140, 168, 210 };
	struct set set = { .n = n };
	uint32_t i;

	for (i = 0; i < n; i++) {
		struct rt_demand *t = &set.task[i];

		t->period = periods[below(rng, sizeof(periods) / sizeof(periods[0]))];
		t->cost = 1 + below(rng, t->period * 2 / n);
		t->cost = t->cost > t->period ? t->period : t->cost;
		t->deadline = t->cost + below(rng, t->period - t->cost + 1);
		if (below(rng, 3) == 0)
			t->deadline = t->period;
	}
	return set;
}

/* The pattern of two thousand sets: the test is exact, so both sides can be wrong. */
static void on_one_core_the_answer_is_exact(void)
{
	int kept = 0, refused = 0, i;
	struct rng rng;

	rng_init(&rng, 11, 1);
	for (i = 0; i < 2000; i++) {
		struct set set = random_set(&rng, 2 + (uint32_t)below(&rng, 4));
		const char *why = admit(&set, 1);
		uint64_t missed = misses(&set, "edf", 1, 2);

		check(!why == !missed, "set %d: %s, %llu missed", i, why ? why : "admitted",
		      (unsigned long long)missed);
		kept += !why;
		refused += why != NULL;
	}
	check(kept > 300 && refused > 300, "%d kept, %d refused: no test", kept,
	      refused);
}

static void on_several_cores_the_admitted_are_safe(void)
{
	int kept = 0, i;
	struct rng rng;

	rng_init(&rng, 12, 1);
	for (i = 0; i < 3000; i++) {
		uint32_t cores = 2 + (uint32_t)below(&rng, 3), j;
		struct set set = random_set(&rng, 3 + (uint32_t)below(&rng, 6));

		if (admit(&set, cores))
			continue;
		kept++;
		/* Together, and each from a time of its own. */
		check(misses(&set, "edf", cores, 1) == 0, "set %d on %u cores", i, cores);
		for (j = 0; j < set.n; j++)
			set.first[j] = below(&rng, set.task[j].period);
		check(misses(&set, "edf", cores, 1) == 0, "set %d on %u cores, apart", i, cores);
	}
	check(kept > 300, "%d kept: not much of a test", kept);
}

static const struct test_case cases[] = {
	{ "edf: known sets", known_sets },
	{ "edf: nonsense is refused with the reason", nonsense_is_refused },
	{ "edf: what is released can be had again", what_is_released_can_be_had_again },
	{ "edf: on one core the answer is exact", on_one_core_the_answer_is_exact },
	{ "edf: on several cores the admitted are safe", on_several_cores_the_admitted_are_safe },
};
TEST_MAIN(cases)
