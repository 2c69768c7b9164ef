// SPDX-License-Identifier: MIT
/* Memory of page tables: address space reserved once, used a page at a time, used again. */
#include <sys/mman.h>

#include "paging.h"

#define ARENA_ALIGN (2ull << 20) /* so that few entries map it */

struct paging paging;

uint64_t *table_new(void)
{
	uint64_t *table = paging.free;

	if (table) {
		paging.free = (uint64_t *)*table;
		raw_zero(table, PAGE);
		return table;
	}
	if (paging.arena_used == ARENA_SIZE)
		return NULL;
	table = (uint64_t *)(paging.arena + paging.arena_used);
	paging.arena_used += PAGE;
	return table;
}

void table_free(uint64_t *table)
{
	*table = (uint64_t)paging.free;
	paging.free = table;
}

/* ARENA_SIZE bytes that do not cross a GiB. */
static long arena_map(void)
{
	const size_t size = 2 * ARENA_SIZE + ARENA_ALIGN;
	long at = raw_syscall6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t start, next;

	if (at < 0 && at > -4096)
		return at;
	start = ((uintptr_t)at + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	next = (start + SLOT_SIZE) & ~(SLOT_SIZE - 1);
	if (next - start < ARENA_SIZE)
		start = next;
	if (start > (uintptr_t)at)
		raw_syscall3(SYS_munmap, at, (long)start - at, 0);
	raw_syscall3(SYS_munmap, (long)(start + ARENA_SIZE),
		     at + (long)size - (long)(start + ARENA_SIZE), 0);
	/* A large page would be two megabytes for a handful of tables. */
	raw_syscall3(SYS_madvise, (long)start, ARENA_SIZE, MADV_NOHUGEPAGE);
	return (long)start;
}

int arena_init(void)
{
	long arena = arena_map();
	uint64_t gpa;
	int error;

	if (arena < 0 && arena > -4096)
		return (int)arena;
	paging.arena = (char *)arena;
	error = slot_gpa((uintptr_t)arena, &gpa);
	if (error)
		return error;
	paging.arena_gpa = gpa;
	return 0;
}
