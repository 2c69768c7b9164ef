// SPDX-License-Identifier: MIT
/* Allocator of threads' blocks: a bitmap over one reserved range. */
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "block.h"
#include "thread.h"

#define BLOCKS 1024 /* as many vCPUs as a VM can have */
#define ARENA_SIZE ((size_t)BLOCKS * BLOCK_STRIDE)

static struct {
	uintptr_t base;
	uint64_t used[BLOCKS / 64];
} arena;

int block_init(void)
{
	long at, start;

	if (arena.base)
		return 0;
	at = raw_syscall6(SYS_mmap, 0, ARENA_SIZE + BLOCK_STRIDE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at < 0 && at > -4096)
		return (int)at;
	start = (at + BLOCK_STRIDE - 1) & ~(long)(BLOCK_STRIDE - 1);
	if (start > at)
		raw_syscall3(SYS_munmap, at, start - at, 0);
	raw_syscall3(SYS_munmap, start + (long)ARENA_SIZE, at + BLOCK_STRIDE - start, 0);
	/* A large page would make each thread cost two megabytes. */
	raw_syscall3(SYS_madvise, start, ARENA_SIZE, MADV_NOHUGEPAGE);
	arena.base = (uintptr_t)start;
	return 0;
}

struct dune_thread *block_alloc(void)
{
	unsigned int i;

	for (i = 0; i < BLOCKS; i++) {
		uint64_t bit = 1ull << (i % 64);
		uintptr_t block = arena.base + (uintptr_t)i * BLOCK_STRIDE;

		if (__atomic_load_n(&arena.used[i / 64], __ATOMIC_RELAXED) & bit ||
		    __atomic_fetch_or(&arena.used[i / 64], bit, __ATOMIC_ACQUIRE) & bit)
			continue;
		/* Guard page: the host stack must not run into the trap stacks. */
		raw_syscall3(SYS_mprotect, (long)(block + BLOCK_SIZE), 4096, PROT_NONE);
		return (struct dune_thread *)block;
	}
	return NULL;
}

static unsigned int block_nr(const struct dune_thread *thread)
{
	return (unsigned int)(((uintptr_t)thread - arena.base) / BLOCK_STRIDE);
}

void block_free(struct dune_thread *thread)
{
	unsigned int i = block_nr(thread);

	raw_syscall3(SYS_madvise, (long)thread, BLOCK_TOTAL, MADV_DONTNEED);
	__atomic_fetch_and(&arena.used[i / 64], ~(1ull << (i % 64)), __ATOMIC_RELEASE);
}

/* enter.S */
_Noreturn void exit_off_stack(struct dune_thread *thread, long status, uint64_t *word,
			      uint64_t bit);

void block_free_and_exit(struct dune_thread *thread, long status)
{
	unsigned int i = block_nr(thread);

	exit_off_stack(thread, status, &arena.used[i / 64], i % 64);
}

void block_keep_only(struct dune_thread *thread)
{
	unsigned int i, nr = thread ? block_nr(thread) : BLOCKS;

	for (i = 0; i < BLOCKS; i++)
		if (i != nr && arena.used[i / 64] & 1ull << (i % 64))
			block_free((struct dune_thread *)(arena.base + (uintptr_t)i *
							  BLOCK_STRIDE));
}

struct dune_thread *block_find(uint64_t address)
{
	if (address - arena.base >= ARENA_SIZE)
		return NULL;
	return (struct dune_thread *)(address & ~(uint64_t)(BLOCK_STRIDE - 1));
}
