// SPDX-License-Identifier: MIT
/* Allocator of threads' blocks: a bitmap over reserved ranges. */
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "block.h"
#include "monitor.h"
#include "thread.h"

/* Addresses count for RLIMIT_AS: they are reserved for so many at a time. */
#define CHUNKS 16
#define CHUNK_BLOCKS 64 /* in all, as many vCPUs as a VM can have */
#define CHUNK_SIZE ((size_t)CHUNK_BLOCKS * BLOCK_STRIDE)

static struct {
	struct raw_lock lock; /* for more chunks */
	unsigned int n;
	uintptr_t base[CHUNKS];
	uint64_t used[CHUNKS];
} arena;

static int chunk_map(void)
{
	long at, start;

	if (arena.n == CHUNKS)
		return -EMFILE;
	at = raw_syscall6(SYS_mmap, 0, CHUNK_SIZE + BLOCK_STRIDE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at < 0 && at > -4096)
		return (int)at;
	start = (at + BLOCK_STRIDE - 1) & ~(long)(BLOCK_STRIDE - 1);
	if (start > at)
		raw_syscall3(SYS_munmap, at, start - at, 0);
	raw_syscall3(SYS_munmap, start + (long)CHUNK_SIZE, at + BLOCK_STRIDE - start, 0);
	/* A large page would make each thread cost two megabytes. */
	raw_syscall3(SYS_madvise, start, CHUNK_SIZE, MADV_NOHUGEPAGE);
	if (monitor_on()) {
		at = paging_hide((uint64_t)start, (uint64_t)start + CHUNK_SIZE);
		/* What ring 3 left there meanwhile, and any translation of it. */
		if (!at)
			at = raw_syscall3(SYS_madvise, start, CHUNK_SIZE, MADV_DONTNEED);
		if (at) {
			raw_syscall3(SYS_munmap, start, CHUNK_SIZE, 0);
			return (int)at;
		}
	}
	arena.base[arena.n] = (uintptr_t)start;
	__atomic_store_n(&arena.n, arena.n + 1, __ATOMIC_RELEASE);
	return 0;
}

/* A free block of the chunks there are. */
static struct dune_thread *block_take(unsigned int chunks)
{
	unsigned int c, i;

	for (c = 0; c < chunks; c++) {
		for (i = 0; i < CHUNK_BLOCKS; i++) {
			uint64_t bit = 1ull << i;
			uintptr_t block = arena.base[c] + (uintptr_t)i * BLOCK_STRIDE;

			if (__atomic_load_n(&arena.used[c], __ATOMIC_RELAXED) & bit ||
			    __atomic_fetch_or(&arena.used[c], bit, __ATOMIC_ACQUIRE) & bit)
				continue;
			/* Guard page: the host stack must not run into the trap stacks. */
			raw_syscall3(SYS_mprotect, (long)(block + BLOCK_SIZE), 4096, PROT_NONE);
			return (struct dune_thread *)block;
		}
	}
	return NULL;
}

struct dune_thread *block_alloc(int *error)
{
	struct dune_thread *thread;

	for (;;) {
		unsigned int chunks = __atomic_load_n(&arena.n, __ATOMIC_ACQUIRE);

		thread = block_take(chunks);
		if (thread)
			return thread;
		raw_lock(&arena.lock);
		*error = arena.n == chunks ? chunk_map() : 0;
		raw_unlock(&arena.lock);
		if (*error)
			return NULL;
	}
}

/* The bit of a block and the word that has it. */
static uint64_t *block_word(const struct dune_thread *thread, unsigned int *bit)
{
	uintptr_t at = (uintptr_t)thread;
	unsigned int c = 0;

	while (at - arena.base[c] >= CHUNK_SIZE)
		c++;
	*bit = (unsigned int)((at - arena.base[c]) / BLOCK_STRIDE);
	return &arena.used[c];
}

void block_free(struct dune_thread *thread)
{
	unsigned int bit;
	uint64_t *word = block_word(thread, &bit);

	raw_syscall3(SYS_madvise, (long)thread, BLOCK_STRIDE, MADV_DONTNEED);
	__atomic_fetch_and(word, ~(1ull << bit), __ATOMIC_RELEASE);
}

/* enter.S */
_Noreturn void exit_off_stack(struct dune_thread *thread, long status, uint64_t *word,
			      uint64_t bit);

void block_free_and_exit(struct dune_thread *thread, long status)
{
	unsigned int bit;
	uint64_t *word = block_word(thread, &bit);

	exit_off_stack(thread, status, word, bit);
}

void block_keep_only(struct dune_thread *thread)
{
	unsigned int c, i;

	arena.lock.held = 0; /* whoever held it was not forked */
	for (c = 0; c < arena.n; c++) {
		for (i = 0; i < CHUNK_BLOCKS; i++) {
			uintptr_t block = arena.base[c] + (uintptr_t)i * BLOCK_STRIDE;

			if (block == (uintptr_t)thread || !(arena.used[c] & 1ull << i))
				continue;
			/* Its run page was not inherited: nobody else's memory may come there. */
			host_run_page_drop((struct dune_thread *)block);
			block_free((struct dune_thread *)block);
		}
	}
}

struct dune_thread *block_find(uint64_t address)
{
	unsigned int c, n = __atomic_load_n(&arena.n, __ATOMIC_ACQUIRE);

	for (c = 0; c < n; c++)
		if (address - arena.base[c] < CHUNK_SIZE)
			return (struct dune_thread *)(address & ~(uint64_t)(BLOCK_STRIDE - 1));
	return NULL;
}

bool block_chunk(unsigned int nr, uint64_t *start, uint64_t *end)
{
	if (nr >= __atomic_load_n(&arena.n, __ATOMIC_ACQUIRE))
		return false;
	*start = arena.base[nr];
	*end = *start + CHUNK_SIZE;
	return true;
}

bool block_overlaps(uint64_t start, uint64_t end)
{
	uint64_t from, to;
	unsigned int i;

	for (i = 0; block_chunk(i, &from, &to); i++)
		if (start < to && from < end)
			return true;
	return false;
}
