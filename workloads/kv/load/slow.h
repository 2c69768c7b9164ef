/* SPDX-License-Identifier: MIT */
/*
 * The slowest requests of a run, by latency from their scheduled time, with
 * what is needed to ask later what went on meanwhile.
 */
#ifndef LOAD_SLOW_H
#define LOAD_SLOW_H

#include "kv/load/traffic.h"

#define SLOW_MAX 10

/* Times are ns after the start, as the schedule's. */
struct slow {
	uint64_t request;	/* counted from 0, warm-up included */
	uint64_t at, sent, done;
	uint64_t before;	/* the last reply to an earlier request; 0: there was none */
	uint64_t busy;		/* scheduled time of the first request that was not alone since */
	uint64_t ahead;		/* earlier requests without a reply at its scheduled time */
};

/* The slowest first, equals in the order of their numbers; returns how many. */
unsigned int slow_find(struct slow slow[SLOW_MAX], const struct traffic *traffic, uint64_t warmup);

#endif
