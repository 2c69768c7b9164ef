// SPDX-License-Identifier: MIT
/* The rings of the load generator: a pair for each of the server's cores. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kv/load/check.h"
#include "kv/load/fail.h"
#include "kv/load/traffic.h"
#include "lib/clock.h"

/* Looks in vain, in a row, before the server is looked at: some milliseconds. */
#define DOUBTS 65536u

const char *rings_explain(int error)
{
	switch (error) {
	case -ENOENT:
		return "there is no such file: is kv-server --ring running?";
	case -ENOTCONN:
		return "its server is gone: start kv-server --ring again";
	case -ETIMEDOUT:
		return "its server does not answer: is it stopped?";
	case -EBUSY:
		return "another generator is using it";
	case -EPROTO:
		return "it is no ring of kv-server's";
	default:
		return strerror(-error);
	}
}

void traffic_open_ring(struct traffic *traffic, struct plan *plan, const char *path)
{
	struct ring_file file;
	uint64_t i, longest = plan->reply_max;
	unsigned int pair;
	int error = ring_file_open(&file, path);

	if (error)
		fail(FAIL_MEASUREMENT, "--ring %s: %s", path, rings_explain(error));
	for (i = 0; i < plan->count; i++)
		if (plan->start[i + 1] - plan->start[i] > longest)
			longest = plan->start[i + 1] - plan->start[i];
	if (longest > file.bytes - RING_FRAME)
		fail(FAIL_USAGE, "a message of %llu bytes does not fit the ring: give kv-server a "
		     "larger --ring-kib, or use --law usr", (unsigned long long)longest);
	traffic_prepare(traffic, plan, file.pairs, (size_t)file.bytes);
	traffic->ring = file;
	plan_expect(plan);
	for (pair = 0; pair < file.pairs; pair++) {
		error = ring_file_use(&file, pair, &traffic->channel[pair].requests,
				      &traffic->channel[pair].replies);
		if (error)
			fail(FAIL_MEASUREMENT, "--ring %s: %s", path, rings_explain(error));
	}
}

bool rings_send(struct traffic *traffic, struct channel *channel)
{
	while (channel->next_tx < traffic->released && !traffic->trouble[0]) {
		uint64_t i = channel->next_tx;
		size_t len;
		const char *request = plan_request(traffic->plan, i, &len);
		int error;

		traffic->stamp[i].sent = clock_ns() - traffic->start_ns;
		error = ring_send(&channel->requests,
				  ring_tag(&traffic->ring, i / traffic->nr_channels), request, len);
		if (error == -EAGAIN)
			return false;
		if (error) {
			trouble(traffic, "the server has broken the ring after %llu replies",
				(unsigned long long)traffic->received);
			return true;
		}
		channel->next_tx += traffic->nr_channels;
		traffic->handed++;
	}
	return true;
}

static void take(struct traffic *traffic, struct channel *channel, uint64_t tag, size_t len)
{
	uint64_t i = channel->next_rx, now = clock_ns() - traffic->start_ns;
	uint64_t want = ring_tag(&traffic->ring, i / traffic->nr_channels);
	enum verdict verdict;
	const char *hit;
	size_t used;

	/* To a generator that was killed while the server was at work. */
	if ((tag ^ want) >> 48)
		return;
	if (i >= channel->next_tx || tag != want) {
		trouble(traffic, "the server's replies are out of order: %llu came instead of %llu",
			(unsigned long long)(tag & 0xffffffffffffull),
			(unsigned long long)(want & 0xffffffffffffull));
		return;
	}
	hit = plan_hit(traffic->plan, i, &used);
	if (len == used && !memcmp(channel->in, hit, len))
		verdict = hit[0] == 'V' ? CHECK_HIT : CHECK_STORED;
	else
		verdict = check_reply(traffic->plan, i, channel->in, len, &used);
	if (verdict == CHECK_MORE || verdict == CHECK_WRONG || used != len) {
		traffic_wrong(traffic, i, channel->in, len);
		return;
	}
	traffic_complete(traffic, i, verdict, now);
	channel->next_rx += traffic->nr_channels;
}

/* A server that is at work answers long before anybody doubts that it lives. */
static void doubt(struct traffic *traffic)
{
	if (++traffic->idle % DOUBTS || ring_file_served(&traffic->ring))
		return;
	trouble(traffic, "the server is gone after %llu replies",
		(unsigned long long)traffic->received);
}

void rings_poll(struct traffic *traffic)
{
	const uint64_t before = traffic->received;
	unsigned int c;

	for (c = 0; c < traffic->nr_channels && !traffic->trouble[0]; c++) {
		struct channel *channel = &traffic->channel[c];
		uint64_t tag;
		size_t len;
		int error = ring_receive(&channel->replies, &tag, channel->in, traffic->in_size,
					 &len);

		if (!error)
			take(traffic, channel, tag, len);
		else if (error != -EAGAIN)
			trouble(traffic, "the server has broken the ring after %llu replies",
				(unsigned long long)traffic->received);
	}
	if (traffic->received == before)
		doubt(traffic);
	else
		traffic->idle = 0;
}
