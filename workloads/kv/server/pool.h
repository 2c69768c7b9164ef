/* SPDX-License-Identifier: MIT */
/*
 * Fixed amount of memory, handed out in 64-byte chunks that are linked into
 * chains by 32-bit index.
 *
 * Equal chunks cannot fragment: whatever is freed serves the next item of
 * any size, so eviction follows age alone and never size. The price is
 * that a long value lies in pieces and is copied piecewise.
 */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_CHUNK 64u
#define POOL_NIL 0u
#define POOL_PAYLOAD (POOL_CHUNK - (unsigned int)sizeof(uint32_t))

/* Every chunk of a chain but the first, which is an item. */
struct pool_chunk {
	uint32_t next;
	char payload[POOL_PAYLOAD];
};

struct pool {
	char *base;
	uint32_t limit;		/* chunks, the unused number 0 included */
	uint32_t fresh;		/* next chunk never used */
	uint32_t free_head;
	uint32_t nr_free;	/* fresh ones included */
};

/* base: limit * POOL_CHUNK zeroed bytes, aligned to POOL_CHUNK. */
void pool_init(struct pool *pool, void *base, uint32_t limit);

static inline void *pool_at(const struct pool *pool, uint32_t chunk)
{
	return pool->base + (size_t)chunk * POOL_CHUNK;
}

/* The caller has checked nr_free. */
uint32_t pool_get(struct pool *pool);
void pool_put(struct pool *pool, uint32_t chunk);

#endif
