// SPDX-License-Identifier: MIT
/* Allocator of threads' blocks: a bitmap over reserved ranges. */
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "block.h"
#include "monitor.h"
#include "thread.h"

#define CHUNK_ALIGN (2l << 20) /* so that few page table entries say something of it */

static struct {
	struct raw_lock lock; /* for more chunks */
	uint64_t used[CHUNKS];
	char *exec_area;
	bool exec_busy;
} arena;

struct block_chunks block_chunks;

/* Of a program in ring 3 all at once, before it can come in between, and one for exec. */
static unsigned int chunks_wanted(void)
{
	return monitor_on() ? CHUNKS + 1 : 1;
}

static int chunk_map(void)
{
	const unsigned int wanted = chunks_wanted();
	const size_t size = wanted * CHUNK_SIZE;
	long at, start;
	unsigned int i;

	if (block_chunks.n == CHUNKS)
		return -EMFILE;
	at = raw_syscall6(SYS_mmap, 0, (long)size + CHUNK_ALIGN, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at < 0 && at > -4096)
		return (int)at;
	start = (at + CHUNK_ALIGN - 1) & ~(long)(CHUNK_ALIGN - 1);
	if (start > at)
		raw_syscall3(SYS_munmap, at, start - at, 0);
	raw_syscall3(SYS_munmap, start + (long)size, at + CHUNK_ALIGN - start, 0);
	/* A large page would make each thread cost two megabytes. */
	raw_syscall3(SYS_madvise, start, size, MADV_NOHUGEPAGE);
	if (monitor_on()) {
		at = paging_hide((uint64_t)start, (uint64_t)start + size);
		if (at) {
			raw_syscall3(SYS_munmap, start, size, 0);
			return (int)at;
		}
		arena.exec_area = (char *)start + CHUNKS * CHUNK_SIZE;
	}
	for (i = 0; i < (wanted == 1 ? 1 : CHUNKS); i++)
		block_chunks.base[block_chunks.n + i] = (uintptr_t)start + i * CHUNK_SIZE;
	__atomic_store_n(&block_chunks.n, block_chunks.n + i, __ATOMIC_RELEASE);
	return 0;
}

char *block_exec_take(size_t size)
{
	if (size > CHUNK_SIZE || !arena.exec_area)
		return NULL;
	while (__atomic_exchange_n(&arena.exec_busy, true, __ATOMIC_ACQUIRE))
		raw_syscall3(SYS_sched_yield, 0, 0, 0);
	return arena.exec_area;
}

void block_exec_drop(void)
{
	raw_syscall3(SYS_madvise, (long)arena.exec_area, CHUNK_SIZE, MADV_DONTNEED);
	__atomic_store_n(&arena.exec_busy, false, __ATOMIC_RELEASE);
}

/* A free block of the chunks there are. */
static struct dune_thread *block_take(unsigned int chunks)
{
	unsigned int c, i;

	for (c = 0; c < chunks; c++) {
		for (i = 0; i < CHUNK_BLOCKS; i++) {
			uint64_t bit = 1ull << i;
			uintptr_t block = block_chunks.base[c] + (uintptr_t)i * BLOCK_STRIDE;

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
		unsigned int chunks = __atomic_load_n(&block_chunks.n, __ATOMIC_ACQUIRE);

		thread = block_take(chunks);
		if (thread)
			return thread;
		raw_lock(&arena.lock);
		*error = block_chunks.n == chunks ? chunk_map() : 0;
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

	while (at - block_chunks.base[c] >= CHUNK_SIZE)
		c++;
	*bit = (unsigned int)((at - block_chunks.base[c]) / BLOCK_STRIDE);
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
	arena.exec_busy = false;
	for (c = 0; c < block_chunks.n; c++) {
		for (i = 0; i < CHUNK_BLOCKS; i++) {
			uintptr_t block = block_chunks.base[c] + (uintptr_t)i * BLOCK_STRIDE;

			if (block == (uintptr_t)thread || !(arena.used[c] & 1ull << i))
				continue;
			/* Its run page was not inherited: nobody else's memory may come there. */
			host_run_page_drop((struct dune_thread *)block);
			block_free((struct dune_thread *)block);
		}
	}
}

bool block_chunk(unsigned int nr, uint64_t *start, uint64_t *end)
{
	if (nr >= __atomic_load_n(&block_chunks.n, __ATOMIC_ACQUIRE)) {
		/* Behind the last one. */
		*start = (uint64_t)arena.exec_area;
		*end = *start + CHUNK_SIZE;
		return nr == CHUNKS && arena.exec_area;
	}
	*start = block_chunks.base[nr];
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
