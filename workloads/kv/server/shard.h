/* SPDX-License-Identifier: MIT */
/*
 * One part of the store with its own lock, memory, table and order of use.
 *
 * All functions expect the lock to be held.
 */
#ifndef SERVER_SHARD_H
#define SERVER_SHARD_H

#include <pthread.h>

#include "kv/server/lru.h"
#include "kv/server/store.h"
#include "kv/server/table.h"

struct shard {
	pthread_mutex_t lock;
	struct pool pool;
	struct table table;
	struct lru lru;
	uint64_t cas;		/* last unique given out */
	uint64_t cas_step;	/* shards count in different residues */
	uint64_t flushed_cas;	/* items up to this one are dead */
	uint32_t flush_at;	/* flush to come; 0: none */
	uint64_t evictions, expired, total_items;
} __attribute__((aligned(64)));

static inline struct item *shard_item(const struct shard *shard, uint32_t entry)
{
	return pool_at(&shard->pool, entry);
}

static inline uint64_t shard_next_cas(struct shard *shard)
{
	return shard->cas += shard->cas_step;
}

/* A live item, or POOL_NIL; an expired one that is met is freed. */
uint32_t shard_find(struct shard *shard, uint32_t now, const struct store_key *key);

void shard_unlink(struct shard *shard, uint32_t entry);

/*
 * Store a value under a key whose present item is `old` (or POOL_NIL),
 * evicting the oldest items as needed; POOL_NIL when it can never fit.
 */
uint32_t shard_replace(struct shard *shard, uint32_t now, uint32_t old,
		       const struct store_key *key, const struct store_value *value);

/* Bring a due flush into effect. */
void shard_tick(struct shard *shard, uint32_t now);

#endif
