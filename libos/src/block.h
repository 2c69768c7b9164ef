/* SPDX-License-Identifier: MIT */
/* Memory of threads' blocks: one range of addresses, so that a stack pointer tells whose it is. */
#ifndef DUNE_SRC_BLOCK_H
#define DUNE_SRC_BLOCK_H

#include <stdint.h>

struct dune_thread;

/* Reserve the addresses. 0 or -errno. */
int block_init(void);
/* Zeroed memory for a thread, or NULL: all are in use. */
struct dune_thread *block_alloc(void);
void block_free(struct dune_thread *thread);
/* The calling thread ends, on the very stack that it gives back. */
_Noreturn void block_free_and_exit(struct dune_thread *thread, long status);
/* In the child of a fork: no block but this one (may be NULL) has an owner. */
void block_keep_only(struct dune_thread *thread);
/* Whose host side or trap stack holds this address, NULL if nobody's. Async-signal-safe. */
struct dune_thread *block_find(uint64_t address);

#endif
