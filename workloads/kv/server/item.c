// SPDX-License-Identifier: MIT
/* Copying bytes in and out of a chain of chunks. */
#include "kv/server/item.h"

#include <string.h>

_Static_assert(sizeof(struct item) == 40, "a small item must fit one chunk");

uint32_t item_chunks(size_t key_len, size_t value_len)
{
	size_t size = key_len + value_len;

	if (size <= ITEM_HEAD)
		return 1;
	return 1 + (uint32_t)((size - ITEM_HEAD + POOL_PAYLOAD - 1) / POOL_PAYLOAD);
}

/*
 * Find the piece that holds byte `offset`: returns where it is and how many
 * bytes follow in the same chunk; *next is the chunk after it.
 */
static char *piece_at(const struct pool *pool, const struct item *item,
		      size_t offset, size_t *left, uint32_t *next)
{
	struct pool_chunk *chunk;

	*next = item->next;
	if (offset < ITEM_HEAD) {
		*left = ITEM_HEAD - offset;
		return (char *)item->head + offset;
	}
	offset -= ITEM_HEAD;
	chunk = pool_at(pool, item->next);
	while (offset >= POOL_PAYLOAD) {
		offset -= POOL_PAYLOAD;
		chunk = pool_at(pool, chunk->next);
	}
	*next = chunk->next;
	*left = POOL_PAYLOAD - offset;
	return chunk->payload + offset;
}

void item_write(const struct pool *pool, struct item *item, size_t offset,
		const char *from, size_t size)
{
	struct pool_chunk *chunk;
	uint32_t next;
	size_t left;
	char *to;

	if (!size)
		return;
	to = piece_at(pool, item, offset, &left, &next);
	while (size > left) {
		memcpy(to, from, left);
		from += left;
		size -= left;
		chunk = pool_at(pool, next);
		to = chunk->payload;
		next = chunk->next;
		left = POOL_PAYLOAD;
	}
	memcpy(to, from, size);
}

void item_read(const struct pool *pool, const struct item *item, size_t offset,
	       char *to, size_t size)
{
	const struct pool_chunk *chunk;
	const char *from;
	uint32_t next;
	size_t left;

	if (!size)
		return;
	from = piece_at(pool, item, offset, &left, &next);
	while (size > left) {
		memcpy(to, from, left);
		to += left;
		size -= left;
		chunk = pool_at(pool, next);
		from = chunk->payload;
		next = chunk->next;
		left = POOL_PAYLOAD;
	}
	memcpy(to, from, size);
}

bool item_key_equal(const struct pool *pool, const struct item *item,
		    const char *key, size_t key_len)
{
	char copy[ITEM_KEY_MAX];

	if (item->key_len != key_len)
		return false;
	if (key_len <= ITEM_HEAD)
		return !memcmp(item->head, key, key_len);
	item_read(pool, item, 0, copy, key_len);
	return !memcmp(copy, key, key_len);
}

uint32_t item_alloc(struct pool *pool, uint32_t chunks)
{
	uint32_t first = pool_get(pool), last = first;

	while (--chunks) {
		uint32_t chunk = pool_get(pool);

		((struct pool_chunk *)pool_at(pool, last))->next = chunk;
		last = chunk;
	}
	((struct pool_chunk *)pool_at(pool, last))->next = POOL_NIL;
	return first;
}

void item_free(struct pool *pool, uint32_t first)
{
	while (first != POOL_NIL) {
		uint32_t next = ((struct pool_chunk *)pool_at(pool, first))->next;

		pool_put(pool, first);
		first = next;
	}
}
