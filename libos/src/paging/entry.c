// SPDX-License-Identifier: MIT
/* One entry: finding it, making it, changing it. */
#include <errno.h>

#include "paging.h"

uint64_t *entry_find(const struct root *root, uintptr_t address, int *level)
{
	uint64_t *table = root->table;
	int l, shift = 39;

	for (l = 4;; l--, shift -= 9) {
		uint64_t *entry = &table[address >> shift & (ENTRIES - 1)];
		uint64_t value = __atomic_load_n(entry, __ATOMIC_ACQUIRE);

		if (!entry_is_table(value, l)) {
			*level = l;
			return entry;
		}
		table = table_at(value);
	}
}

/* Replace what is at the given level by a table of smaller entries that say the same. */
static int entry_split(uint64_t *entry, int level)
{
	uint64_t *table = table_new(), old = *entry;
	int i;

	if (!table)
		return -ENOMEM;
	do { /* until no CPU has set a bit in it meanwhile */
		uint64_t first = level == 2 ? old & ~PTE_LARGE : old;

		for (i = 0; i < ENTRIES; i++)
			table[i] = old ? first + (uint64_t)i * LEVEL_SIZE(level - 1) : 0;
	} while (!__atomic_compare_exchange_n(entry, &old, table_gpa(table) | PTE_TABLE, false,
					      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	return 0;
}

int entry_make(struct root *root, uintptr_t address, int *level, uint64_t **entry)
{
	int want = *level, error;

	for (;;) {
		*entry = entry_find(root, address, level);
		if (*level <= want)
			return 0;
		error = entry_split(*entry, *level);
		if (error)
			return error;
	}
}

#define BITS(prot)                                            \
	(((prot) ? PTE_PRESENT : 0) |                         \
	 ((prot) & DUNE_PROT_WRITE ? PTE_WRITE : 0) |         \
	 ((prot) & DUNE_PROT_USER ? PTE_USER : 0) |           \
	 ((prot) & DUNE_PROT_EXEC ? 0 : PTE_NX))
#define FOUR_BITS(prot) BITS(prot), BITS((prot) + 1), BITS((prot) + 2), BITS((prot) + 3)

const uint64_t entry_prots[] = { FOUR_BITS(0), FOUR_BITS(4), FOUR_BITS(8), FOUR_BITS(12) };
