// SPDX-License-Identifier: MIT
/* Drawing gaps, sizes and flows: a stream of the seed each, so that policies see the same ones. */
#include "rtsim/open.h"

#include "lib/dist.h"

enum { STREAM_ARRIVAL = 1, STREAM_SIZE, STREAM_FLOW };

void open_start(struct open_load *open, const struct law *law, enum open_arrival arrival,
		double load, uint32_t cores, uint64_t count, uint64_t seed)
{
	*open = (struct open_load){ .law = *law, .arrival = arrival, .count = count };
	open->gap_ns = law->mean_ns / (load * cores);
	rng_init(&open->arrivals, seed, STREAM_ARRIVAL);
	rng_init(&open->sizes, seed, STREAM_SIZE);
	rng_init(&open->flows, seed, STREAM_FLOW);
}

bool open_next(void *arg, struct sim_job *job)
{
	struct open_load *open = arg;
	uint32_t class;

	if (open->made == open->count)
		return false;
	if (open->arrival == OPEN_POISSON)
		open->at += dist_exponential(rng_unit(&open->arrivals), open->gap_ns);
	else
		open->at = (double)open->made * open->gap_ns;
	open->made++;
	job->arrival = (uint64_t)(open->at + 0.5);
	job->size = law_draw(&open->law, &open->sizes, &class);
	job->task.class = (uint16_t)class;
	job->task.priority = (uint16_t)class;
	job->task.size = job->size;
	job->task.flow = (uint32_t)(rng_next(&open->flows) >> 32);
	job->task.deadline = RT_FOREVER;
	if (open->deadline_factor > 0.0)
		job->task.deadline = job->arrival + (uint64_t)(open->deadline_factor *
							       open->law.size_ns[class] + 0.5);
	return true;
}
