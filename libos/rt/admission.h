/* SPDX-License-Identifier: MIT */
/*
 * May one more task with deadlines be let in, under earliest deadline first?
 *
 * On one core the answer is exact for sporadic tasks: utilisation at most one
 * (Liu and Layland 1973), and where deadlines are shorter than periods the
 * demand of every interval within its length (Baruah, Rosier and Howell 1990),
 * looked at in the order of Zhang and Burns (2009). On k cores it is the density
 * bound of Goossens, Funk and Baruah (2003): sum <= k - (k - 1) max. That one is
 * safe but not exact: it refuses sets that might have been kept.
 *
 * Costs of dispatching and preemption are not in it: a demand's cost has to
 * include them.
 */
#ifndef RT_ADMISSION_H
#define RT_ADMISSION_H

#include "policy.h"

#define RT_ADMISSION_MAX 64u

struct rt_admission {
	uint32_t cores, tasks;
	struct rt_demand task[RT_ADMISSION_MAX];
	uint64_t at;	/* after a refusal for demand: the interval that cannot hold it */
};

/* NULL: it is in. Otherwise the sentence that says why not, and nothing has changed. */
const char *rt_admit(struct rt_admission *admission, const struct rt_demand *demand);
void rt_release(struct rt_admission *admission, const struct rt_demand *demand);

#endif
