/* SPDX-License-Identifier: MIT */
/* A series of one operation that every system has: `plan' and `who' are in scope. */
#ifndef MICRO_MEASURE_H
#define MICRO_MEASURE_H

#include <stdio.h>

#include "micro/series.h"

/* Name it who.what and measure it, if it is wanted. */
#define MEASURE(what, niterations, operation)                                      \
	do {                                                                       \
		struct series s_ = { plan->batches, (niterations), { 0 }, { 0 } }; \
		char name_[40];                                                    \
										   \
		snprintf(name_, sizeof(name_), "%s.%s", who, what);                \
		if (series_wanted(plan, name_)) {                                  \
			SERIES_RUN(s_.empty, s_.batches, s_.iterations, NOTHING);  \
			SERIES_RUN(s_.ticks, s_.batches, s_.iterations, operation); \
			series_print(name_, &s_);                                  \
		}                                                                  \
	} while (0)

#endif
