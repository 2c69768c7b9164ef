/* SPDX-License-Identifier: MIT */
/*
 * What is kept of a run: the time each request spent in the system, over all
 * and by class, and its slowdown (that time over its size).
 *
 * Percentiles are those of lib/hist.h, right to 0.1 %; means are exact.
 */
#ifndef RTSIM_MEASURE_H
#define RTSIM_MEASURE_H

#include "lib/hist.h"
#include "rtsim/law.h"
#include "rtsim/sim.h"

#define MEASURE_SLOWDOWN 1000	/* slowdowns are counted in thousandths */

struct measure {
	uint64_t warmup;	/* jobs with a lower number are left out */
	uint64_t missed;	/* done after their deadline */
	struct hist sojourn, slowdown, class[LAW_CLASSES];
};

void measure_start(struct measure *measure, uint64_t warmup);

/* A sim_sink's done(). */
void measure_done(void *measure, const struct sim_job *job, uint64_t now);

/* Percentile p (0.99, say) in the histogram's unit; 0 when n (1 - p) < 10 values are above it. */
double measure_percentile(const struct hist *hist, double p);

/* FNV-1a 64 over the buckets of the sojourn times: equal for equal runs. */
uint64_t measure_digest(const struct measure *measure);

#endif
