// SPDX-License-Identifier: MIT
/* Policies as they are chosen: by name, complete, and refused with a reason. */
#include <stdlib.h>

#include "rt/policy.h"
#include "tests/check.h"

static void *state_make(const struct rt_policy *policy, uint32_t cores)
{
	size_t bytes = (rt_policy_bytes(policy, cores) + RT_LINE - 1) / RT_LINE * RT_LINE;
	void *state = aligned_alloc(RT_LINE, bytes);

	memset(state, 0, bytes);
	return state;
}

/* What is asked, and the words by which the refusal is to be known; NULL: fine. */
static const struct {
	const char *policy;
	struct rt_params params;
	const char *word;
} starts[] = {
	{ "cfcfs", { .cores = 1, .classes = 1 }, NULL },
	{ "cfcfs", { .cores = 64, .classes = 8 }, NULL },
	{ "cfcfs", { .cores = 0, .classes = 1 }, "cores must be" },
	{ "cfcfs", { .cores = 65, .classes = 1 }, "cores must be" },
	{ "cfcfs", { .cores = 1, .classes = 0 }, "classes must be" },
	{ "cfcfs", { .cores = 1, .classes = 9 }, "classes must be" },
	{ "cfcfs", { .cores = 1, .classes = 1, .quantum = 5 }, "has no quantum" },
	{ "cfcfs", { .cores = 4, .classes = 2, .reserved = { 1 } }, "reserves no cores" },
	{ "rr", { .cores = 1, .classes = 1, .quantum = 1 }, NULL },
	{ "rr", { .cores = 1, .classes = 1 }, "needs a quantum" },
	{ "rr", { .cores = 1, .classes = 1, .quantum = RT_FOREVER }, "longer than any run" },
	{ "darc", { .cores = 4, .classes = 2, .reserved = { 3 } }, NULL },
	{ "darc", { .cores = 4, .classes = 2, .reserved = { 3, 1 } }, NULL },
	{ "darc", { .cores = 4, .classes = 2 }, "needs cores to be reserved" },
	{ "darc", { .cores = 4, .classes = 1, .reserved = { 1 } }, "one class" },
	{ "darc", { .cores = 4, .classes = 2, .reserved = { 4 } }, "no core is left" },
	{ "darc", { .cores = 4, .classes = 2, .reserved = { 5 } }, "than there are" },
	{ "darc", { .cores = 4, .classes = 2, .reserved = { 3, 2 } }, "than there are" },
	{ "darc", { .cores = 4, .classes = 2, .reserved = { 1, 0, 1 } }, "that there is not" },
};

static void nonsense_is_refused_with_the_reason(void)
{
	size_t i;

	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		const struct rt_policy *policy = rt_policy_find(starts[i].policy);
		void *state = state_make(policy, 64);
		const char *wrong = rt_policy_start(policy, state, &starts[i].params);

		if (starts[i].word)
			check(wrong && strstr(wrong, starts[i].word), "%zu: %s", i, wrong);
		else
			check(!wrong, "%zu: %s", i, wrong);
		free(state);
	}
}

static void policies_are_found_by_name(void)
{
	size_t i, j;

	for (i = 0; rt_policies[i]; i++) {
		check(rt_policy_find(rt_policies[i]->name) == rt_policies[i], "%zu", i);
		for (j = 0; j < i; j++)
			check(strcmp(rt_policies[i]->name, rt_policies[j]->name), "twice");
	}
	check(i >= 9, "%zu policies", i);
	check(!rt_policy_find("") && !rt_policy_find("rrr") && !rt_policy_find("r"), "none");
}

/* Operations and flags that make sense only together. */
static void policies_are_complete(void)
{
	size_t i;

	for (i = 0; rt_policies[i]; i++) {
		const struct rt_policy *p = rt_policies[i];

		check(p->name && p->summary && p->enqueue && p->pick && p->remove, "%zu", i);
		check(!p->quantum == !(p->flags & RT_TAKES_QUANTUM), "%s: quantum", p->name);
		check(!p->quantum || p->yields, "%s: and then?", p->name);
		check(!p->preempts || (p->yields && p->stopped), "%s: and then?", p->name);
		check(!p->rotate || (p->locking == RT_LOCK_ALL && p->flags & RT_TIMELESS &&
				     !p->place && !p->stopped && !p->quantum && !p->yields &&
				     !p->preempts), "%s: giving way is more than that", p->name);
		check(!p->admit == !p->release, "%s: admit", p->name);
		check(!p->admit == !(p->flags & RT_USES_DEADLINE), "%s: deadlines", p->name);
		check(!p->preempts == !(p == rt_policy_find("srpt") ||
					p->flags & (RT_USES_PRIORITY | RT_USES_DEADLINE)),
		      "%s: preemption", p->name);
		check(p->place || p->locking == RT_LOCK_ALL, "%s: one queue, one lock", p->name);
		/* State that cores lock one by one must not share a line. */
		check(p->locking == RT_LOCK_ALL || (p->bytes % RT_LINE == 0 &&
						    p->bytes_per_core % RT_LINE == 0),
		      "%s: shared lines", p->name);
	}
}

static const struct test_case cases[] = {
	{ "policies: found by name", policies_are_found_by_name },
	{ "policies: operations and flags fit", policies_are_complete },
	{ "policies: nonsense is refused with the reason", nonsense_is_refused_with_the_reason },
};
TEST_MAIN(cases)
