// SPDX-License-Identifier: MIT
/* The store's operations: lock the shard, find, check, change. */
#include "kv/server/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kv/server/hash.h"
#include "kv/server/number.h"
#include "kv/server/shard.h"

#define SHARDS_MAX 64u
#define SHARD_BYTES_MIN (4ul << 20)

struct store {
	struct shard *shard;
	uint32_t nr_shards;	/* a power of two */
	size_t limit;
	void *memory;
	size_t mapped;		/* bytes of it that are ours to unmap */
};

static void shard_init(struct shard *shard, char *memory, uint32_t chunks, uint32_t index,
		       uint32_t nr_shards)
{
	pthread_mutex_init(&shard->lock, NULL);
	pool_init(&shard->pool, memory, chunks);
	table_init(&shard->table, (uint32_t *)(memory + (size_t)chunks * POOL_CHUNK), chunks);
	shard->cas_step = nr_shards;
	shard->cas = index;
	/* Every unique given out is larger than the start, so nothing is dead yet. */
	shard->flushed_cas = index;
}

struct store *store_create_in(void *memory, size_t limit_bytes)
{
	struct store *store;
	size_t part;
	uint32_t i;

	if (limit_bytes < STORE_MIN_BYTES) {
		errno = EINVAL;
		return NULL;
	}
	store = calloc(1, sizeof(*store));
	if (!store)
		return NULL;
	store->limit = limit_bytes;
	store->memory = memory;
	store->nr_shards = 1;
	while (store->nr_shards < SHARDS_MAX &&
	       limit_bytes / (2 * store->nr_shards) >= SHARD_BYTES_MIN)
		store->nr_shards *= 2;
	store->shard = aligned_alloc(64, store->nr_shards * sizeof(*store->shard));
	if (!store->shard) {
		free(store);
		return NULL;
	}
	memset(store->shard, 0, store->nr_shards * sizeof(*store->shard));
	part = limit_bytes / store->nr_shards & ~(size_t)(POOL_CHUNK - 1);
	for (i = 0; i < store->nr_shards; i++)
		shard_init(&store->shard[i], (char *)store->memory + i * part,
			   (uint32_t)(part / (POOL_CHUNK + sizeof(uint32_t))), i, store->nr_shards);
	return store;
}

struct store *store_create(size_t limit_bytes, bool prefault)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | (prefault ? MAP_POPULATE : MAP_NORESERVE);
	struct store *store;
	void *memory;

	if (limit_bytes < STORE_MIN_BYTES) {
		errno = EINVAL;
		return NULL;
	}
	memory = mmap(NULL, limit_bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	store = store_create_in(memory, limit_bytes);
	if (!store) {
		munmap(memory, limit_bytes);
		errno = ENOMEM;
		return NULL;
	}
	store->mapped = limit_bytes;
	return store;
}

void store_prefault(struct store *store)
{
	size_t i;

	for (i = 0; i < store->limit; i += 4096)
		__atomic_fetch_or((char *)store->memory + i, 0, __ATOMIC_RELAXED);
}

void store_destroy(struct store *store)
{
	uint32_t i;

	if (!store)
		return;
	for (i = 0; i < store->nr_shards; i++)
		pthread_mutex_destroy(&store->shard[i].lock);
	if (store->mapped)
		munmap(store->memory, store->mapped);
	free(store->shard);
	free(store);
}

struct store_key store_key(const char *text, size_t len)
{
	return (struct store_key){
		.text = text, .len = (uint32_t)len, .hash = hash_key(text, (unsigned int)len),
	};
}

bool store_too_large(size_t key_len, size_t value_len)
{
	return sizeof(struct item) + key_len + value_len > ITEM_BYTES_MAX;
}

static struct shard *lock_shard(struct store *store, const struct store_key *key)
{
	struct shard *shard = &store->shard[(key->hash >> 32) & (store->nr_shards - 1)];

	pthread_mutex_lock(&shard->lock);
	return shard;
}

