// SPDX-License-Identifier: MIT
/* What a task had of its core, as the policy is told: what interrupts took is not in it. */
#include <dune/timer.h>

#include "../rt/run/runtime.h"
#include "lib/dune_mode.h"
#include "lib/rt_up.h"

#define INTERRUPTS 64u

/* All but the counts in ticks. */
/* Between two looks, with an interrupt between them; in all. */
static uint64_t least = UINT64_MAX, most, lost;
static uint64_t elapsed;	/* from before the first yield to after the second */
static uint64_t edges;		/* of that, what is outside the loop */
static uint64_t count;		/* of interrupts between the two yields */
static uint64_t toll, ran;

static uint64_t interrupts(const struct rt_core *core)
{
	return __atomic_load_n(&core->counters->interrupts, __ATOMIC_RELAXED);
}

/* Its own timer rings so much later that what it takes is less than what is had before. */
static uint64_t interrupted(const struct rt_core *core)
{
	const uint64_t before = interrupts(core);
	uint64_t first, last, now;
	bool came;

	last = now = rt_tsc();
	if (dune_timer_set(rt_tsc() + rt_ticks(MS) + core->toll))
		ktap_bail("dune_timer_set");
	do {
		first = last;
		last = now;
		came = interrupts(core) != before;
		now = rt_tsc();
	} while (!came);
	/* It may have come between the count before and the clock behind that. */
	return now - first;
}

/* Alone on its core: `ran' is what it was when it last stopped, so it yields to read it. */
static void *looks(void *arg)
{
	const struct rt_core *core = rt_core_here();
	const struct rt_task *task = &core->current->task;
	uint64_t before, first, last, had, begun, gap;
	uint32_t i;

	before = rt_tsc();
	dune_rt_yield();
	had = task->ran;
	begun = interrupts(core);
	first = rt_tsc();
	for (i = 0; i < INTERRUPTS; i++) {
		gap = interrupted(core);
		least = gap < least ? gap : least;
		most = gap > most ? gap : most;
		lost += gap;
	}
	last = rt_tsc();
	dune_rt_yield();
	elapsed = rt_tsc() - before;
	edges = elapsed - (last - first);
	count = interrupts(core) - begun;
	ran = rt_ticks(task->ran - had);
	toll = core->toll;
	return arg;
}

int main(void)
{
	struct dune_rt_attr attr = rt_attr();
	uint64_t took, rounded;

	ktap_plan(3);
	if (dune_init(NULL))
		ktap_bail("dune_init");
	rt_up("srpt", 1);
	attr.size_hint = 100000 * MS;
	rt_spawn(looks, NULL, &attr);
	dune_rt_wait();
	took = count * toll;
	rounded = rt_ticks(1000);
	/* On a slow host one interrupt takes a hundred times what another does. */
	ktap_check(toll > least / 4 && toll < most * 4,
		   "what an interrupt takes is known: %llu ticks, found here: %llu to %llu",
		   (unsigned long long)toll, (unsigned long long)least, (unsigned long long)most);
	/* Whatever the host does meanwhile, these hold. */
	ktap_check(ran + took <= elapsed + rounded,
		   "what %llu interrupts took is not served: %llu + %llu of %llu ticks",
		   (unsigned long long)count, (unsigned long long)ran, (unsigned long long)took,
		   (unsigned long long)elapsed);
	ktap_check(ran + took + lost + edges + rounded >= elapsed,
		   "all the rest is: at most %llu in handlers, %llu at the edges",
		   (unsigned long long)lost, (unsigned long long)edges);
	rt_down();
	return ktap_exit_status();
}
