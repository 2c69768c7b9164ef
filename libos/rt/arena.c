// SPDX-License-Identifier: MIT
/* Blocks of a run's memory, by one counter. */
#include "arena.h"

#define PAGE 4096u

void rt_arena_init(struct rt_arena *arena, void *base, uint64_t size)
{
	*arena = (struct rt_arena){ .base = base, .size = size };
}

void rt_arena_touch(struct rt_arena *arena)
{
	uint64_t at;

	/* A write that changes nothing, whoever else writes. */
	for (at = 0; at < arena->size; at += PAGE)
		__atomic_fetch_or(arena->base + at, 0, __ATOMIC_RELAXED);
}

void *rt_arena_take(struct rt_arena *arena, uint64_t size, uint64_t align)
{
	uint64_t used = __atomic_load_n(&arena->used, __ATOMIC_RELAXED), start, base;

	base = (uint64_t)arena->base;
	do {
		if (!align || align & (align - 1) || used > UINT64_MAX - base ||
		    base + used > UINT64_MAX - (align - 1))
			return NULL;
		start = ((base + used + align - 1) & ~(align - 1)) - base;
		if (start > arena->size || size > arena->size - start)
			return NULL;
	} while (!__atomic_compare_exchange_n(&arena->used, &used, start + size, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return arena->base + start;
}
