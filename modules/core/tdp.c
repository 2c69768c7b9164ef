// SPDX-License-Identifier: GPL-2.0
/*
 * Nested page tables: walk, map, zap and age, in the backend's entry format.
 *
 * Entries are written under the VM's mmu_lock and read by CPUs at any time, so
 * each store is one word. Tables stay until the VM goes (they are bounded by
 * the slots in use), but for one that a 2 MiB leaf replaces.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>

#include "core/stats.h"
#include "core/tdp.h"

#define ENTRIES 512
#define ADDRESS_MASK GENMASK_ULL(51, 12)

static int level_shift(int level)
{
	return 12 + 9 * (level - 1);
}

static unsigned int entry_index(gpa_t gpa, int level)
{
	return (gpa >> level_shift(level)) & (ENTRIES - 1);
}

static bool entry_present(const struct tdp *tdp, u64 entry)
{
	return entry & tdp->format->present;
}

static bool entry_leaf(const struct tdp *tdp, u64 entry, int level)
{
	return level == TDP_4K || (entry & tdp->format->large);
}

static u64 *entry_table(const struct tdp *tdp, u64 entry)
{
	return __va(entry & ADDRESS_MASK & ~tdp->format->encrypted);
}

static void *table_alloc(void)
{
	return (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

void tdp_table_free(struct tdp *tdp, void *table)
{
	if (!table)
		return;
	free_page((unsigned long)table);
	tdp->ntables--;
	live_dec(LIVE_TABLES);
}

int tdp_create(struct tdp *tdp)
{
	tdp->format = backend->tdp_format();
	tdp->levels = backend->tdp_levels();
	tdp->root = table_alloc();
	if (!tdp->root)
		return -ENOMEM;
	tdp->root_pa = __pa(tdp->root) | tdp->format->encrypted;
	tdp->ntables = 1;
	live_inc(LIVE_TABLES);
	return 0;
}

static void tables_free(struct tdp *tdp, u64 *table, int level)
{
	int i;

	for (i = 0; level > TDP_4K && i < ENTRIES; i++)
		if (entry_present(tdp, table[i]) &&
		    !entry_leaf(tdp, table[i], level))
			tables_free(tdp, entry_table(tdp, table[i]), level - 1);
	tdp_table_free(tdp, table);
}

void tdp_destroy(struct tdp *tdp)
{
	tables_free(tdp, tdp->root, tdp->levels);
	WARN_ON_ONCE(tdp->ntables);
}

int tdp_cache_refill(struct tdp_cache *cache)
{
	while (cache->n < TDP_CACHE_PAGES) {
		void *page = table_alloc();

		if (!page)
			return -ENOMEM;
		cache->page[cache->n++] = page;
	}
	return 0;
}

void tdp_cache_drain(struct tdp_cache *cache)
{
	while (cache->n)
		free_page((unsigned long)cache->page[--cache->n]);
}

/* The table below *entry, made from the cache if there is none. */
static u64 *table_below(struct tdp *tdp, struct tdp_cache *cache, u64 *entry)
{
	void *table;

	if (entry_present(tdp, *entry))
		return entry_table(tdp, *entry);
	table = cache->page[--cache->n];
	tdp->ntables++;
	live_inc(LIVE_TABLES);
	/* The table must be seen empty before the entry that leads to it. */
	smp_store_release(entry, __pa(table) | tdp->format->table |
					 tdp->format->encrypted);
	return table;
}

/* The table that has the leaf for gpa. */
static u64 *table_for(struct tdp *tdp, struct tdp_cache *cache, gpa_t gpa,
		      enum tdp_level leaf_level, bool *stale)
{
	u64 *table = tdp->root, *entry;
	int level;

	for (level = tdp->levels; level > leaf_level; level--) {
		entry = &table[entry_index(gpa, level)];
		if (entry_present(tdp, *entry) && entry_leaf(tdp, *entry, level)) {
			WRITE_ONCE(*entry, 0); /* a 2 MiB leaf gives way to 4 KiB */
			*stale = true;
		}
		table = table_below(tdp, cache, entry);
	}
	return table;
}

