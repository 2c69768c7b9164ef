/* SPDX-License-Identifier: MIT */
/* When requests are sent: by the schedule, or as replies come. */
#ifndef LOAD_PACE_H
#define LOAD_PACE_H

#include "kv/load/traffic.h"

/*
 * Open loop: every request leaves at its scheduled time or, when that has
 * passed, at once; none is ever skipped. Returns when all are answered, the
 * last replies took longer than drain_ns, or traffic->trouble says why.
 */
void pace_open(struct traffic *traffic, uint64_t drain_ns);

/*
 * Closed loop: the next request leaves when fewer than `window` are
 * outstanding. Gives up when no reply came for drain_ns.
 */
void pace_closed(struct traffic *traffic, unsigned int window, uint64_t drain_ns);

#endif
