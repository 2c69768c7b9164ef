/* SPDX-License-Identifier: MIT */
/* Items of a shard in order of last use. */
#ifndef SERVER_LRU_H
#define SERVER_LRU_H

#include "kv/server/item.h"

struct lru {
	uint32_t newest, oldest;
};

static inline void lru_add(struct lru *lru, const struct pool *pool, uint32_t entry)
{
	struct item *item = pool_at(pool, entry);

	item->newer = POOL_NIL;
	item->older = lru->newest;
	if (lru->newest != POOL_NIL)
		((struct item *)pool_at(pool, lru->newest))->newer = entry;
	else
		lru->oldest = entry;
	lru->newest = entry;
}

static inline void lru_remove(struct lru *lru, const struct pool *pool, uint32_t entry)
{
	struct item *item = pool_at(pool, entry);

	if (item->newer != POOL_NIL)
		((struct item *)pool_at(pool, item->newer))->older = item->older;
	else
		lru->newest = item->older;
	if (item->older != POOL_NIL)
		((struct item *)pool_at(pool, item->older))->newer = item->newer;
	else
		lru->oldest = item->newer;
}

static inline void lru_use(struct lru *lru, const struct pool *pool, uint32_t entry)
{
	if (lru->newest == entry)
		return;
	lru_remove(lru, pool, entry);
	lru_add(lru, pool, entry);
}

#endif
