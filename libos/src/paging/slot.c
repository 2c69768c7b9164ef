// SPDX-License-Identifier: MIT
/*
 * Guest-physical memory: each GiB of the process that is used has a slot. The
 * host's nested table has the last word on every access, so page tables can be
 * generous: a GiB that is touched becomes one entry of 1 GiB (or 512 of 2 MiB),
 * split only where the program wants a say about less.
 */
#include <errno.h>

#include "../monitor.h"
#include "../thread.h"
#include "paging.h"

/* The guest-physical address of hva. */
int slot_gpa(uintptr_t hva, uint64_t *gpa)
{
	uintptr_t base = hva & ~(SLOT_SIZE - 1);
	unsigned int i;
	int error;

	for (i = 0; i < paging.nslots && paging.slot_hva[i] != base; i++)
		;
	*gpa = (uint64_t)i << 30;
	if (i == paging.nslots) {
		error = (int)host_slot(base, gpa);
		if (error)
			return error;
		/* A fork at any moment must find no slot without its address. */
		paging.slot_hva[i] = base;
		__atomic_store_n(&paging.nslots, i + 1, __ATOMIC_RELEASE);
	}
	*gpa += hva & (SLOT_SIZE - 1);
	return 0;
}

int paging_slots_replay(void)
{
	unsigned int i;
	uint64_t gpa;

	for (i = 0; i < paging.nslots; i++) {
		long ret = host_slot(paging.slot_hva[i], &gpa);

		if (ret)
			return (int)ret;
		if (gpa >> 30 != i)
			return -EPROTO;
	}
	return 0;
}

int slot_fill(struct root *root, uintptr_t address)
{
	uint64_t *entry, *table, value, gpa;
	int level, error, i;

	if (address >= USER_END || !root->lazy)
		return -EFAULT;
	value = *entry_find(root, address, &level);
	if (level < 3 || value)
		return -EFAULT;
	level = 3;
	error = entry_make(root, address, &level, &entry);
	if (!error)
		error = slot_gpa(address & ~(SLOT_SIZE - 1), &gpa);
	if (error)
		return error;
	value = gpa | PTE_LEAF | PTE_LARGE | (monitor_on() ? PTE_USER : 0);
	/* Never a leaf of 1 GiB on a CPU that takes it for an error: others may look. */
	if (!paging.huge_1g) {
		table = table_new();
		if (!table)
			return -ENOMEM;
		for (i = 0; i < ENTRIES; i++)
			table[i] = value + (uint64_t)i * LEVEL_SIZE(2);
		value = table_gpa(table) | PTE_TABLE;
	}
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
	if (monitor_on())
		error = hide_in_gib(root, address & ~(SLOT_SIZE - 1));
	if (error)
		__atomic_store_n(entry, 0, __ATOMIC_RELEASE);
	return error;
}

int slot_touch(struct root *root, uintptr_t address)
{
	int error = slot_fill(root, address);

	return error == -EFAULT ? 0 : error;
}