void *tdp_map(struct tdp *tdp, struct tdp_cache *cache, gpa_t gpa, u64 pa,
	      enum tdp_level leaf_level, unsigned int prot, bool *stale)
{
	const struct tdp_format *format = tdp->format;
	u64 *table = tdp->recent, *entry, leaf;
	void *replaced = NULL;

	if (leaf_level != TDP_4K || !table || tdp->recent_2m != gpa >> 21) {
		table = table_for(tdp, cache, gpa, leaf_level, stale);
		if (leaf_level == TDP_4K) {
			tdp->recent = table;
			tdp->recent_2m = gpa >> 21;
		}
	}
	entry = &table[entry_index(gpa, leaf_level)];
	leaf = (pa & ADDRESS_MASK) | format->leaf;
	if (!(prot & TDP_UNENCRYPTED))
		leaf |= format->encrypted;
	if (leaf_level > TDP_4K) {
		leaf &= ~(u64)((1ull << level_shift(leaf_level)) - PAGE_SIZE);
		leaf |= format->large;
		if (entry_present(tdp, *entry) &&
		    !entry_leaf(tdp, *entry, leaf_level))
			replaced = entry_table(tdp, *entry);
		*stale |= replaced != NULL;
		if (replaced == tdp->recent)
			tdp->recent = NULL;
	}
	if (prot & TDP_WRITE)
		leaf |= format->write;
	leaf |= (prot & TDP_UNCACHED) ? format->uncached : format->cached;
	leaf |= (prot & TDP_EXEC) ? format->exec : format->noexec;
	WRITE_ONCE(*entry, leaf);
	return replaced;
}

bool tdp_is_split(struct tdp *tdp, gpa_t gpa)
{
	u64 *table = tdp->root, entry = 0;
	int level;

	for (level = tdp->levels; level > TDP_4K; level--) {
		entry = table[entry_index(gpa, level)];
		if (!entry_present(tdp, entry) || entry_leaf(tdp, entry, level))
			return false;
		table = entry_table(tdp, entry);
	}
	return true;
}

/*
 * Call visit() for each leaf that overlaps [start, end). Empty subtrees are
 * skipped whole, so the cost follows what is mapped, not the range.
 */
static bool leaves_visit(struct tdp *tdp, u64 *table, int level, gpa_t start,
			 gpa_t end, bool (*visit)(struct tdp *tdp, u64 *entry))
{
	u64 span = 1ull << level_shift(level);
	bool any = false;
	gpa_t gpa, next;

	for (gpa = start; gpa < end; gpa = next) {
		u64 *entry = &table[entry_index(gpa, level)];

		next = min(end, (gpa & ~(span - 1)) + span);
		if (!entry_present(tdp, *entry))
			continue;
		if (entry_leaf(tdp, *entry, level))
			any |= visit(tdp, entry);
		else
			any |= leaves_visit(tdp, entry_table(tdp, *entry),
					    level - 1, gpa, next, visit);
	}
	return any;
}

static bool leaf_zap(struct tdp *tdp, u64 *entry)
{
	WRITE_ONCE(*entry, 0);
	return true;
}

/*
 * A CPU that keeps no accessed bits: what is mapped was used, since a fault
 * brought it, and is made old by taking it away.
 */
static bool leaf_young(struct tdp *tdp, u64 *entry)
{
	return !tdp->format->accessed ||
	       READ_ONCE(*entry) & tdp->format->accessed;
}

static bool leaf_make_old(struct tdp *tdp, u64 *entry)
{
	if (!tdp->format->accessed)
		return leaf_zap(tdp, entry);
	/* The CPU sets bits in this word concurrently: clear atomically. */
	return test_and_clear_bit(__ffs64(tdp->format->accessed),
				  (unsigned long *)entry);
}

/* True if anything was mapped: the caller then flushes. */
bool tdp_zap(struct tdp *tdp, gpa_t start, gpa_t end)
{
	return leaves_visit(tdp, tdp->root, tdp->levels, start, end, leaf_zap);
}

/* True if a page in the range was used since it was last made old. */
bool tdp_age(struct tdp *tdp, gpa_t start, gpa_t end, bool clear)
{
	return leaves_visit(tdp, tdp->root, tdp->levels, start, end,
			    clear ? leaf_make_old : leaf_young);
}
