/* SPDX-License-Identifier: MIT */
/* What requests went through, for people and for programs. */
#ifndef RTSIM_PRINT_H
#define RTSIM_PRINT_H

#include "rtsim/measure.h"
#include "rtsim/options.h"

/* used: the share of the cores' time that service took; clock: what its times are of. */
void print_table(const struct options *options, const struct measure *measure,
		 const struct sim_totals *totals, double used);
void print_json(const struct options *options, const struct measure *measure,
		const struct sim_totals *totals, double used, const char *clock);

/*
 * The file of --hlog: an interval of length_ns each, tagged sojourn, slowdown, class0...; late
 * may be NULL. 0, or -1 if it cannot be written.
 */
int print_hlog(const struct options *options, const struct measure *measure,
	       const struct hist *late, uint64_t length_ns);

/* On standard error, if the load is above what is left beside the options' costs. */
void print_warning(const struct options *options);

#endif
