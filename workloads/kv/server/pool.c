// SPDX-License-Identifier: MIT
/* The free list of chunks. */
#include "kv/server/pool.h"

void pool_init(struct pool *pool, void *base, uint32_t limit)
{
	pool->base = base;
	pool->limit = limit;
	pool->fresh = 1;
	pool->free_head = POOL_NIL;
	pool->nr_free = limit - 1;
}

uint32_t pool_get(struct pool *pool)
{
	uint32_t chunk = pool->free_head;

	pool->nr_free--;
	if (chunk == POOL_NIL)
		return pool->fresh++;
	pool->free_head = ((struct pool_chunk *)pool_at(pool, chunk))->next;
	return chunk;
}

void pool_put(struct pool *pool, uint32_t chunk)
{
	((struct pool_chunk *)pool_at(pool, chunk))->next = pool->free_head;
	pool->free_head = chunk;
	pool->nr_free++;
}
