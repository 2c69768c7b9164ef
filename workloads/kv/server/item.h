/* SPDX-License-Identifier: MIT */
/*
 * One key and its value: a header, then key and value bytes, in a chain of
 * chunks. A key of 20 and a value of 2 bytes fit into one chunk.
 */
#ifndef SERVER_ITEM_H
#define SERVER_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kv/server/pool.h"

#define ITEM_KEY_MAX 250u
/* Header, key and value together, as memcached's default -I 1m. */
#define ITEM_BYTES_MAX (1u << 20)

struct item {
	uint32_t next;		/* chunk of the rest; same place as in pool_chunk */
	uint32_t chain;		/* next item of the hash bucket */
	uint32_t newer, older;	/* neighbours by last use */
	uint32_t hash;
	uint32_t exptime;	/* server seconds; 0: never */
	uint32_t flags;
	uint32_t value_len : 24;
	uint32_t key_len : 8;
	uint64_t cas;
	char head[];		/* the first ITEM_HEAD bytes of key and value */
};

#define ITEM_HEAD (POOL_CHUNK - (unsigned int)offsetof(struct item, head))

/* Chunks that hold a key and a value of these lengths. */
uint32_t item_chunks(size_t key_len, size_t value_len);

/* Copy `size` bytes of the item's key-and-value bytes, starting at offset. */
void item_write(const struct pool *pool, struct item *item, size_t offset,
		const char *from, size_t size);
void item_read(const struct pool *pool, const struct item *item, size_t offset,
	       char *to, size_t size);

bool item_key_equal(const struct pool *pool, const struct item *item,
		    const char *key, size_t key_len);

/* Take a chain of the length item_chunks() says (nr_free was checked). */
uint32_t item_alloc(struct pool *pool, uint32_t chunks);
void item_free(struct pool *pool, uint32_t first);

#endif
