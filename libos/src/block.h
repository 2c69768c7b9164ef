/* SPDX-License-Identifier: MIT */
/* Memory of threads' blocks: few ranges of addresses, so that a stack pointer tells whose it is. */
#ifndef DUNE_SRC_BLOCK_H
#define DUNE_SRC_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dune_thread;

/* Zeroed memory for a thread, or NULL and *error: -EMFILE if all are in use, -ENOMEM. */
struct dune_thread *block_alloc(int *error);
void block_free(struct dune_thread *thread);
/* The calling thread ends, on the very stack that it gives back. */
_Noreturn void block_free_and_exit(struct dune_thread *thread, long status);
/* In the child of a fork: no block but this one (may be NULL) has an owner. */
void block_keep_only(struct dune_thread *thread);
/* Whose host side or trap stack holds this address, NULL if nobody's. Async-signal-safe. */
/* Memory that ring 3 has no part in, for one exec at a time; NULL: so much there is not. */
char *block_exec_take(size_t size);
void block_exec_drop(void);
struct dune_thread *block_find(uint64_t address);
bool block_overlaps(uint64_t start, uint64_t end);
bool block_chunk(unsigned int nr, uint64_t *start, uint64_t *end);

#endif
