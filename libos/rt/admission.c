// SPDX-License-Identifier: MIT
/* Utilisation, demand and density of a set of tasks with deadlines, in integers. */
#include "admission.h"

#define ONE (1ull << 56)
#define LONGEST (1ull << 61)
/* No set that somebody would write by hand comes near it. */
#define PATIENCE 100000u

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* cost / time in units of 2^-56, cost <= time <= LONGEST; *rest: rounded down. */
static uint64_t share(uint64_t cost, uint64_t time, bool *rest)
{
	uint64_t quotient = cost / time, remainder = cost % time;
	int bit;

	for (bit = 0; bit < 56; bit++) {
		remainder <<= 1;
		quotient <<= 1;
		if (remainder >= time) {
			remainder -= time;
			quotient |= 1;
		}
	}
	*rest = remainder != 0;
	return quotient;
}

/* Rounded down: over by less than 2^-50, which takes years to make a nanosecond. */
static uint64_t utilisation(const struct rt_admission *a)
{
	uint64_t sum = 0;
	uint32_t i;
	bool rest;

	for (i = 0; i < a->tasks; i++)
		sum += share(a->task[i].cost, a->task[i].period, &rest);
	return sum;
}

static bool dense(const struct rt_admission *a)
{
	uint64_t sum = 0, most = 0;
	uint32_t i;

	for (i = 0; i < a->tasks; i++) {
		const struct rt_demand *t = &a->task[i];
		bool rest;
		uint64_t density = share(t->cost, least(t->deadline, t->period), &rest);

		density += rest;
		sum += density;
		most = density > most ? density : most;
	}
	return sum > a->cores * ONE - (a->cores - 1) * most;
}

static uint64_t add(uint64_t sum, uint64_t times, uint64_t cost)
{
	if (__builtin_mul_overflow(times, cost, &times) || __builtin_add_overflow(sum, times, &sum))
		return RT_FOREVER;
	return sum;
}

/* Service that has to be given within [0, t] if all begin together at 0. */
static uint64_t demand_within(const struct rt_admission *a, uint64_t t)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < a->tasks; i++)
		if (t >= a->task[i].deadline)
			sum = add(sum, (t - a->task[i].deadline) / a->task[i].period + 1,
				  a->task[i].cost);
	return sum;
}

/* How long the core is never idle if all begin together; RT_FOREVER: not found. */
static uint64_t busy_period(const struct rt_admission *a)
{
	uint64_t length = 1, next;
	uint32_t round, i;

	for (round = 0; round < PATIENCE; round++) {
		next = 0;
		for (i = 0; i < a->tasks; i++)
			next = add(next, (length - 1) / a->task[i].period + 1, a->task[i].cost);
		if (next == length)
			return length;
		if (next > LONGEST)
			break;
		length = next;
	}
	return RT_FOREVER;
}

/* The last deadline before t; 0: there is none. */
static uint64_t deadline_before(const struct rt_admission *a, uint64_t t)
{
	uint64_t last = 0;
	uint32_t i;

	for (i = 0; i < a->tasks; i++) {
		const struct rt_demand *d = &a->task[i];
		uint64_t at;

		if (t <= d->deadline)
			continue;
		at = d->deadline + (t - 1 - d->deadline) / d->period * d->period;
		last = at > last ? at : last;
	}
	return last;
}

static const char *demand_refusal(struct rt_admission *a)
{
	uint64_t length = busy_period(a), t, demand;
	uint32_t round;

	if (length != RT_FOREVER) {
		t = deadline_before(a, length + 1);
		for (round = 0; round < PATIENCE; round++) {
			if (!t)
				return NULL;
			demand = demand_within(a, t);
			if (demand > t) {
				a->at = t;
				return "deadlines would be missed: within some time more has to be "
				       "done than fits";
			}
			/* Between demand and t nothing can go wrong. */
			t = demand < t ? deadline_before(a, demand + 1) : deadline_before(a, t);
		}
	}
	return "the cores would be so nearly full that it cannot be told whether deadlines are met";
}

static const char *refusal(struct rt_admission *a)
{
	uint32_t i;

	if (utilisation(a) > a->cores * ONE)
		return "the cores would be asked for more than all of their time";
	if (a->cores > 1)
		return dense(a) ? "on several cores it cannot be guaranteed that deadlines are met"
				: NULL;
	for (i = 0; i < a->tasks; i++)
		if (a->task[i].deadline < a->task[i].period)
			return demand_refusal(a);
	return NULL;
}

const char *rt_admit(struct rt_admission *admission, const struct rt_demand *demand)
{
	const char *why;

	admission->at = 0;
	if (!demand->cost || !demand->deadline || !demand->period)
		return "cost, deadline and period must be above zero";
	if (demand->deadline > LONGEST || demand->period > LONGEST)
		return "its deadline or period is longer than any run";
	if (demand->cost > demand->deadline)
		return "it costs more than its deadline allows, even alone";
	if (demand->cost > demand->period)
		return "it costs more than its period, and a task runs on one core at a time";
	if (admission->tasks == RT_ADMISSION_MAX)
		return "there are 64 tasks with deadlines already";
	admission->task[admission->tasks++] = *demand;
	why = refusal(admission);
	if (why)
		admission->tasks--;
	return why;
}

void rt_release(struct rt_admission *admission, const struct rt_demand *demand)
{
	uint32_t i;

	for (i = 0; i < admission->tasks; i++) {
		const struct rt_demand *t = &admission->task[i];

		if (t->cost == demand->cost && t->deadline == demand->deadline &&
		    t->period == demand->period) {
			admission->task[i] = admission->task[--admission->tasks];
			return;
		}
	}
}