bool store_get(struct store *store, uint32_t now, const struct store_key *key,
	       const uint32_t *exptime, struct store_view *view)
{
	struct shard *shard = lock_shard(store, key);
	uint32_t entry = shard_find(shard, now, key);
	struct item *item;

	if (entry == POOL_NIL) {
		pthread_mutex_unlock(&shard->lock);
		return false;
	}
	item = shard_item(shard, entry);
	lru_use(&shard->lru, &shard->pool, entry);
	if (exptime)
		item->exptime = *exptime;
	*view = (struct store_view){
		.shard = shard, .item = item, .value_len = item->value_len,
		.flags = item->flags, .cas = item->cas,
	};
	return true;
}

void store_view_copy(const struct store_view *view, char *to)
{
	const struct shard *shard = view->shard;
	const struct item *item = view->item;

	item_read(&shard->pool, item, item->key_len, to, item->value_len);
}

void store_view_end(struct store_view *view)
{
	pthread_mutex_unlock(&((struct shard *)view->shard)->lock);
}

/* append and prepend: a new value made of the old one and the addition. */
static enum store_result put_joined(struct shard *shard, uint32_t now, uint32_t old,
				    bool append, const struct store_key *key,
				    const struct store_value *value)
{
	const struct item *item = shard_item(shard, old);
	size_t old_len = item->value_len;
	struct store_value joined = {
		.len = old_len + value->len, .flags = item->flags, .exptime = item->exptime,
	};
	enum store_result result;
	char *data;

	if (store_too_large(key->len, joined.len))
		return STORE_TOO_LARGE;
	/* Through a copy, because making room may evict the old item itself. */
	data = malloc(joined.len + 1);
	if (!data)
		return STORE_NO_MEMORY;
	item_read(&shard->pool, item, item->key_len, append ? data : data + value->len, old_len);
	memcpy(append ? data + old_len : data, value->data, value->len);
	joined.data = data;
	result = shard_replace(shard, now, old, key, &joined) == POOL_NIL ? STORE_NO_MEMORY :
									   STORE_OK;
	free(data);
	return result;
}

static enum store_result put_locked(struct shard *shard, uint32_t now, enum store_mode mode,
				    const struct store_key *key, const struct store_value *value)
{
	uint32_t old = shard_find(shard, now, key);
	bool found = old != POOL_NIL;

	switch (mode) {
	case STORE_SET:
		break;
	case STORE_ADD:
		if (!found)
			break;
		/* memcached counts a refused add as a use. */
		lru_use(&shard->lru, &shard->pool, old);
		return STORE_NOT_STORED;
	case STORE_REPLACE:
		if (!found)
			return STORE_NOT_STORED;
		break;
	case STORE_APPEND:
	case STORE_PREPEND:
		if (!found)
			return STORE_NOT_STORED;
		return put_joined(shard, now, old, mode == STORE_APPEND, key, value);
	case STORE_CAS:
		if (!found)
			return STORE_NOT_FOUND;
		if (shard_item(shard, old)->cas != value->cas)
			return STORE_EXISTS;
		break;
	}
	return shard_replace(shard, now, old, key, value) == POOL_NIL ? STORE_NO_MEMORY : STORE_OK;
}

enum store_result store_put(struct store *store, uint32_t now, enum store_mode mode,
			    const struct store_key *key, const struct store_value *value)
{
	enum store_result result;
	struct shard *shard;

	if (store_too_large(key->len, value->len))
		return STORE_TOO_LARGE;
	shard = lock_shard(store, key);
	result = put_locked(shard, now, mode, key, value);
	pthread_mutex_unlock(&shard->lock);
	return result;
}

enum store_result store_delete(struct store *store, uint32_t now, const struct store_key *key)
{
	struct shard *shard = lock_shard(store, key);
	uint32_t entry = shard_find(shard, now, key);

	if (entry != POOL_NIL)
		shard_unlink(shard, entry);
	pthread_mutex_unlock(&shard->lock);
	return entry == POOL_NIL ? STORE_NOT_FOUND : STORE_OK;
}

