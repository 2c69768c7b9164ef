// SPDX-License-Identifier: MIT
/* Finding live items, replacing values, evicting. */
#include "kv/server/shard.h"

void shard_tick(struct shard *shard, uint32_t now)
{
	if (shard->flush_at && shard->flush_at <= now) {
		shard->flushed_cas = shard->cas;
		shard->flush_at = 0;
	}
}

static bool is_dead(const struct shard *shard, const struct item *item, uint32_t now)
{
	return (item->exptime && item->exptime <= now) || item->cas <= shard->flushed_cas;
}

void shard_unlink(struct shard *shard, uint32_t entry)
{
	lru_remove(&shard->lru, &shard->pool, entry);
	table_remove(&shard->table, &shard->pool, entry);
	item_free(&shard->pool, entry);
}

uint32_t shard_find(struct shard *shard, uint32_t now, const struct store_key *key)
{
	uint32_t entry;

	shard_tick(shard, now);
	entry = table_find(&shard->table, &shard->pool, (uint32_t)key->hash, key->text, key->len);
	if (entry != POOL_NIL && is_dead(shard, shard_item(shard, entry), now)) {
		shard_unlink(shard, entry);
		shard->expired++;
		return POOL_NIL;
	}
	return entry;
}

static void make_room(struct shard *shard, uint32_t now, uint32_t chunks)
{
	while (shard->pool.nr_free < chunks) {
		uint32_t oldest = shard->lru.oldest;

		if (is_dead(shard, shard_item(shard, oldest), now))
			shard->expired++;
		else
			shard->evictions++;
		shard_unlink(shard, oldest);
	}
}

uint32_t shard_replace(struct shard *shard, uint32_t now, uint32_t old,
		       const struct store_key *key, const struct store_value *value)
{
	uint32_t chunks = item_chunks(key->len, value->len);
	uint32_t entry = old;
	struct item *item;

	if (chunks >= shard->pool.limit)
		return POOL_NIL;
	if (old != POOL_NIL &&
	    item_chunks(key->len, shard_item(shard, old)->value_len) != chunks) {
		shard_unlink(shard, old);
		entry = POOL_NIL;
	}
	if (entry != POOL_NIL) {
		/* Same number of chunks: nobody reads without the lock, so write in place. */
		lru_use(&shard->lru, &shard->pool, entry);
		item = shard_item(shard, entry);
	} else {
		make_room(shard, now, chunks);
		entry = item_alloc(&shard->pool, chunks);
		item = shard_item(shard, entry);
		item->hash = (uint32_t)key->hash;
		item->key_len = key->len & 0xff;
		item_write(&shard->pool, item, 0, key->text, key->len);
		table_insert(&shard->table, &shard->pool, entry);
		lru_add(&shard->lru, &shard->pool, entry);
	}
	item->value_len = value->len & 0xffffff;
	item->flags = value->flags;
	item->exptime = value->exptime;
	item->cas = shard_next_cas(shard);
	item_write(&shard->pool, item, key->len, value->data, value->len);
	shard->total_items++;
	return entry;
}
