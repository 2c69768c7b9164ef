/* SPDX-License-Identifier: MIT */
/* What all workers share: the store, the time base, limits, everybody's counters. */
#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include "kv/server/counters.h"
#include "kv/server/store.h"

#define SERVICE_VERSION "dunelab-kv-1"
#define SERVICE_THREADS_MAX 64

struct service {
	struct store *store;
	struct counters *counters[SERVICE_THREADS_MAX];
	unsigned int nr_threads;
	uint64_t start_ns;	/* coarse monotonic clock when the server started */
	int64_t start_real;	/* seconds since the epoch that server second 0 was */
	uint32_t max_conns;
	uint64_t buffer_limit;	/* bytes that half requests and unsent replies may take */
	uint64_t buffered;	/* atomic: what they take now */
	uint32_t conns;		/* atomic */
	uint16_t port, udp_port;
};

/*
 * Server seconds start at 2, as 0 means "never" in expiry times and 1 is
 * "already expired".
 */
#define SERVICE_FIRST_SECOND 2u

void service_start_clock(struct service *service);
uint32_t service_now(const struct service *service);

/*
 * An exptime argument as a server second: 0 never; negative: expired; up to
 * 30 days: from now; above: seconds since the epoch.
 */
uint32_t service_exptime(const struct service *service, uint32_t now, int64_t exptime);

#endif
