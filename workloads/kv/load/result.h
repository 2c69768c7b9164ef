/* SPDX-License-Identifier: MIT */
/*
 * From time stamps to histograms and totals, after the timed part.
 *
 * intended  reply - scheduled time     (what a client that cannot wait sees)
 * service   reply - actual send time
 * late      actual send - scheduled time
 * gap       actual send - the one before: what arrivals the generator made
 * The warm-up requests are left out of everything but lost and errors.
 */
#ifndef LOAD_RESULT_H
#define LOAD_RESULT_H

#include "kv/load/traffic.h"
#include "lib/hist.h"

enum { RESULT_INTENDED, RESULT_SERVICE, RESULT_LATE, RESULT_GAP, RESULT_KINDS };
extern const char *const result_kind_name[RESULT_KINDS];

struct result {
	struct hist hist[RESULT_KINDS];
	uint64_t sent, received, gets, sets, hits, misses;
	uint64_t warmup_discarded;	/* warm-up requests that were answered */
	uint64_t lost, errors;		/* warm-up included */
	uint64_t start_ns;		/* measured part: first scheduled (closed: sent) */
	uint64_t end_ns;		/* ... to last reply */
	double scheduled_rps;		/* what the schedule's measured part asks for */
	double achieved_rps;		/* replies per second of the measured part */
};

/* closed: there is no schedule, so no intended time and no lateness. */
void result_make(struct result *result, const struct traffic *traffic, uint64_t warmup,
		 bool closed);

/* The latency of one answered request. */
uint64_t result_latency(const struct traffic *traffic, uint64_t i, int kind);

#endif
