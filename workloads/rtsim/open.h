/* SPDX-License-Identifier: MIT */
/* Open arrivals at a given load: requests come when they are due, however long the queue. */
#ifndef RTSIM_OPEN_H
#define RTSIM_OPEN_H

#include "lib/rng.h"
#include "rtsim/law.h"
#include "rtsim/sim.h"

enum open_arrival { OPEN_POISSON, OPEN_FIXED };

struct open_load {
	struct law law;
	enum open_arrival arrival;
	double gap_ns;		/* mean time between arrivals */
	uint64_t count;
	double deadline_factor;	/* deadline = arrival + factor * mean size of the class; 0: none */
	struct rng arrivals, sizes, flows;
	uint64_t made;
	double at;
};

/* load: the share of all cores' time that service takes. */
void open_start(struct open_load *open, const struct law *law, enum open_arrival arrival,
		double load, uint32_t cores, uint64_t count, uint64_t seed);

/* A sim_source's next(); class is priority, the hint of size is the truth. */
bool open_next(void *open, struct sim_job *job);

#endif
