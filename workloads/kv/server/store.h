/* SPDX-License-Identifier: MIT */
/*
 * The shared key-value store: bounded memory, least recently used evicted,
 * expiry, CAS uniques, arithmetic.
 *
 * The store is divided into shards by hash; each has a lock, a hash table, a
 * list by last use and a fixed part of the memory. A million items of 20 B
 * key and 2 B value take 68 MB (64 B chunk and 4 B bucket each). Expired items
 * go when they are met or when they have become the oldest. Every call
 * takes the time as `now`, in seconds since the server started (> 0).
 */
#ifndef SERVER_STORE_H
#define SERVER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum store_mode { STORE_SET, STORE_ADD, STORE_REPLACE, STORE_APPEND, STORE_PREPEND, STORE_CAS };

enum store_result {
	STORE_OK,
	STORE_NOT_STORED,	/* add, replace, append, prepend: condition not met */
	STORE_EXISTS,		/* cas: changed since */
	STORE_NOT_FOUND,
	STORE_TOO_LARGE,
	STORE_NO_MEMORY,
	STORE_NOT_NUMBER,	/* arithmetic on something else */
};

struct store_key {
	const char *text;
	uint32_t len;		/* 1..ITEM_KEY_MAX */
	uint64_t hash;
};

struct store_value {
	const char *data;
	size_t len;
	uint32_t flags;
	uint32_t exptime;	/* server seconds; 0: never */
	uint64_t cas;		/* STORE_CAS: what it must still be */
};

/* What a found item looks like; valid while its shard stays locked. */
struct store_view {
	void *shard;
	const void *item;
	uint32_t value_len;
	uint32_t flags;
	uint64_t cas;
};

struct store_stats {
	uint64_t items, total_items, bytes, limit;
	uint64_t evictions, expired;
	uint64_t buckets;
	uint32_t shards;
};

#define STORE_MIN_BYTES (2ul << 20)

/* NULL with errno; prefault: take every page now rather than at first use. */
struct store *store_create(size_t limit_bytes, bool prefault);
/* The same in zeroed memory of the caller's, aligned to a page, which stays the caller's. */
struct store *store_create_in(void *memory, size_t limit_bytes);
void store_destroy(struct store *store);

/* Touch every page for writing, values unchanged; in a VM that makes its nested entries. */
void store_prefault(struct store *store);

struct store_key store_key(const char *text, size_t len);

/* Would this item be refused for its size? */
bool store_too_large(size_t key_len, size_t value_len);

/*
 * True: found, *view filled, and the shard locked until store_view_end().
 * exptime, when not NULL, becomes the item's new expiry.
 */
bool store_get(struct store *store, uint32_t now, const struct store_key *key,
	       const uint32_t *exptime, struct store_view *view);
void store_view_copy(const struct store_view *view, char *to);
void store_view_end(struct store_view *view);

enum store_result store_put(struct store *store, uint32_t now, enum store_mode mode,
			    const struct store_key *key, const struct store_value *value);

/* STORE_OK or STORE_NOT_FOUND. */
enum store_result store_delete(struct store *store, uint32_t now, const struct store_key *key);
enum store_result store_touch(struct store *store, uint32_t now, const struct store_key *key,
			      uint32_t exptime);

/* Adds (wraps at 2^64) or subtracts (stops at 0); *number is the outcome. */
enum store_result store_arith(struct store *store, uint32_t now, const struct store_key *key,
			      bool subtract, uint64_t delta, uint64_t *number);

/* Everything stored until time `at` (<= now: until this call) is gone then. */
void store_flush(struct store *store, uint32_t now, uint32_t at);

void store_stats(struct store *store, struct store_stats *stats);
void store_stats_reset(struct store *store);

#endif
