// SPDX-License-Identifier: MIT
/* The two timed loops. Nothing here allocates, formats or computes much. */
#include "kv/load/pace.h"

#include "lib/clock.h"

/* Time between being ready and the first request: everybody is at rest by then. */
#define LEAD_NS 20000000ull
/* Requests sent in a row before looking at replies, when the loop is behind. */
#define BURST 16

void pace_open(struct traffic *traffic, uint64_t drain_ns)
{
	const struct schedule_request *request = traffic->plan->schedule.request;
	uint64_t count = traffic->plan->count;
	uint64_t end = request[count - 1].at_ns + drain_ns;

	traffic->began = clock_pair_read();
	traffic->start_ns = clock_ns() + LEAD_NS;
	while (clock_ns() <= traffic->start_ns)
		;
	while (traffic->received < count && !traffic->trouble[0]) {
		uint64_t now = clock_ns() - traffic->start_ns;
		int burst = BURST;

		while (traffic->released < count && request[traffic->released].at_ns <= now &&
		       burst--)
			traffic_send_next(traffic);
		traffic_poll(traffic);
		if (now > end && traffic->released == count)
			break;
	}
	traffic->ended = clock_pair_read();
}

void pace_closed(struct traffic *traffic, unsigned int window, uint64_t drain_ns)
{
	uint64_t count = traffic->plan->count, seen = 0, last;

	traffic->start_ns = clock_ns() - 1;
	last = traffic->start_ns;
	while (traffic->received < count && !traffic->trouble[0]) {
		while (traffic->released < count &&
		       traffic->released - traffic->received < window)
			traffic_send_next(traffic);
		traffic_poll(traffic);
		if (traffic->received != seen) {
			seen = traffic->received;
			last = clock_ns();
		} else if (clock_ns() - last > drain_ns) {
			break;
		}
	}
}
