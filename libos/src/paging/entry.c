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

uint64_t entry_change(uint64_t *entry, uint64_t clear, uint64_t set)
{
	uint64_t old = __atomic_load_n(entry, __ATOMIC_RELAXED);

	while (!__atomic_compare_exchange_n(entry, &old, (old & ~clear) | set, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	return old;
}

uint64_t entry_prot(int prot)
{
	uint64_t bits = 0;

	if (prot != DUNE_PROT_NONE)
		bits |= PTE_PRESENT;
	if (prot & DUNE_PROT_WRITE)
		bits |= PTE_WRITE;
	if (prot & DUNE_PROT_USER)
		bits |= PTE_USER;
	if (!(prot & DUNE_PROT_EXEC))
		bits |= PTE_NX;
	return bits;
}
