/* SPDX-License-Identifier: MIT */
/*
 * Hash table of items that grows one bucket at a time (linear hashing).
 *
 * The bucket array is address space reserved for the most items the memory
 * limit allows; an insert that raises the load above one item per bucket
 * splits a single bucket in two. No insert ever moves more than one
 * bucket's chain, so growing causes no pause, and untouched buckets cost no
 * memory.
 */
#ifndef SERVER_TABLE_H
#define SERVER_TABLE_H

#include <stdint.h>

#include "kv/server/item.h"

struct table {
	uint32_t *bucket;
	uint32_t limit;		/* buckets reserved */
	uint32_t round;		/* buckets at the start of this doubling: 2^k */
	uint32_t split;		/* next bucket to split, < round */
	uint32_t nr_items;
};

#define TABLE_FIRST_ROUND 16u

/* bucket: limit zeroed entries, limit >= TABLE_FIRST_ROUND. */
void table_init(struct table *table, uint32_t *bucket, uint32_t limit);

static inline uint32_t table_size(const struct table *table)
{
	return table->round + table->split;
}

/* POOL_NIL when there is none. */
uint32_t table_find(const struct table *table, const struct pool *pool,
		    uint32_t hash, const char *key, size_t key_len);
void table_insert(struct table *table, const struct pool *pool, uint32_t entry);
void table_remove(struct table *table, const struct pool *pool, uint32_t entry);

#endif
