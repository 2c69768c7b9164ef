/* SPDX-License-Identifier: GPL-2.0 */
/* Nested page table of one VM: guest-physical to host-physical. */
#ifndef DUNE_CORE_TDP_H
#define DUNE_CORE_TDP_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/types.h>

#include "core/backend.h"

typedef u64 gpa_t;
typedef u64 hva_t;

enum tdp_level { TDP_4K = 1, TDP_2M = 2 };

#define TDP_WRITE (1u << 0)
#define TDP_EXEC (1u << 1)
#define TDP_UNCACHED (1u << 2)
#define TDP_UNENCRYPTED (1u << 3) /* not memory: the encryption bit stays off */

struct tdp {
	u64 *root;
	u64 root_pa; /* with the encryption bit, as the CPU wants it */
	int levels;
	const struct tdp_format *format;
	unsigned long ntables;

	/* The table of 4 KiB leaves used last, as neighbours come one after the other. */
	u64 recent_2m;	/* gpa >> 21 */
	u64 *recent;	/* NULL: none */
};

/* Table pages set aside before a lock is taken, so that mapping cannot fail. */
#define TDP_CACHE_PAGES 5
struct tdp_cache {
	unsigned int n;
	void *page[TDP_CACHE_PAGES];
};

int tdp_create(struct tdp *tdp);
void tdp_destroy(struct tdp *tdp);

int tdp_cache_refill(struct tdp_cache *cache);
static inline int tdp_cache_fill(struct tdp_cache *cache)
{
	return likely(cache->n == TDP_CACHE_PAGES) ? 0 : tdp_cache_refill(cache);
}
void tdp_cache_drain(struct tdp_cache *cache);

/*
 * Under the VM's mmu_lock. tdp_map() returns a table page that a 2 MiB leaf
 * replaced, to be freed by tdp_table_free() once no CPU can still walk it.
 * *stale is set if CPUs may hold translations of a leaf that is gone.
 */
void *tdp_map(struct tdp *tdp, struct tdp_cache *cache, gpa_t gpa, u64 pa,
	      enum tdp_level level, unsigned int prot, bool *stale);
/* Whether the 2 MiB around gpa are mapped by 4 KiB leaves, or were. */
bool tdp_is_split(struct tdp *tdp, gpa_t gpa);
bool tdp_zap(struct tdp *tdp, gpa_t start, gpa_t end);
bool tdp_age(struct tdp *tdp, gpa_t start, gpa_t end, bool clear);
void tdp_table_free(struct tdp *tdp, void *table);

#endif