enum store_result store_touch(struct store *store, uint32_t now, const struct store_key *key,
			      uint32_t exptime)
{
	struct store_view view;

	if (!store_get(store, now, key, &exptime, &view))
		return STORE_NOT_FOUND;
	store_view_end(&view);
	return STORE_OK;
}

/* A decimal number of at most 20 digits, alone or followed by white space. */
static bool read_number(const struct shard *shard, const struct item *item, uint64_t *number)
{
	char text[NUMBER_DIGITS_MAX + 1];
	size_t digits = 0;

	if (item->value_len > NUMBER_DIGITS_MAX)
		return false;
	item_read(&shard->pool, item, item->key_len, text, item->value_len);
	while (digits < item->value_len && text[digits] >= '0' && text[digits] <= '9')
		digits++;
	if (digits < item->value_len && text[digits] != ' ')
		return false;
	return number_parse(text, digits, number);
}

static enum store_result arith_locked(struct shard *shard, uint32_t now,
				      const struct store_key *key, bool subtract, uint64_t delta,
				      uint64_t *number)
{
	uint32_t entry = shard_find(shard, now, key);
	char text[NUMBER_DIGITS_MAX + 1];
	struct store_value value = { .data = text };
	struct item *item;

	if (entry == POOL_NIL)
		return STORE_NOT_FOUND;
	item = shard_item(shard, entry);
	if (!read_number(shard, item, number))
		return STORE_NOT_NUMBER;
	if (subtract)
		*number = delta > *number ? 0 : *number - delta;
	else
		*number += delta;
	value.len = number_format(text, *number);
	value.flags = item->flags;
	value.exptime = item->exptime;
	/* A shorter number keeps the length: clients know the trailing spaces. */
	while (value.len < item->value_len)
		text[value.len++] = ' ';
	return shard_replace(shard, now, entry, key, &value) == POOL_NIL ? STORE_NO_MEMORY :
									  STORE_OK;
}

enum store_result store_arith(struct store *store, uint32_t now, const struct store_key *key,
			      bool subtract, uint64_t delta, uint64_t *number)
{
	struct shard *shard = lock_shard(store, key);
	enum store_result result = arith_locked(shard, now, key, subtract, delta, number);

	pthread_mutex_unlock(&shard->lock);
	return result;
}

void store_flush(struct store *store, uint32_t now, uint32_t at)
{
	uint32_t i;

	for (i = 0; i < store->nr_shards; i++) {
		struct shard *shard = &store->shard[i];

		pthread_mutex_lock(&shard->lock);
		shard->flush_at = at ? at : 1;
		shard_tick(shard, now);
		pthread_mutex_unlock(&shard->lock);
	}
}

void store_stats(struct store *store, struct store_stats *stats)
{
	uint32_t i;

	memset(stats, 0, sizeof(*stats));
	stats->limit = store->limit;
	stats->shards = store->nr_shards;
	for (i = 0; i < store->nr_shards; i++) {
		struct shard *shard = &store->shard[i];
		uint32_t used;

		pthread_mutex_lock(&shard->lock);
		used = shard->pool.limit - 1 - shard->pool.nr_free;
		stats->items += shard->table.nr_items;
		stats->buckets += table_size(&shard->table);
		stats->bytes += (uint64_t)used * POOL_CHUNK + table_size(&shard->table) * 4ull;
		stats->total_items += shard->total_items;
		stats->evictions += shard->evictions;
		stats->expired += shard->expired;
		pthread_mutex_unlock(&shard->lock);
	}
}

void store_stats_reset(struct store *store)
{
	uint32_t i;

	for (i = 0; i < store->nr_shards; i++) {
		struct shard *shard = &store->shard[i];

		pthread_mutex_lock(&shard->lock);
		shard->evictions = shard->expired = shard->total_items = 0;
		pthread_mutex_unlock(&shard->lock);
	}
}
