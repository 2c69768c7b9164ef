/* SPDX-License-Identifier: MIT */
/* Memory of threads' blocks: few ranges of addresses, so that a stack pointer tells whose it is. */
#ifndef DUNE_SRC_BLOCK_H
#define DUNE_SRC_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "thread.h"

/* Addresses count for RLIMIT_AS: they are reserved for so many at a time. */
#define CHUNKS 16
#define CHUNK_BLOCKS 64 /* in all, as many vCPUs as a VM can have */
#define CHUNK_SIZE ((size_t)CHUNK_BLOCKS * BLOCK_STRIDE)

struct block_chunks {
	unsigned int n;
	uintptr_t base[CHUNKS];
};

extern struct block_chunks block_chunks __attribute__((visibility("hidden")));

/* Zeroed memory for a thread, or NULL and *error: -EMFILE if all are in use, -ENOMEM. */
struct dune_thread *block_alloc(int *error);
void block_free(struct dune_thread *thread);
/* The calling thread ends, on the very stack that it gives back. */
_Noreturn void block_free_and_exit(struct dune_thread *thread, long status);
/* In the child of a fork: no block but this one (may be NULL) has an owner. */
void block_keep_only(struct dune_thread *thread);
/* Memory that ring 3 has no part in, for one exec at a time; NULL: so much there is not. */
char *block_exec_take(size_t size);
void block_exec_drop(void);
bool block_overlaps(uint64_t start, uint64_t end);
bool block_chunk(unsigned int nr, uint64_t *start, uint64_t *end);

/* Whose host side or trap stack holds this address, NULL if nobody's. Async-signal-safe. */
static inline struct dune_thread *block_find(uint64_t address)
{
	unsigned int c, n = __atomic_load_n(&block_chunks.n, __ATOMIC_ACQUIRE);

	for (c = 0; c < n; c++)
		if (address - block_chunks.base[c] < CHUNK_SIZE)
			return (struct dune_thread *)(address & ~(uint64_t)(BLOCK_STRIDE - 1));
	return NULL;
}

#endif
