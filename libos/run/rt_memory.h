/* SPDX-License-Identifier: MIT */
/* Memory of a run: there, locked, and in large pages if it can be had so. */
#ifndef DUNE_RUN_RT_MEMORY_H
#define DUNE_RUN_RT_MEMORY_H

#include "rt_state.h"

/*
 * run->memory bytes, faulted in, which this process holds on to: a descriptor, or -errno.
 * memory_kind says which: hugetlb or memfd. -ENOMEM: there is not so much.
 */
int memory_take(struct run_state *run);
/* Pages that were made large for it are ordinary again. When nothing uses it any more. */
void memory_give(struct run_state *run);
/* In a child, which has neither the mapping nor the descriptor of memory_take(). */
void memory_disown(void);

#endif
