/* SPDX-License-Identifier: MIT */
/*
 * What a worker counts: one private set per worker, summed up only when
 * somebody asks for statistics.
 */
#ifndef SERVER_COUNTERS_H
#define SERVER_COUNTERS_H

#include <stdint.h>

/* Names as memcached's "stats" prints them, in this order. */
#define COUNTERS(X)                                                            \
	X(cmd_get) X(cmd_set) X(cmd_flush) X(cmd_touch)                        \
	X(get_hits) X(get_misses)                                              \
	X(delete_misses) X(delete_hits) X(incr_misses) X(incr_hits)            \
	X(decr_misses) X(decr_hits) X(cas_misses) X(cas_hits) X(cas_badval)    \
	X(touch_hits) X(touch_misses) X(bytes_read) X(bytes_written)           \
	X(total_connections) X(rejected_connections) X(udp_requests)           \
	X(protocol_errors)

struct counters {
#define COUNTER_FIELD(name) uint64_t name;
	COUNTERS(COUNTER_FIELD)
#undef COUNTER_FIELD
};

/* One writer per set: a plain add, but never torn for a reader elsewhere. */
#define count_add(counters, name, amount)                                      \
	__atomic_store_n(&(counters)->name, (counters)->name + (amount), __ATOMIC_RELAXED)
#define count(counters, name) count_add(counters, name, 1)

#endif
