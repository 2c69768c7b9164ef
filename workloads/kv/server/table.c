// SPDX-License-Identifier: MIT
/* Finding, inserting and removing items; splitting buckets. */
#include "kv/server/table.h"

static struct item *at(const struct pool *pool, uint32_t entry)
{
	return pool_at(pool, entry);
}

void table_init(struct table *table, uint32_t *bucket, uint32_t limit)
{
	table->bucket = bucket;
	table->limit = limit;
	table->round = TABLE_FIRST_ROUND;
	table->split = 0;
	table->nr_items = 0;
}

/* Buckets below `split` have been divided already: they use one more bit. */
static uint32_t *bucket_of(const struct table *table, uint32_t hash)
{
	uint32_t i = hash & (table->round - 1);

	if (i < table->split)
		i = hash & (2 * table->round - 1);
	return &table->bucket[i];
}

static void split_one(struct table *table, const struct pool *pool)
{
	uint32_t *low = &table->bucket[table->split];
	uint32_t *high = &table->bucket[table->split + table->round];
	uint32_t entry = *low;

	*low = *high = POOL_NIL;
	while (entry != POOL_NIL) {
		struct item *item = at(pool, entry);
		uint32_t next = item->chain;
		uint32_t *to = item->hash & table->round ? high : low;

		item->chain = *to;
		*to = entry;
		entry = next;
	}
	if (++table->split == table->round) {
		table->round *= 2;
		table->split = 0;
	}
}

uint32_t table_find(const struct table *table, const struct pool *pool,
		    uint32_t hash, const char *key, size_t key_len)
{
	uint32_t entry = *bucket_of(table, hash);

	while (entry != POOL_NIL) {
		const struct item *item = at(pool, entry);

		if (item->hash == hash && item_key_equal(pool, item, key, key_len))
			break;
		entry = item->chain;
	}
	return entry;
}

void table_insert(struct table *table, const struct pool *pool, uint32_t entry)
{
	struct item *item = at(pool, entry);
	uint32_t *bucket = bucket_of(table, item->hash);

	item->chain = *bucket;
	*bucket = entry;
	if (++table->nr_items > table_size(table) && table_size(table) < table->limit)
		split_one(table, pool);
}

void table_remove(struct table *table, const struct pool *pool, uint32_t entry)
{
	uint32_t *link = bucket_of(table, ((struct item *)at(pool, entry))->hash);

	while (*link != entry)
		link = &((struct item *)at(pool, *link))->chain;
	*link = ((struct item *)at(pool, entry))->chain;
	table->nr_items--;
}
