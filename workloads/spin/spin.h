/* SPDX-License-Identifier: MIT */
/* Requests that spin for as long as they need, as tasks of libdune's runtime, in an open loop. */
#ifndef SPIN_SPIN_H
#define SPIN_SPIN_H

#include "lib/hist.h"
#include "rtsim/options.h"
#include "rtsim/sim.h"

struct outcome {
	struct sim_totals totals;
	struct hist late;	/* ns from when a request was due to when its task was made */
	uint64_t idle_ns;	/* of all cores together */
	uint64_t overhead_ns;	/* neither idle nor service, from first arrival to last end */
};

/*
 * All requests of the options, made before they are due; ended[i] is when that of number i
 * ended, in ns since the first could be. On a machine of a CPU more than cores: they have CPUs
 * 1 to cores, the caller 0. Ends the program with status 3 if that cannot be had.
 */
void spin_serve(const struct options *options, struct sim_job *jobs, uint64_t n, uint64_t *ended,
		struct outcome *outcome);

_Noreturn void spin_fail(const char *what, int error);

#endif
