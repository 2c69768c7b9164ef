// SPDX-License-Identifier: MIT
/* The slowest request of each stretch of a run, and what else was there meanwhile. */
#include <inttypes.h>
#include <stdio.h>

#include "spin/spin.h"

#define STRETCHES 50

static double slowdown(const struct request *request)
{
	return (double)(request->ended - request->job.arrival) / (double)request->job.size;
}

/* Requests that were there with it, at some time, their service in all and the longest one's. */
static uint64_t beside(const struct request *requests, uint64_t n, const struct request *one,
		       uint64_t *service, uint64_t *longest)
{
	uint64_t i, found = 0;

	*service = *longest = 0;
	/* They are in order of arrival. */
	for (i = 0; i < n && requests[i].job.arrival < one->ended; i++) {
		if (&requests[i] == one || requests[i].ended <= one->job.arrival)
			continue;
		found++;
		*service += requests[i].job.size;
		*longest = requests[i].job.size > *longest ? requests[i].job.size : *longest;
	}
	return found;
}

void series_json(const struct request *requests, uint64_t warmup, uint64_t n)
{
	const uint64_t counted = n - warmup;
	const char *comma = "";
	unsigned int stretch;

	printf("\"slowest\":[");
	for (stretch = 0; stretch < STRETCHES; stretch++) {
		uint64_t i = warmup + counted * stretch / STRETCHES, longest, others, service;
		const uint64_t end = warmup + counted * (stretch + 1) / STRETCHES;
		const struct request *worst = &requests[i];

		if (i == end)
			continue;
		for (; i < end; i++)
			if (slowdown(&requests[i]) > slowdown(worst))
				worst = &requests[i];
		others = beside(requests, n, worst, &service, &longest);
		printf("%s{\"arrival_ns\":%" PRIu64 ",\"sojourn_ns\":%" PRIu64 ",\"size_ns\":%"
		       PRIu64 ",\"others\":%" PRIu64 ",\"others_ns\":%" PRIu64
		       ",\"longest_other_ns\":%" PRIu64 "}", comma, worst->job.arrival,
		       worst->ended - worst->job.arrival, worst->job.size, others, service,
		       longest);
		comma = ",";
	}
	printf("]");
}
