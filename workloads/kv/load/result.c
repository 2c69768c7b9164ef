// SPDX-License-Identifier: MIT
/* Adding up what happened to every request. */
#include "kv/load/result.h"

#include <string.h>

#include "kv/load/check.h"

const char *const result_kind_name[RESULT_KINDS] = { "intended", "service", "late", "gap" };

uint64_t result_latency(const struct traffic *traffic, uint64_t i, int kind)
{
	uint64_t at = traffic->plan->schedule.request[i].at_ns;
	const struct stamp *stamp = &traffic->stamp[i];

	if (kind == RESULT_INTENDED)
		return stamp->done - at;
	if (kind == RESULT_SERVICE)
		return stamp->done - stamp->sent;
	if (kind == RESULT_LATE)
		return stamp->sent - at;
	/* Time begins at 0, as the schedule does. A full socket lets a later one overtake. */
	if (i && stamp[-1].sent > stamp->sent)
		return 0;
	return stamp->sent - (i ? stamp[-1].sent : 0);
}

static void add_request(struct result *result, const struct traffic *traffic, uint64_t i,
			bool closed)
{
	const struct stamp *stamp = &traffic->stamp[i];
	int kind;

	result->sent++;
	if (traffic->plan->schedule.request[i].op == OP_SET)
		result->sets++;
	else
		result->gets++;
	if (!closed) {
		hist_record(&result->hist[RESULT_LATE], result_latency(traffic, i, RESULT_LATE));
		hist_record(&result->hist[RESULT_GAP], result_latency(traffic, i, RESULT_GAP));
	}
	if (!stamp->done)
		return;
	result->received++;
	if (traffic->outcome[i] == CHECK_HIT)
		result->hits++;
	if (traffic->outcome[i] == CHECK_MISS)
		result->misses++;
	if (stamp->done > result->end_ns)
		result->end_ns = stamp->done;
	for (kind = closed ? RESULT_SERVICE : RESULT_INTENDED; kind <= RESULT_SERVICE; kind++)
		hist_record(&result->hist[kind], result_latency(traffic, i, kind));
}

void result_make(struct result *result, const struct traffic *traffic, uint64_t warmup,
		 bool closed)
{
	const struct schedule_request *request = traffic->plan->schedule.request;
	uint64_t i, count = traffic->plan->count;
	int kind;

	memset(result, 0, sizeof(*result));
	for (kind = 0; kind < RESULT_KINDS; kind++)
		hist_reset(&result->hist[kind]);
	result->start_ns = closed ? traffic->stamp[warmup].sent : request[warmup].at_ns;
	result->end_ns = result->start_ns;
	for (i = 0; i < count; i++) {
		if (traffic->outcome[i] == CHECK_WRONG)
			result->errors++;
		else if (!traffic->stamp[i].done)
			result->lost++;
		if (i < warmup)
			result->warmup_discarded += traffic->stamp[i].done != 0;
		else if (traffic->stamp[i].sent)
			add_request(result, traffic, i, closed);
	}
	if (result->end_ns > result->start_ns)
		result->achieved_rps = (double)result->received * 1e9 /
				       (double)(result->end_ns - result->start_ns);
	if (!closed && count - warmup > 1)
		result->scheduled_rps = (double)(count - warmup - 1) * 1e9 /
			(double)(request[count - 1].at_ns - request[warmup].at_ns + 1);
}
