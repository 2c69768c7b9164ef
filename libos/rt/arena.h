/* SPDX-License-Identifier: MIT */
/* Memory of a run, made ready beforehand: aligned blocks that are not given back. */
#ifndef RT_ARENA_H
#define RT_ARENA_H

#include "policy.h"

struct rt_arena {
	char *base;
	uint64_t size;
	uint64_t used; /* by all threads */
};

/* size bytes at base; base may be NULL if size is 0. */
void rt_arena_init(struct rt_arena *arena, void *base, uint64_t size);

/* Write to each page, in ring 0: afterwards it has its entry in every table, and gives no exit. */
void rt_arena_touch(struct rt_arena *arena);

/* A block aligned to align, a power of two; NULL if there is no more. By any thread. */
void *rt_arena_take(struct rt_arena *arena, uint64_t size, uint64_t align);

#endif
