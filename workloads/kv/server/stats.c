// SPDX-License-Identifier: MIT
/* The stats command: everybody's counters, summed when asked. */
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "kv/server/command.h"

static void sum_counters(const struct service *service, struct counters *sum)
{
	unsigned int i;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < service->nr_threads; i++) {
#define COUNTER_SUM(name) \
		sum->name += __atomic_load_n(&service->counters[i]->name, __ATOMIC_RELAXED);
		COUNTERS(COUNTER_SUM)
#undef COUNTER_SUM
	}
}

static void stat(struct reply *reply, const char *name, uint64_t value)
{
	reply_printf(reply, "STAT %s %" PRIu64 "\r\n", name, value);
}

static void general(const struct proto_context *context, struct reply *reply)
{
	const struct service *service = context->service;
	struct store_stats store;
	struct counters sum;

	sum_counters(service, &sum);
	store_stats(service->store, &store);
	stat(reply, "pid", (uint64_t)getpid());
	stat(reply, "uptime", context->now - SERVICE_FIRST_SECOND);
	stat(reply, "time", (uint64_t)service->start_real + context->now);
	reply_printf(reply, "STAT version %s\r\n", SERVICE_VERSION);
	stat(reply, "pointer_size", 8 * sizeof(void *));
	stat(reply, "threads", service->nr_threads);
	stat(reply, "max_connections", service->max_conns);
	stat(reply, "curr_connections", __atomic_load_n(&service->conns, __ATOMIC_RELAXED));
#define COUNTER_STAT(name) stat(reply, #name, sum.name);
	COUNTERS(COUNTER_STAT)
#undef COUNTER_STAT
	stat(reply, "limit_maxbytes", store.limit);
	stat(reply, "bytes", store.bytes);
	stat(reply, "curr_items", store.items);
	stat(reply, "total_items", store.total_items);
	stat(reply, "evictions", store.evictions);
	stat(reply, "expired", store.expired);
	stat(reply, "hash_buckets", store.buckets);
	stat(reply, "shards", store.shards);
	stat(reply, "conn_buffer_bytes", __atomic_load_n(&service->buffered, __ATOMIC_RELAXED));
	reply_line(reply, "END");
}

static void settings(const struct proto_context *context, struct reply *reply)
{
	const struct service *service = context->service;
	struct store_stats store;

	store_stats(service->store, &store);
	stat(reply, "maxbytes", store.limit);
	stat(reply, "maxconns", service->max_conns);
	stat(reply, "tcpport", service->port);
	stat(reply, "udpport", service->udp_port);
	stat(reply, "num_threads", service->nr_threads);
	stat(reply, "item_size_max", 1u << 20);
	stat(reply, "conn_buffer_max", service->buffer_limit);
	reply_line(reply, "END");
}

/* Other workers keep counting meanwhile: a count may survive the reset. */
static void reset(const struct proto_context *context, struct reply *reply)
{
	const struct service *service = context->service;
	unsigned int i;

	for (i = 0; i < service->nr_threads; i++) {
#define COUNTER_RESET(name) \
		__atomic_store_n(&service->counters[i]->name, 0, __ATOMIC_RELAXED);
		COUNTERS(COUNTER_RESET)
#undef COUNTER_RESET
	}
	store_stats_reset(service->store);
	reply_line(reply, "RESET");
}

void command_stats(const struct proto_context *context, const struct token *token, int n,
		   struct reply *reply)
{
	if (n == 1)
		general(context, reply);
	else if (token_is(token[1], "settings"))
		settings(context, reply);
	else if (token_is(token[1], "reset"))
		reset(context, reply);
	else
		reply_line(reply, "ERROR");
}
