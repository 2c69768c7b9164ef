// SPDX-License-Identifier: MIT
/* Picking the slowest requests out of all. */
#include "kv/load/slow.h"

#include <string.h>

static uint64_t latency(const struct slow *slow)
{
	return slow->done - slow->at;
}

static void insert(struct slow slow[SLOW_MAX], unsigned int *n, const struct slow *new)
{
	unsigned int place = *n;

	while (place && latency(new) > latency(&slow[place - 1]))
		place--;
	if (place == SLOW_MAX)
		return;
	if (*n < SLOW_MAX)
		(*n)++;
	memmove(&slow[place + 1], &slow[place], (*n - 1 - place) * sizeof(*slow));
	slow[place] = *new;
}

static uint64_t count_ahead(const struct traffic *traffic, const struct slow *slow)
{
	uint64_t i, n = 0;

	for (i = slow->request; i-- && traffic->plan->schedule.request[i].at_ns >= slow->busy;)
		n += traffic->stamp[i].done > slow->at;
	return n;
}

unsigned int slow_find(struct slow slow[SLOW_MAX], const struct traffic *traffic, uint64_t warmup)
{
	const struct schedule_request *request = traffic->plan->schedule.request;
	uint64_t i, before = 0, busy = 0;
	unsigned int j, n = 0;

	for (i = 0; i < traffic->plan->count; i++) {
		const struct stamp *stamp = &traffic->stamp[i];

		if (request[i].at_ns >= before)
			busy = request[i].at_ns;
		if (i >= warmup && stamp->done)
			insert(slow, &n, &(struct slow){
				.request = i, .at = request[i].at_ns, .sent = stamp->sent,
				.done = stamp->done, .before = before, .busy = busy });
		if (stamp->done > before)
			before = stamp->done;
	}
	for (j = 0; j < n; j++)
		slow[j].ahead = count_ahead(traffic, &slow[j]);
	return n;
}
